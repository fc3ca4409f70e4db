import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { carrierOf } from '../contexts/execution-context.js';
import { readNotes } from '../contexts/request-notes.js';
import type { UserClaims } from '../tokens/user-claims.js';

/**
 * The verified claims of the current user, or one of them; what the guard's `toUser` returned where that is overridden.
 * `undefined` where there is no user: on `@Public()` routes, and on `@OptionalAuth()` routes without a token. The resolvers of one
 * GraphQL operation share one request, and so the user that any of them was guarded for.
 */
export const CurrentUser: (claim?: keyof UserClaims) => ParameterDecorator = createParamDecorator(
  (claim: keyof UserClaims | undefined, context: ExecutionContext): unknown => {
    const user = readNotes(carrierOf(context))?.user as UserClaims | undefined;
    return claim === undefined ? user : user?.[claim];
  },
);
