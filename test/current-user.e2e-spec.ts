// @CurrentUser() where something else than our guard says who the user is.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, Req, UseGuards } from '@nestjs/common';
import { CurrentUser, getCurrentUser, type HttpRequest, OptionalAuth } from 'nestjs-refresh-auth';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer } from './support/delivered.js';
import { send } from './support/http.js';

/** As tests of applications have it in place of the guard. */
class FakeGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest<{ user?: unknown }>().user ??= { sub: 'fake', email: 'fake@example.com' };
    return true;
  }
}

@Controller()
@UseGuards(FakeGuard)
class WhoController {
  @Get()
  @OptionalAuth()
  who(@CurrentUser() user: object, @CurrentUser('sub') sub: string, @Req() request: HttpRequest): unknown {
    return { user, sub, same: getCurrentUser(request) === user };
  }
}

describe.each(adapters)('[F80] @CurrentUser() on %s', (adapter) => {
  let app: AuthApp;
  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [WhoController] });
  });
  afterAll(() => app.close());

  test('is the `request.user` of another guard, where ours has let nobody in', async () => {
    const answer = await send(app.url);

    const user = { sub: 'fake', email: 'fake@example.com' };
    expect([answer.status, answer.json()]).toEqual([200, { user, sub: 'fake', same: true }]);
  });

  test('is the user of our guard, where it has let one in', async () => {
    const { token } = await app.auth.issue({ sub: '1' });
    const answer = await send(app.url, bearer(token));

    expect([answer.status, answer.json()]).toEqual([
      200,
      { user: expect.objectContaining({ sub: '1' }), sub: '1', same: true },
    ]);
  });
});
