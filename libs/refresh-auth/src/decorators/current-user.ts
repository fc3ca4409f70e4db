import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { findUser } from '../contexts/request-state.js';
import type { UserClaims } from '../tokens/user-claims.js';

/**
 * Injects the verified claims of the current user, or one of them. If the guard overrides `toUser`, injects its result:
 * `@CurrentUser<User>('email')`. If this guard accepted no token, injects `request.user`, which another guard may have set. Injects `undefined` if
 * there is no user: on `@Public()` routes, and on `@OptionalAuth()` routes without a valid token. All resolvers of a GraphQL operation share
 * one request. If one of them is guarded, the others get its user too.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the application knows what its guard leaves
export const CurrentUser: <TUser extends object = UserClaims>(claim?: keyof TUser) => ParameterDecorator =
  createParamDecorator((claim: PropertyKey | undefined, context: ExecutionContext): unknown => {
    const user = findUser(context);
    return claim === undefined ? user : (user as Record<PropertyKey, unknown> | undefined)?.[claim];
  });
