import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import { RefreshAuthError } from './errors/refresh-auth-error.js';
import type { HttpResponse } from './http/http-message.js';
import { RefreshAuthCore } from './refresh-auth.core.js';

/**
 * Shows handlers the header with the new token, and gives refusals that a handler lets through (a sign-out that the store did not
 * record, say) the same answer that the guard gives. Registered by the module for every route; does nothing to all others.
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
