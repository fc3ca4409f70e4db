// Gateways that do not call `admit`: the guard judges each message by the handshake.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  type HttpRequest,
  OptionalAuth,
  RefreshAuthGuard,
  type RequestResponse,
} from 'nestjs-refresh-auth';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie } from './support/delivered.js';
import { connect, type Credentials, type GatewayClient, type Kind, KINDS, withGateways } from './support/gateways.js';

const EXPIRED = 20 * 60_000;

@WebSocketGateway()
@UseGuards(RefreshAuthGuard)
class PlainGateway {
  @SubscribeMessage('news')
  news(@CurrentUser('sub') sub: string): object {
    return { event: 'news', data: sub };
  }

  @OptionalAuth()
  @SubscribeMessage('weather')
  weather(@CurrentUser('sub') sub: string | undefined): object {
    return { event: 'weather', data: sub ?? 'for everybody' };
  }
}

/** A guard as applications wrote it before the library knew sockets. */
@Injectable()
class OwnGuard extends RefreshAuthGuard {
  protected override getRequestResponse(context: ExecutionContext): RequestResponse {
    return { request: context.switchToWs().getClient<{ request: HttpRequest }>().request };
  }
}

@WebSocketGateway()
@UseGuards(OwnGuard)
class OwnGateway extends PlainGateway {
  @SubscribeMessage('news')
  override news(@CurrentUser('sub') sub: string): object {
    return super.news(sub);
  }
}

let app: AuthApp;
let client: GatewayClient | undefined;
let token: string;

afterEach(async () => {
  await client?.close();
  client = undefined;
  await app.close();
});

async function start(kind: Kind, gateway: typeof PlainGateway): Promise<void> {
  app = await startAuthApp('express', { providers: [gateway, OwnGuard], configure: withGateways(kind) });
  ({ token } = await app.auth.issue({ sub: '1' }));
}

async function ask(kind: Kind, credentials: Credentials, event = 'news'): Promise<object> {
  client = await connect(kind, app.url, credentials);
  return client.ask(event);
}

const inHeader = (): Credentials => ({ headers: bearer(token).headers as Record<string, string> });
const exception = (code: string, message: string): object => ({ event: 'exception', data: { code, message } });

describe.each(KINDS.filter((kind) => kind !== 'ws'))('messages of %s', (kind) => {
  describe.each<[string, typeof PlainGateway]>([
    ['[F50] behind the guard', PlainGateway],
    ['[F51] behind a guard that finds the request itself', OwnGateway],
  ])('%s', (_, gateway) => {
    beforeEach(() => start(kind, gateway));

    test('are served with a valid token of the header, the cookie and the handshake', async () => {
      expect(await ask(kind, inHeader())).toEqual({ event: 'news', data: '1' });
      await client?.close();
      expect(await ask(kind, { headers: cookie(token).headers as Record<string, string> })).toEqual({
        event: 'news',
        data: '1',
      });
      await client?.close();
      expect(await ask(kind, { auth: { token } })).toEqual({ event: 'news', data: '1' });
    });

    test('are refused with the code once the token has expired, and the socket stays open', async () => {
      expect(await ask(kind, inHeader())).toEqual({ event: 'news', data: '1' });
      app.clock.advance(EXPIRED);

      expect(await client?.ask('news')).toEqual(exception('token_expired', 'The token has expired'));
      expect(await client?.ask('weather')).toEqual({ event: 'weather', data: 'for everybody' });
    });

    test('are refused with the code without a token, and after the end of the session', async () => {
      expect(await ask(kind, {})).toEqual(exception('token_missing', 'No token was presented'));
      await client?.close();
      await app.auth.revokeUser('1');

      expect(await ask(kind, { auth: { token } })).toEqual(exception('session_revoked', 'The session was revoked'));
    });

    test.each([7, {}, ['a'], true])('are refused if the token of the handshake is %j', async (garbage) => {
      expect(await ask(kind, { auth: { token: garbage } })).toEqual(
        exception('token_malformed', 'The token is malformed'),
      );
      expect(await client?.ask('weather')).toEqual({ event: 'weather', data: 'for everybody' });
    });
  });
});

test('messages of ws are refused, and the log names `admit`', async () => {
  await start('ws', PlainGateway);
  const answer = await ask('ws', inHeader());

  expect(answer).toMatchObject({ event: 'exception', data: { status: 'error', message: 'Internal server error' } });
  expect(app.logs.join('\n')).toContain('Call `await refreshAuthService.admit(client, request)` in handleConnection');
});
