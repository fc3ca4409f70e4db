import type { ExecutionContext } from '@nestjs/common';
import type { LiveTokenState } from '../sessions/authenticator.js';
import type { UserClaims } from '../tokens/user-claims.js';
import { type HttpRequest, rawRequest } from '../http/http-message.js';
import { transportOf } from './execution-context.js';
import { readNotes } from './request-notes.js';

/**
 * Returns the state of the token that the guard accepted; `undefined` if it accepted none. For guards, middleware and filters. Handlers use
 * `@TokenState()`.
 */
export function getTokenState(request: HttpRequest): LiveTokenState | undefined {
  return readNotes(rawRequest(request))?.state;
}

/**
 * Returns the current user of this request: the one that the guard found, or else `request.user`. For guards, middleware and filters: handlers
 * use `@CurrentUser()`.
 *
 * @typeParam TUser the type of what the guard's `toUser` returns; by default {@link UserClaims}
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the application knows what its guard leaves
export function getCurrentUser<TUser = UserClaims>(request: HttpRequest): TUser | undefined {
  const notes = readNotes(rawRequest(request));
  return (notes?.state === undefined ? userSetOn(request) : notes.user) as TUser | undefined;
}

/** Returns the user that the guard found, or else `request.user`, which another guard, or one of a test, may have set. */
export function findUser(context: ExecutionContext): unknown {
  const transport = transportOf(context);
  const notes = readNotes(transport.carrier(context));
  if (notes?.state !== undefined) return notes.user;
  const request = transport.find(context)?.request;
  // Not for a message: those of a socket share the request that opened it, and so whatever an earlier one has left there.
  return request && !transport.isMessage(rawRequest(request)) ? userSetOn(request) : undefined;
}

function userSetOn(request: HttpRequest): unknown {
  return (request as { user?: unknown }).user;
}
