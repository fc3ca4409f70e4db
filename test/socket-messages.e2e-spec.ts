import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Injectable } from '@nestjs/common';
import {
  CurrentUser,
  getCurrentUser,
  type HttpRequest,
  OptionalAuth,
  Public,
  RefreshAuthGuard,
  type RequestResponse,
  TokenState,
} from 'nestjs-refresh-auth';
import { readNotes } from '../libs/refresh-auth/src/http/request-notes.js';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { delivered } from './support/delivered.js';
import { send } from './support/http.js';

const EXPIRED = 20 * 60_000;

/** As applications write it for gateways. */
@Injectable()
class SocketGuard extends RefreshAuthGuard {
  protected override getRequestResponse(context: ExecutionContext): RequestResponse {
    return { request: context.switchToWs().getClient<{ handshake: HttpRequest }>().handshake };
  }
}

class Gateway {
  guarded(this: void): void {}

  @OptionalAuth()
  optional(this: void): void {}

  @Public()
  open(this: void): void {}
}

@Controller()
class StateController {
  @Get('state')
  state(@TokenState() state: string, @CurrentUser('sub') sub: string): object {
    return { state, sub };
  }
}

describe.each<[string, Record<string, string>]>([
  ['by a WebSocket', { upgrade: 'websocket' }],
  ['by polling, as socket.io begins', {}],
])('messages of a socket that was opened %s', (_, opening) => {
  let app: AuthApp;
  let guard: SocketGuard;
  let token: string;
  let client: { handshake: HttpRequest };

  beforeAll(async () => {
    app = await startAuthApp('express', { providers: [SocketGuard] });
    guard = app.app.get(SocketGuard);
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
    client = { handshake: { method: 'GET', headers: { ...opening, authorization: `Bearer ${token}` } } };
  });

  /** One message for this handler: whether it passes, and whom the handler sees. */
  async function message(
    handler: keyof Gateway,
  ): Promise<{ passes: boolean | string; user: unknown; request: unknown }> {
    const context = {
      getType: () => 'ws',
      getHandler: () => Gateway.prototype[handler],
      getClass: () => Gateway,
      getArgByIndex: () => client,
      switchToWs: () => ({ getClient: () => client }),
    } as unknown as ExecutionContext;
    const passes = await (async () => guard.canActivate(context))().catch(
      (error: { getResponse(): { code: string } }) => error.getResponse().code,
    );
    const user = readNotes(client)?.user as { sub: string } | undefined;
    return { passes, user: user?.sub, request: getCurrentUser(client.handshake)?.sub };
  }

  const asUser = { passes: true, user: '1', request: '1' };
  const asNobody = { passes: true, user: undefined, request: undefined };

  test('are each looked at anew: one that comes after the session has ended is refused', async () => {
    expect(await message('guarded')).toEqual(asUser);
    await app.auth.revokeSession(ownSid(token));

    expect((await message('guarded')).passes).toBe('session_revoked');
  });

  test('are refused once the token has expired, and renew nothing', async () => {
    expect(await message('guarded')).toEqual(asUser);
    app.clock.advance(EXPIRED);

    expect((await message('guarded')).passes).toBe('token_expired');
    expect((await app.auth.inspect(token)).state).toBe('refreshable');
  });

  test.each([
    ['of its own origin pass', 'same-origin', true],
    [
      'that a page of another site makes a browser send are refused, whatever they do',
      'cross-site',
      'request_cross_site',
    ],
  ])('with the cookie, %s [C1]', async (__, site, passes) => {
    const headers = { ...opening, cookie: `__Host-authorization=${token}`, 'sec-fetch-site': site };
    client = { handshake: { method: 'GET', headers } };

    expect((await message('guarded')).passes).toBe(passes);
  });

  test('have no user left over from an earlier one, where a token is optional and now dead', async () => {
    await message('guarded');
    await app.auth.revokeSession(ownSid(token));

    expect(await message('optional')).toEqual(asNobody);
  });

  test('have no user left over where the guard does not look', async () => {
    await message('guarded');

    expect(await message('open')).toMatchObject({ passes: true, user: undefined });
  });
});

test.each(adapters)('a request that offers another protocol is a request like any other, on %s', async (adapter) => {
  const app = await startAuthApp(adapter, { controllers: [StateController], providers: [globalGuard] });
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(EXPIRED);

  const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
  const answer = await send(`${app.url}/state`, { headers: { ...offer, authorization: `Bearer ${token}` } });
  await app.close();

  expect([answer.status, answer.json()]).toEqual([200, { state: 'refreshable', sub: '1' }]);
  expect(delivered(answer).header).toBeDefined();
});

function ownSid(token: string): string {
  const [, payload = ''] = token.split('.');
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string }).sid;
}
