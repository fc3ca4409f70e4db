import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { RouteAccess } from '../decorators/route-access.js';
import { Call } from '../contexts/call.js';
import { lookForRequestResponse } from '../contexts/execution-context.js';

/**
 * Returns a replacement for the guard, for tests of the code behind it. Every request is signed in as this user, no matter which token it
 * carries, and nothing is refreshed. `@Public()` routes have no user, as always.
 *
 * ```ts
 * builder.overrideProvider(RefreshAuthGuard).useValue(signedInAs({ sub: '7', role: 'admin' }));
 * ```
 *
 * This works if the guard is registered with `{ provide: APP_GUARD, useExisting: RefreshAuthGuard }`. If routes use it with `@UseGuards()`,
 * write `overrideGuard(RefreshAuthGuard)` instead.
 *
 * @param user the value of `@CurrentUser()`: the claims, or the result of the application's `toUser`
 * @param module the name of the module whose guard is replaced. Defaults to the module without a name
 */
export function signedInAs(user: object, module?: string): CanActivate {
  const access = new RouteAccess(new Reflector(), module);
  return {
    canActivate(context: ExecutionContext): boolean {
      if (access.of(context) !== 'public') {
        new Call(context, lookForRequestResponse(context) ?? {}).leaveResult({ state: 'valid', user });
      }
      return true;
    },
  };
}
