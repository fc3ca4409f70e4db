// A `toUser` that finds no user refuses the call, as a `validate` of passport does.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  getCurrentUser,
  getTokenState,
  type HttpRequest,
  OptionalAuth,
  RefreshAuthGuard,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { bearer, delivered } from './support/delivered.js';
import { connect, withGateways } from './support/gateways.js';
import { send } from './support/http.js';
import { refusal, userNotFound } from './support/http-refusals.js';

const HOUR = 3_600_000;

/** The user that the application finds. */
let found: unknown;

@Injectable()
class UserGuard extends RefreshAuthGuard {
  protected override toUser(): unknown {
    return found;
  }
}

@Controller()
class WhoController {
  @Get('guarded')
  guarded(@CurrentUser() user: unknown): object {
    return { user: user ?? 'nobody' };
  }

  @Get('optional')
  @OptionalAuth()
  optional(@CurrentUser() user: unknown): object {
    return { user: user ?? 'nobody' };
  }

  /** Where another guard has let the request in, with its claims as the user. */
  @Get('twice')
  @OptionalAuth()
  @UseGuards(RefreshAuthGuard, UserGuard)
  twice(@CurrentUser() user: unknown): object {
    return { user: user ?? 'nobody' };
  }
}

const nobody: [string, () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['false', () => false],
  ['a promise of undefined', () => Promise.resolve()],
  ['a promise of null', () => Promise.resolve(null)],
];

describe.each(adapters)('where `toUser` returns no user, on %s', (adapter) => {
  let app: AuthApp;
  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [WhoController],
      providers: [UserGuard, { provide: APP_GUARD, useExisting: UserGuard }],
    });
  });
  afterAll(() => app.close());

  const get = async (path: string) => send(`${app.url}/${path}`, bearer((await app.auth.issue({ sub: '1' })).token));

  describe.each(nobody)('but %s', (_, make) => {
    test('the request gets 401 token_invalid with its headers', async () => {
      found = make();

      expect(refusal(await get('guarded'))).toEqual(userNotFound);
    });

    test('an optional route serves it without a user', async () => {
      found = make();

      const answer = await get('optional');
      expect([answer.status, answer.json()]).toEqual([200, { user: 'nobody' }]);
    });
  });

  test('a user that is found is let in, even the number 0', async () => {
    found = 0;

    expect((await get('guarded')).json()).toEqual({ user: 0 });
  });

  test('an expired token is refused as well, and the event names its session', async () => {
    found = undefined;
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);
    const before = app.events.length;

    expect((await send(`${app.url}/guarded`, bearer(token))).status).toBe(401);
    expect(app.events.slice(before)).toMatchObject([
      { type: 'refreshed' },
      { type: 'token-rejected', code: 'token_invalid', detail: 'toUser returned no user', gen: 1 },
    ]);
  });
});

test.each(adapters)('a guard that finds no user takes away the user of a guard before it, on %s', async (adapter) => {
  found = undefined;
  const app = await startAuthApp(adapter, { controllers: [WhoController], providers: [UserGuard] });
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(HOUR);

  const answer = await send(`${app.url}/twice`, bearer(token));
  await app.close();

  expect([answer.status, answer.json()]).toEqual([200, { user: 'nobody' }]);
  expect(delivered(answer).header).toEqual(expect.any(String));
});

describe('outside of HTTP, where `toUser` returns no user', () => {
  let app: AuthApp | undefined;
  afterEach(() => app?.close());

  @WebSocketGateway()
  @UseGuards(UserGuard)
  class UserGateway {
    constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

    async handleConnection(client: object, request?: HttpRequest): Promise<void> {
      await this.auth.admit(client, request);
    }

    @SubscribeMessage('guarded')
    guarded(): object {
      return { event: 'guarded', data: 'served' };
    }

    @OptionalAuth()
    @SubscribeMessage('optional')
    optional(@CurrentUser() user: unknown): object {
      return { event: 'optional', data: user ?? 'nobody' };
    }
  }

  test.each(['socket.io over websocket', 'ws'] as const)(
    'each message of an admitted socket of %s is refused, and the socket stays',
    async (kind) => {
      app = await startAuthApp('express', { providers: [UserGuard, UserGateway], configure: withGateways(kind) });
      const { token } = await app.auth.issue({ sub: '1' });
      const client = await connect(kind, app.url, { headers: { authorization: `Bearer ${token}` } });

      found = { id: 1 };
      const answers = [await client.ask('guarded'), await client.ask('optional')];
      found = undefined;
      answers.push(await client.ask('guarded'), await client.ask('optional'));
      await client.close();

      expect(answers).toEqual([
        { event: 'guarded', data: 'served' },
        { event: 'optional', data: { id: 1 } },
        {
          event: 'exception',
          data: expect.objectContaining({
            code: 'token_invalid',
            message: 'The user of this token was not found',
          }),
        },
        { event: 'optional', data: 'nobody' },
      ]);
    },
  );

  test('a message of a microservice is refused', async () => {
    @Injectable()
    class MessageGuard extends UserGuard {
      token = '';

      protected override getToken(): string {
        return this.token;
      }
    }
    app = await startAuthApp('express', { providers: [MessageGuard] });
    const guard = app.app.get(MessageGuard);
    guard.token = (await app.auth.issue({ sub: '1' })).token;
    const data = {};
    const context = {
      getType: () => 'rpc',
      getHandler: () => WhoController.prototype.guarded,
      getClass: () => WhoController,
      getArgByIndex: () => data,
      switchToRpc: () => ({ getData: () => data, getContext: () => data }),
    } as unknown as ExecutionContext;

    found = undefined;
    await expect((async () => guard.canActivate(context))()).rejects.toMatchObject({
      error: { code: 'token_invalid', message: 'The user of this token was not found' },
    });
  });
});

test('the request itself shows no user either', async () => {
  found = undefined;
  let request: HttpRequest | undefined;
  @Injectable()
  class LookingGuard extends UserGuard {
    override async canActivate(context: ExecutionContext): Promise<boolean> {
      request = context.switchToHttp().getRequest<HttpRequest>();
      return super.canActivate(context);
    }
  }
  const app = await startAuthApp('express', {
    controllers: [WhoController],
    providers: [globalGuard, LookingGuard, { provide: APP_GUARD, useExisting: LookingGuard }],
  });
  const { token } = await app.auth.issue({ sub: '1' });
  await send(`${app.url}/optional`, bearer(token));
  await app.close();

  expect(request && [getCurrentUser(request), getTokenState(request)]).toEqual([undefined, undefined]);
});
