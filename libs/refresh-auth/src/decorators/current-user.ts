import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { findUser } from '../contexts/request-state.js';
import type { UserClaims } from '../tokens/user-claims.js';

/**
 * The verified claims of the current user, or one of them; where the guard's `toUser` is overridden, the user that it returned:
 * `@CurrentUser<User>('email')`. If our guard let nobody in, `request.user`, which another guard may have set.
 * `undefined` where there is no user: on `@Public()` routes, and on `@OptionalAuth()` routes without a token. The resolvers of one
 * GraphQL operation share one request, and so the user that any of them was guarded for.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the application knows what its guard leaves
export const CurrentUser: <TUser extends object = UserClaims>(claim?: keyof TUser) => ParameterDecorator =
  createParamDecorator((claim: PropertyKey | undefined, context: ExecutionContext): unknown => {
    const user = findUser(context);
    return claim === undefined ? user : (user as Record<PropertyKey, unknown> | undefined)?.[claim];
  });
