import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { getTokenState } from 'nestjs-refresh-auth';

/**
 * Sends the token state in `X-Token-State`. `RefreshAuthGuard` has run before and found it. This is a guard because interceptors do not run
 * if a later guard refuses the request.
 */
@Injectable()
export class TokenStateHeaderGuard implements CanActivate {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  canActivate(context: ExecutionContext): boolean {
    // Messages over a socket have no headers.
    if (context.getType() !== 'http') return true;
    const http = context.switchToHttp();
    const state = getTokenState(http.getRequest());
    if (state) {
      this.adapterHost.httpAdapter.setHeader(http.getResponse(), 'X-Token-State', state);
    }
    return true;
  }
}
