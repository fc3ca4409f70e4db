// Sockets of a gateway that calls `admit`: socket.io and ws, through real clients.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RefreshAuthOptions, TokenClaims } from 'nestjs-refresh-auth';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie } from './support/delivered.js';
import {
  connect,
  type Credentials,
  type GatewayClient,
  type Kind,
  KINDS,
  NewsGateway,
  withGateways,
} from './support/gateways.js';
import { type InterceptedStore, interceptedStore } from './support/intercepted-store.js';
import { TestClock } from './support/clock.js';

const EXPIRED = 20 * 60_000;
const DEAD = 8 * 24 * 3_600_000;
const TRUSTED = 'https://trusted.example';

type Headers = Record<string, string>;

const inHeader = (token: string): Credentials => ({ headers: bearer(token).headers as Headers });
const inCookie = (token: string, headers: Headers = {}): Credentials => ({
  headers: { ...(cookie(token).headers as Headers), ...headers },
});

/** Why a socket was closed, as a client of its kind learns it. */
function closing(kind: Kind, code: string, status: 4401 | 4403 | 1013 = 4401): unknown {
  return expect.objectContaining({ code, ...(kind === 'ws' ? { status } : {}) });
}

const news = (sub: string, state = 'valid'): object => ({ event: 'news', data: { sub, state } });
const exception = (code: string): object => ({ event: 'exception', data: expect.objectContaining({ code }) });

describe.each(KINDS)('a socket of %s', (kind) => {
  let app: AuthApp;
  let clock: TestClock;
  let store: InterceptedStore;
  let token: string;
  let sid: string;
  let clients: GatewayClient[];

  async function start(options: RefreshAuthOptions = {}): Promise<void> {
    clock = new TestClock();
    store = interceptedStore(clock);
    app = await startAuthApp('express', {
      providers: [NewsGateway],
      clock,
      options: { store, csrf: { trustedOrigins: [TRUSTED] }, ...options },
      configure: withGateways(kind),
    });
    const issued = await app.auth.issue({ sub: '1' });
    token = issued.token;
    sid = issued.claims.sid;
    forget();
  }

  beforeEach(() => {
    clients = [];
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await app.close();
  });

  async function open(credentials: Credentials): Promise<GatewayClient> {
    const client = await connect(kind, app.url, credentials);
    clients.push(client);
    return client;
  }

  const admitted = () => app.app.get(NewsGateway).admitted;
  const openSessions = () => app.app.get(RefreshAuthCore).openSessions;

  /** Everything that was asked of the store about sessions and users. */
  const storeCalls = () => [...store.requests, ...store.reads, ...store.revocations];
  const forget = () => [store.requests, store.reads, store.revocations].forEach((calls) => (calls.length = 0));

  /** Makes the process read the log of revocations, as a notification does. */
  async function readLog(): Promise<void> {
    await app.auth.revokeUser('somebody else');
    await new Promise(setImmediate);
  }

  describe('[F50] is served with the token', () => {
    beforeEach(() => start());

    test.each<[string, (token: string) => Credentials]>([
      ['of its header', inHeader],
      ['of its cookie', inCookie],
      ['of its cookie, to a page of a trusted origin', (own) => inCookie(own, { origin: TRUSTED })],
      [
        'of its header, to a page of any origin',
        (own) => ({ headers: { ...inHeader(own).headers, origin: 'https://other.example' } }),
      ],
    ])('%s', async (_, credentials) => {
      const client = await open(credentials(token));

      expect(await client.ask('news')).toEqual(news('1'));
      expect(await client.ask('weather')).toEqual({ event: 'weather', data: 'for everybody' });
      expect(admitted()).toEqual([{ state: 'valid', claims: expect.objectContaining({ sub: '1' }) }]);
    });

    if (kind !== 'ws') {
      test('of its handshake, whatever header and cookie say, to a page of any origin', async () => {
        const other = await app.auth.issue({ sub: '2' });
        const headers = {
          ...inHeader(other.token).headers,
          ...inCookie(token).headers,
          origin: 'https://other.example',
        };
        const client = await open({ auth: { token }, headers });

        expect(await client.ask('news')).toEqual(news('1'));
      });
    }
  });

  describe('is refused and closed', () => {
    beforeEach(() => start());

    test.each<[string, (token: string) => Credentials, string]>([
      ['without a token', () => ({}), 'token_missing'],
      [
        'with a token in the query',
        (own) => ({ query: { token: own, authorization: own, access_token: own } }),
        'token_missing',
      ],
      ['with garbage in the header', () => inHeader('garbage'), 'token_malformed'],
      ['with a long token', () => inHeader('a.'.repeat(5000)), 'token_malformed'],
      ['with a token of nobody', (own) => inHeader(`${own.slice(0, -4)}AAAA`), 'token_invalid'],
    ])('%s', async (_, credentials, code) => {
      const client = await open(credentials(token));

      expect(await client.closed).toEqual(closing(kind, code));
      expect([admitted(), openSessions().size, storeCalls()]).toEqual([[undefined], 0, []]);
    });

    if (kind !== 'ws') {
      test.each([1, true, '', 'Bearer x', ['a'], { token: 'x' }, 'x'.repeat(100_000)])(
        'with a token in the handshake that is none: %j',
        async (garbage) => {
          const client = await open({ auth: { token: garbage }, headers: inHeader(token).headers! });

          expect(await client.closed).toEqual(closing(kind, 'token_malformed'));
        },
      );
    }

    test('[C1] to a page of another site that opens it with the cookie', async () => {
      const client = await open(inCookie(token, { origin: 'https://attacker.example' }));

      expect(await client.closed).toEqual(closing(kind, 'request_cross_site', 4403));
      expect(admitted()).toEqual([undefined]);
    });

    test('with a dead token, again and again, without a command to the store', async () => {
      await app.auth.revokeSession(sid);
      forget();
      for (let attempt = 0; attempt < 20; attempt++) {
        const client = await open(inHeader(token));
        expect(await client.closed).toEqual(closing(kind, 'session_revoked'));
      }
      clock.advance(DEAD);
      const client = await open(inHeader(token));

      expect(await client.closed).toEqual(closing(kind, 'token_expired'));
      expect([storeCalls(), openSessions().size]).toEqual([[], 0]);
    });

    test('while the store is down and its token has expired: the client can try again', async () => {
      clock.advance(EXPIRED);
      store.intercept(() => Promise.reject(new Error('down')));
      const client = await open(inHeader(token));

      expect(await client.closed).toEqual(closing(kind, 'store_unavailable', 1013));
      const again = await open(inHeader(token));
      expect(await again.ask('news')).toEqual(news('1'));
    });
  });

  test('with an expired token is admitted: 100 at once get one successor, and all are served', async () => {
    await start();
    clock.advance(EXPIRED);
    const racers = await Promise.all(Array.from({ length: 100 }, () => open(inHeader(token))));
    const answers = await Promise.all(racers.map((client) => client.ask('news')));

    expect(answers).toEqual(Array(100).fill(news('1')));
    expect(admitted().filter((authentication) => authentication?.state === 'refreshable')).toHaveLength(1);
    expect(new Set(admitted().map((authentication) => authentication?.refreshed?.token)).size).toBe(1);
  });

  test('serves messages that arrive before it is admitted, and refuses those beyond the first hundred', async () => {
    await start();
    clock.advance(EXPIRED);
    let answerNow = (): void => undefined;
    const answer = new Promise<void>((resolve) => (answerNow = resolve));
    const asked = new Promise<void>((resolve) => {
      store.intercept(async (ask) => {
        resolve();
        await answer;
        return ask();
      });
    });
    const client = await open(inHeader(token));
    await asked;
    for (let message = 0; message < 101; message++) client.send('news');

    expect(await client.next()).toEqual(exception('store_unavailable'));
    answerNow();
    const served = await Promise.all(Array.from({ length: 100 }, () => client.next()));
    expect(served).toEqual(Array(100).fill(news('1')));
  });

  describe('that is admitted', () => {
    test('[F52] lives on when its token expires, and is closed when its session is revoked', async () => {
      await start();
      const [client, other] = [
        await open(inHeader(token)),
        await open(inHeader((await app.auth.issue({ sub: '1' })).token)),
      ];
      await Promise.all([client.ask('news'), other.ask('news')]);
      clock.advance(EXPIRED);
      await readLog();
      expect(await client.ask('news')).toEqual(news('1', 'refreshable'));
      await app.auth.revokeSession(sid);

      expect(await client.closed).toEqual(closing(kind, 'session_revoked'));
      expect(await other.ask('news')).toEqual(news('1', 'refreshable'));
    });

    test('[F52] is closed when its session can no longer be refreshed', async () => {
      await start();
      const client = await open(inHeader(token));
      await client.ask('news');
      clock.advance(DEAD);

      expect(await client.closed).toEqual(closing(kind, 'token_expired'));
      expect(store.requests).toHaveLength(1);
    });

    test("sends messages without a store read, under revocation: 'every-request' too", async () => {
      await start({ revocation: 'every-request' });
      const client = await open(inHeader(token));
      await client.ask('news');
      const before = storeCalls().length;
      for (let message = 0; message < 10; message++) expect(await client.ask('news')).toEqual(news('1'));

      expect([before, storeCalls().length]).toEqual([1, 1]);
    });

    test('stays open while revocations may be missed, and its messages are refused once its token has expired', async () => {
      await start();
      const client = await open(inHeader(token));
      await client.ask('news');
      store.revocationsAfter = () => Promise.reject(new Error('down'));
      clock.advance(EXPIRED - 6 * 60_000);
      expect(await client.ask('news')).toEqual(news('1'));
      clock.advance(6 * 60_000);

      expect(await client.ask('news')).toEqual(exception('store_unavailable'));
      expect(await client.ask('weather')).toEqual({ event: 'weather', data: 'for everybody' });
    });

    test('takes a newer token of its session, and answers any other with `token_invalid`', async () => {
      await start();
      const client = await open(inHeader(token));
      await client.ask('news');
      const foreign = await app.auth.issue({ sub: '1' });
      clock.advance(EXPIRED);
      const { refreshed } = await app.auth.authenticate(token, { refresh: true });
      const newer = refreshed!.token;
      for (const data of [
        foreign.token,
        token,
        '',
        'garbage',
        7,
        null,
        [newer],
        { token: newer },
        `${newer.slice(0, -4)}AAAA`,
      ]) {
        expect(await client.ask('refresh-auth', data)).toEqual(exception('token_invalid'));
      }
      client.send('refresh-auth', newer);

      expect(await client.ask('news')).toEqual(news('1'));
      expect(await client.ask('refresh-auth', newer)).toEqual(exception('token_invalid'));
      expect(await client.ask('news')).toEqual(news('1'));
    });

    test('takes the newer token that its client gets although the handshake has refreshed it already', async () => {
      await start();
      clock.advance(EXPIRED);
      const client = await open(inHeader(token));
      await client.ask('news');
      const { refreshed } = await app.auth.authenticate(token, { refresh: true });
      client.send('refresh-auth', refreshed!.token);

      expect(await client.ask('news')).toEqual(news('1'));
      expect(client.exceptions).toEqual([]);
    });

    test('has the claims that `reloadClaims` returns, and is closed when it returns null', async () => {
      let role: string | null = 'admin';
      await start({ reloadClaims: (claims: TokenClaims) => (role === null ? null : { ...claims, role }) });
      const client = await open(inHeader(token));
      await client.ask('news');
      clock.advance(EXPIRED);
      await readLog();
      const reloaded = async (): Promise<unknown> => {
        const { data } = await client.ask('news');
        return (data as { role?: string }).role ?? reloaded();
      };
      expect(await reloaded()).toBe('admin');
      role = null;
      clock.advance(EXPIRED);

      expect(await client.closed).toEqual(closing(kind, 'session_revoked'));
    });

    test('leaves nothing behind when its client closes it', async () => {
      await start();
      const client = await open(inHeader(token));
      await client.ask('news');
      expect(openSessions().size).toBe(1);
      await client.close();
      while (openSessions().size > 0) await new Promise(setImmediate);

      await app.auth.revokeSession(sid);
      expect(app.logs.filter((line) => line.startsWith('error'))).toEqual([]);
    });
  });
});

describe.each(adapters)('on %s', (adapter) => {
  test.each(KINDS)('a socket of %s is admitted and closed', async (kind) => {
    const app = await startAuthApp(adapter, { providers: [NewsGateway], configure: withGateways(kind) });
    const { token } = await app.auth.issue({ sub: '1' });
    const client = await connect(kind, app.url, inCookie(token, { origin: app.url }));
    expect(await client.ask('news')).toEqual(news('1'));
    await app.auth.revokeUser('1');

    expect(await client.closed).toEqual(closing(kind, 'session_revoked'));
    await app.close();
  });
});
