import { type ArgumentsHost, Catch, Inject } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import { lookForRequestResponse } from './contexts/execution-context.js';
import { withoutStack } from './contexts/graphql-transport.js';
import type { RefreshAuthError } from './errors/refresh-auth-error.js';
import { HeaderlessError } from './http/error-answers.js';
import { RefreshAuthCore } from './refresh-auth.core.js';

/**
 * Answers errors that a handler lets through, with the headers that the guard would add. Needed for methods of the service that know no
 * response, such as `revokeUser`. Registered by the module. Costs nothing if nothing is thrown.
 */
@Catch(HeaderlessError)
export class RefreshAuthFilter extends BaseExceptionFilter<RefreshAuthError> {
  constructor(@Inject(RefreshAuthCore) private readonly core: RefreshAuthCore) {
    super();
  }

  override catch(rejection: RefreshAuthError, host: ArgumentsHost): void | Observable<never> {
    const type = host.getType<string>();
    // A microservice needs an observable, and crashes if a filter throws.
    if (type === 'rpc') return throwError(() => ({ code: rejection.code, message: rejection.message }));
    // Gateways and GraphQL answer a thrown error themselves. Of the two, only GraphQL has a response with headers.
    if (type !== 'http' && type !== 'graphql') throw rejection;
    this.core.answers.addHeaders(rejection, lookForRequestResponse(host)?.response);
    if (type === 'graphql') throw withoutStack(rejection);
    super.catch(rejection, host);
  }
}
