import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { RouteAccess } from '../decorators/route-access.js';
import { findRequestResponse } from '../contexts/execution-context.js';
import { noteAdmission } from '../contexts/request-state.js';

/**
 * Takes the place of the guard in tests of what lies behind it: every request is this user's, whatever token it carries, and nothing is
 * refreshed. Routes that are `@Public()` have no user, as ever.
 *
 * ```ts
 * builder.overrideProvider(RefreshAuthGuard).useValue(signedInAs({ sub: '7', role: 'admin' }));
 * ```
 *
 * That needs the guard to be registered by `{ provide: APP_GUARD, useExisting: RefreshAuthGuard }`; where routes name it with
 * `@UseGuards()`, it is `overrideGuard(RefreshAuthGuard)`.
 *
 * @param user what `@CurrentUser()` is: the claims, or what the application's `toUser` makes of them
 * @param module the name of the module whose guard is meant; by default that of the module without a name
 */
export function signedInAs(user: object, module?: string): CanActivate {
  const access = new RouteAccess(new Reflector(), module);
  return {
    canActivate(context: ExecutionContext): boolean {
      if (access.of(context) !== 'public') {
        noteAdmission(context, findRequestResponse(context).request, { state: 'valid', user });
      }
      return true;
    },
  };
}
