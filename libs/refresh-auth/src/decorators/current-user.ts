import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { carrierOf } from '../contexts/execution-context.js';
import { readNotes } from '../contexts/request-notes.js';
import type { UserClaims } from '../tokens/user-claims.js';

/**
 * Injects the verified claims of the current user, or one of them. If the guard overrides `toUser`, injects its result. Injects `undefined` if
 * there is no user: on `@Public()` routes, and on `@OptionalAuth()` routes without a valid token. All resolvers of a GraphQL operation share
 * one request. If one of them is guarded, the others get its user too.
 */
export const CurrentUser: (claim?: keyof UserClaims) => ParameterDecorator = createParamDecorator(
  (claim: keyof UserClaims | undefined, context: ExecutionContext): unknown => {
    const user = readNotes(carrierOf(context))?.user as UserClaims | undefined;
    return claim === undefined ? user : user?.[claim];
  },
);
