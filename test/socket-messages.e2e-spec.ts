// Messages over a WebSocket are checked one by one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import {
  CurrentUser,
  getCurrentUser,
  type HttpRequest,
  OptionalAuth,
  Public,
  RefreshAuthError,
  RefreshAuthGuard,
  type RequestResponse,
  TokenState,
} from 'nestjs-refresh-auth';
import { io } from 'socket.io-client';
import { findUser } from '../libs/refresh-auth/src/contexts/request-state.js';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { cookie, delivered } from './support/delivered.js';
import { send } from './support/http.js';

const EXPIRED = 20 * 60_000;

/** A guard as applications write it for gateways. */
@Injectable()
class SocketGuard extends RefreshAuthGuard {
  protected override getRequestResponse(context: ExecutionContext): RequestResponse {
    return { request: context.switchToWs().getClient<{ request: HttpRequest }>().request };
  }

  protected override deny(error: unknown): never {
    throw error instanceof RefreshAuthError ? new WsException(error.code) : error;
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

/** The request that opened a socket, as Node.js makes it. */
function opened(headers: Record<string, string>): HttpRequest {
  return { method: 'GET', headers, rawHeaders: Object.entries(headers).flat() };
}

function cookieOf(token: string): Record<string, string> {
  return cookie(token).headers as Record<string, string>;
}

describe.each<[string, Record<string, string>]>([
  ['by a WebSocket', { upgrade: 'websocket' }],
  ['by polling, as socket.io begins', {}],
])('messages of a socket that was opened %s', (_, opening) => {
  let app: AuthApp;
  let guard: SocketGuard;
  let token: string;
  let client: { request: HttpRequest };

  beforeAll(async () => {
    app = await startAuthApp('express', { providers: [SocketGuard] });
    guard = app.app.get(SocketGuard);
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
    client = { request: opened({ ...opening, authorization: `Bearer ${token}` }) };
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
    const passes = await (async () => guard.canActivate(context))().catch((error: WsException) => error.message);
    const user = findUser(context) as { sub: string } | undefined;
    return { passes, user: user?.sub, request: getCurrentUser(client.request)?.sub };
  }

  const asUser = { passes: true, user: '1', request: '1' };
  const asNobody = { passes: true, user: undefined, request: undefined };

  test('are checked one by one: a message after the end of the session is refused', async () => {
    expect(await message('guarded')).toEqual(asUser);
    await app.auth.revokeSession(ownSid(token));

    expect((await message('guarded')).passes).toBe('session_revoked');
  });

  test('are refused once the token has expired, and refresh nothing', async () => {
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
    client = { request: opened({ ...opening, ...cookieOf(token), 'sec-fetch-site': site }) };

    expect((await message('guarded')).passes).toBe(passes);
  });

  test('[F2] with the cookie are refused if only headers that other code added make the request look same-origin', async () => {
    const headers = { ...opening, ...cookieOf(token) };
    const request = { ...opened({ ...headers, origin: 'https://attacker.example' }), headers };
    client = { request: { ...request, headers: { ...headers, 'sec-fetch-site': 'same-origin' } } };

    expect((await message('guarded')).passes).toBe('request_cross_site');
  });

  test('[F2] with the cookie are refused if the headers that the client sent are not known', async () => {
    client = { request: { method: 'GET', headers: { ...opening, ...cookieOf(token) } } };

    expect((await message('guarded')).passes).toBe('request_cross_site');
  });

  test('have no user left over from an earlier message if the token is optional and now dead', async () => {
    await message('guarded');
    await app.auth.revokeSession(ownSid(token));

    expect(await message('optional')).toEqual(asNobody);
  });

  test('have no user left over on public handlers', async () => {
    await message('guarded');

    expect(await message('open')).toMatchObject({ passes: true, user: undefined });
  });
});

const TRUSTED = 'https://trusted.example';

@WebSocketGateway()
@UseGuards(SocketGuard)
class NewsGateway {
  @SubscribeMessage('news')
  news(@CurrentUser('sub') sub: string): string {
    return `for ${sub} alone`;
  }
}

describe.each(adapters)('messages of a socket of socket.io, on %s', (adapter) => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      providers: [SocketGuard, NewsGateway],
      options: { csrf: { trustedOrigins: [TRUSTED] } },
      configure: (nest) => nest.useWebSocketAdapter(new IoAdapter(nest)),
    });
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  /** Opens a socket with these headers, and gives back what one message is answered with: the news, or why there are none. */
  async function ask(transport: string, headers: Record<string, string>): Promise<unknown> {
    const socket = io(app.url, {
      transports: [transport],
      extraHeaders: { ...cookieOf(token), ...headers },
      reconnection: false,
      forceNew: true,
    });
    try {
      return await new Promise((resolve, reject) => {
        socket.once('connect_error', reject);
        socket.once('exception', ({ message }: { message: string }) => resolve(message));
        socket.emit('news', {}, resolve);
      });
    } finally {
      socket.disconnect();
    }
  }

  describe.each(['polling', 'websocket'])('opened by %s', (transport) => {
    test.each<[string, () => Record<string, string>]>([
      ['its own', () => ({ origin: app.url })],
      ['its own, by Sec-Fetch-Site', () => ({ 'sec-fetch-site': 'same-origin' })],
      ['a trusted one', () => ({ origin: TRUSTED, 'sec-fetch-site': 'cross-site' })],
      ['no browser', () => ({})],
    ])('are answered to a page of %s', async (_, headers) => {
      expect(await ask(transport, headers())).toBe('for 1 alone');
    });

    test.each<[string, Record<string, string>]>([
      ['another site', { origin: 'https://attacker.example' }],
      ['another site, by Sec-Fetch-Site', { 'sec-fetch-site': 'same-site' }],
      ['another site with the Referer of a trusted one', { 'sec-fetch-site': 'same-site', referer: `${TRUSTED}/` }],
      ['no site that has a name', { origin: 'null' }],
    ])('[C1] are refused to a page of %s', async (_, headers) => {
      expect(await ask(transport, headers)).toBe('request_cross_site');
    });
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
