import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { getTokenState } from 'nestjs-refresh-auth';

/**
 * Shows in `X-Token-State` what `RefreshAuthGuard`, which runs just before, found. A guard and not an interceptor:
 * interceptors never run when a later guard refuses.
 */
@Injectable()
export class TokenStateHeaderGuard implements CanActivate {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const state = getTokenState(http.getRequest());
    if (state) {
      this.adapterHost.httpAdapter.setHeader(http.getResponse(), 'X-Token-State', state);
    }
    return true;
  }
}
