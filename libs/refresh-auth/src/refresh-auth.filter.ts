import { type ArgumentsHost, Catch, type HttpException, Inject } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import { RefreshAuthError } from './errors/refresh-auth-error.js';
import type { HttpResponse } from './http/http-message.js';
import { RefreshAuthCore } from './refresh-auth.core.js';

/**
 * Gives refusals that a handler lets through (a sign-out that the store did not record, say) the same answer that the guard gives.
 * Registered by the module; costs nothing where nothing is thrown.
 */
@Catch(RefreshAuthError)
export class RefreshAuthFilter extends BaseExceptionFilter<HttpException | RefreshAuthError> {
  constructor(@Inject(RefreshAuthCore) private readonly core: RefreshAuthCore) {
    super();
  }

  override catch(refusal: RefreshAuthError, host: ArgumentsHost): void | Observable<never> {
    const type = host.getType<string>();
    // Microservices want a stream, and crash on what is thrown; GraphQL makes its own answer of what is thrown.
    if (type === 'rpc') return throwError(() => ({ status: 'error', message: refusal.message, code: refusal.code }));
    if (type !== 'http') throw refusal;
    super.catch(this.core.answers.refuse(refusal, host.switchToHttp().getResponse<HttpResponse>()), host);
  }
}
