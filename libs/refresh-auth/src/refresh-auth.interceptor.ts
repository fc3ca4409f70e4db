import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable, tap } from 'rxjs';
import { transportOf } from './contexts/execution-context.js';
import { RefreshAuthError } from './errors/refresh-auth-error.js';
import type { HttpResponse } from './http/http-message.js';
import { CORE, InjectCore } from './injected-core.js';
import type { RefreshAuthCore } from './refresh-auth.core.js';

/**
 * Writes the new token to header and cookie as soon as the handler has answered or thrown, so that interceptors outside this one see them,
 * and adds the headers of errors that a handler throws, before exception filters of the application see them. In gateways and microservices it
 * answers these errors as the guard does, with code and message.
 *
 * Optional: the guard delivers the token with any response, even one that no interceptor sees, and the module's filter adds the headers of
 * errors. The module does not register it, because one interceptor costs more CPU time per request than the guard. Register it with
 * `{ provide: APP_INTERCEPTOR, useExisting: RefreshAuthInterceptor }`.
 */
@Injectable()
@InjectCore()
export class RefreshAuthInterceptor implements NestInterceptor {
  protected readonly [CORE]!: RefreshAuthCore;

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const type = context.getType<string>();
    if (type === 'ws' || type === 'rpc') return next.handle().pipe(catchError((error) => throwDenial(error, context)));
    if (type !== 'http') return next.handle();
    const response = context.switchToHttp().getResponse<HttpResponse>();
    const write = () => this[CORE].delivery.write(response);
    return next.handle().pipe(
      tap({
        next: write,
        complete: write,
        error: (error: unknown) => {
          write();
          if (error instanceof RefreshAuthError) this[CORE].answers.addHeaders(error, response);
        },
      }),
    );
  }
}

/** Throws the error in the class of its transport: NestJS answers any other error of a message with `Internal server error`. */
async function throwDenial(error: unknown, context: ExecutionContext): Promise<never> {
  throw error instanceof RefreshAuthError ? await transportOf(context).denial(error, context) : error;
}
