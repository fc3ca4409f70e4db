import type { ExecutionContext } from '@nestjs/common';
import type { LiveTokenState } from '../sessions/authenticator.js';
import type { UserClaims } from '../tokens/user-claims.js';
import { carrierOf, isMessage, lookForRequestResponse } from './execution-context.js';
import { type HttpRequest, rawRequest } from '../http/http-message.js';
import { eraseState, notesOn, readNotes, type RequestState } from './request-notes.js';

export function setRequestState(carrier: object, { state, user }: RequestState): void {
  const notes = notesOn(carrier);
  notes.state = state;
  notes.user = user;
}

/** Stores the result of the guard where handlers, other guards and middleware look for it. */
export function noteAdmission(context: ExecutionContext, request: HttpRequest | undefined, state: RequestState): void {
  const carrier = carrierOf(context);
  const raw = request && rawRequest(request);
  if (carrier !== raw) setRequestState(carrier, state);
  if (!raw) return;
  setRequestState(raw, state);
  (request as { user?: unknown }).user = state.user;
}

/**
 * Removes the result that an earlier message of the same socket has left, or an earlier guard. All messages of a socket share the client and
 * the request that opened it.
 */
export function forgetAdmission(context: ExecutionContext, request?: HttpRequest): void {
  eraseState(carrierOf(context));
  if (!request) return;
  eraseState(rawRequest(request));
  delete (request as { user?: unknown }).user;
}

/**
 * Returns the state of the token that the guard accepted; `undefined` if it accepted none. For guards, middleware and filters. Handlers use
 * `@TokenState()`.
 */
export function getTokenState(request: HttpRequest): LiveTokenState | undefined {
  return readNotes(rawRequest(request))?.state;
}

/**
 * Returns the current user of this request: that which the guard found, or else `request.user`. For guards, middleware and filters: handlers
 * use `@CurrentUser()`.
 *
 * @typeParam TUser the type of what the guard's `toUser` returns; by default {@link UserClaims}
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the application knows what its guard leaves
export function getCurrentUser<TUser = UserClaims>(request: HttpRequest): TUser | undefined {
  const notes = readNotes(rawRequest(request));
  return (notes?.state === undefined ? userSetOn(request) : notes.user) as TUser | undefined;
}

/** Returns the user that the guard found, or else, in a request of its own, `request.user`: another guard, or one of a test, may have set it. */
export function findUser(context: ExecutionContext): unknown {
  const notes = readNotes(carrierOf(context));
  if (notes?.state !== undefined) return notes.user;
  const request = lookForRequestResponse(context)?.request;
  // The messages of a socket share the request that opened it, and so whatever an earlier one has left there.
  return request && !isMessage(context, request) ? userSetOn(request) : undefined;
}

function userSetOn(request: HttpRequest): unknown {
  return (request as { user?: unknown }).user;
}
