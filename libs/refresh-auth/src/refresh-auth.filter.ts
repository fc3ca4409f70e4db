import { type ArgumentsHost, Catch, Inject } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import type { RefreshAuthError } from './errors/refresh-auth-error.js';
import { HeaderlessError } from './http/error-answers.js';
import type { HttpResponse } from './http/http-message.js';
import { RefreshAuthCore } from './refresh-auth.core.js';

/**
 * Adds to the answer of an error that a handler lets through (a sign-out that the store did not record, say) the headers that the guard adds.
 * Registered by the module; costs nothing where nothing is thrown.
 */
@Catch(HeaderlessError)
export class RefreshAuthFilter extends BaseExceptionFilter<RefreshAuthError> {
  constructor(@Inject(RefreshAuthCore) private readonly core: RefreshAuthCore) {
    super();
  }

  override catch(rejection: RefreshAuthError, host: ArgumentsHost): void | Observable<never> {
    const type = host.getType<string>();
    // Microservices want a stream, and crash on what is thrown; GraphQL makes its own answer of what is thrown.
    if (type === 'rpc') return throwError(() => ({ code: rejection.code, message: rejection.message }));
    if (type !== 'http') throw rejection;
    this.core.answers.addHeaders(rejection, host.switchToHttp().getResponse<HttpResponse>());
    super.catch(rejection, host);
  }
}
