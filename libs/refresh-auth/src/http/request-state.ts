import type { ExecutionContext } from '@nestjs/common';
import type { LiveTokenState } from '../sessions/authenticator.js';
import type { UserClaims } from '../tokens/user-claims.js';
import { carrierOf } from './execution-context.js';
import { type HttpRequest, rawRequest } from './http-message.js';

/** What the guard leaves on a request for handlers. */
export interface RequestState {
  readonly state: LiveTokenState;
  /** The verified claims, or what the application's `toUser` made of them. */
  readonly user: unknown;
}

/** On Node's own request, which every wrapper of it shares; registered, so that two builds of the library in one process meet. */
const STATE = Symbol.for('nestjs-refresh-auth:request-state');

type Marked = { [STATE]?: RequestState };

export function setRequestState(carrier: object, state: RequestState): void {
  (carrier as Marked)[STATE] = state;
}

/** Leaves what the guard found wherever handlers, other guards and middleware look for it. */
export function markAdmitted(context: ExecutionContext, request: HttpRequest, state: RequestState): void {
  setRequestState(carrierOf(context), state);
  setRequestState(rawRequest(request), state);
  (request as { user?: unknown }).user = state.user;
}

/** Takes back what an earlier message of the same socket has left: all of them share one client, and the request that opened it. */
export function unmark(context: ExecutionContext, request?: HttpRequest): void {
  delete (carrierOf(context) as Marked)[STATE];
  if (!request) return;
  delete (rawRequest(request) as Marked)[STATE];
  delete (request as { user?: unknown }).user;
}

export function getRequestState(carrier: object): RequestState | undefined {
  return (carrier as Marked)[STATE];
}

/** What the guard found on this request; `undefined` where it accepted no token. For guards, middleware and filters: handlers use `@TokenState()`. */
export function getTokenState(request: HttpRequest): LiveTokenState | undefined {
  return getRequestState(rawRequest(request))?.state;
}

/** The current user of this request. For guards, middleware and filters: handlers use `@CurrentUser()`. */
export function getCurrentUser(request: HttpRequest): UserClaims | undefined {
  return getRequestState(rawRequest(request))?.user as UserClaims | undefined;
}
