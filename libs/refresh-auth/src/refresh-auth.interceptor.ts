import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import { RefreshAuthError } from './errors/refresh-auth-error.js';
import type { HttpResponse } from './http/http-message.js';
import { RefreshAuthCore } from './refresh-auth.core.js';

/**
 * Shows interceptors after it and handlers the header with a token that was renewed ahead, if it is there already, and turns refusals
 * that a handler lets through into the guard's answers, before exception filters of the application see them.
 *
 * Not needed for tokens to arrive, nor for refusals to be answered, and so not registered: one interceptor makes NestJS build a chain of
 * streams for every request of a route. `{ provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor }` is for applications whose
 * filter for all exceptions knows an `HttpException` only.
 */
@Injectable()
export class RefreshAuthInterceptor implements NestInterceptor {
  constructor(@Inject(RefreshAuthCore) private readonly core: RefreshAuthCore) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const response = context.switchToHttp().getResponse<HttpResponse>();
    this.core.delivery.show(response);
    return next.handle().pipe(
      catchError((error: unknown) => {
        throw error instanceof RefreshAuthError ? this.core.answers.refuse(error, response) : error;
      }),
    );
  }
}
