// The recipe of docs/front-ends/angular.md.
import { type HttpErrorResponse, type HttpInterceptorFn } from '@angular/common/http';
import { inject, InjectionToken } from '@angular/core';
import { catchError, throwError } from 'rxjs';

/** The origin of the API. */
export const API = new InjectionToken<string>('API');

const isLate = ({ status, error }: HttpErrorResponse) => status === 401 && error?.code === 'token_superseded';

export const refreshAuth: HttpInterceptorFn = (request, next) => {
  if (new URL(request.url, location.href).origin !== inject(API)) return next(request);
  const withCookie = request.clone({ withCredentials: true });
  return next(withCookie).pipe(
    // The request waited too long. By now the browser may have a newer cookie.
    catchError((error: HttpErrorResponse) => (isLate(error) ? next(withCookie) : throwError(() => error))),
  );
};
