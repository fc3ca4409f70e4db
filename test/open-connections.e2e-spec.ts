// Open connections end with their session, whichever process has ended it: sockets, streams and long polls, on one Redis.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, type MessageEvent, Sse } from '@nestjs/common';
import { EventSource } from 'eventsource';
import {
  CurrentUser,
  RefreshAuthError,
  RefreshAuthGuard,
  RefreshAuthService,
  type RefreshAuthOptions,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { concat, filter, firstValueFrom, map, merge, NEVER, type Observable, of, takeUntil } from 'rxjs';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, cookie } from './support/delivered.js';
import { connect, type GatewayClient, KINDS, NewsGateway, withGateways } from './support/gateways.js';
import { send } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EXPIRED = 20 * 60_000;
/** How long a client of a stream waits before it connects again: three seconds, unless the stream says otherwise. */
const RECONNECT_MS = 1;

@Controller()
class StreamController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Sse('stream')
  stream(@CurrentUser() user: TokenClaims): Observable<MessageEvent> {
    return concat(of({ data: user.sub, retry: RECONNECT_MS }), NEVER).pipe(takeUntil(this.auth.ended(user)));
  }

  /** Says why, where the client is to know. */
  @Sse('told')
  told(@CurrentUser() user: TokenClaims): Observable<MessageEvent> {
    const ended = this.auth.ended(user);
    const news = concat(of({ data: user.sub }), NEVER).pipe(takeUntil(ended));
    return merge(news, ended.pipe(map(({ code }) => ({ type: 'ended', data: code }))));
  }

  @Get('poll')
  poll(@CurrentUser() user: TokenClaims): Promise<object> {
    return firstValueFrom(this.auth.ended(user).pipe(map(({ code }) => ({ code }))));
  }
}

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

function start(
  adapter: 'express' | 'fastify',
  kind: (typeof KINDS)[number],
  options: RefreshAuthOptions = {},
): Promise<AuthApp> {
  return startAuthApp(adapter, {
    controllers: [StreamController],
    providers: [globalGuard, NewsGateway, RefreshAuthGuard],
    options: { redis: `redis://127.0.0.1:${redis.port}`, ...options },
    clock: new TestClock(Date.now()),
    configure: withGateways(kind),
  });
}

/** Without waiting for connections that a client keeps for its next request. */
function close({ app }: AuthApp): Promise<void> {
  (app.getHttpServer() as Server).closeAllConnections();
  return app.close();
}

const openSessions = (app: AuthApp): number => app.app.get(RefreshAuthCore).openSessions.size;

async function untilNoneIsOpen(app: AuthApp): Promise<void> {
  while (openSessions(app) > 0) await new Promise(setImmediate);
}

function openStream(app: AuthApp, token: string, path = 'stream', headers = bearer(token).headers): EventSource {
  return new EventSource(`${app.url}/${path}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...(headers as Record<string, string>) } }),
  });
}

describe.each(adapters)('[F52] a stream on %s', (adapter) => {
  let app: AuthApp;
  let elsewhere: AuthApp;
  let token: string;
  let sid: string;
  const sources: EventSource[] = [];

  beforeAll(async () => {
    [app, elsewhere] = await Promise.all([start(adapter, 'ws'), start(adapter, 'ws')]);
  });
  afterAll(() => Promise.all([app, elsewhere].map(close)));
  beforeEach(async () => {
    const issued = await app.auth.issue({ sub: '1' });
    ({ token } = issued);
    ({ sid } = issued.claims);
  });
  afterEach(async () => {
    for (const source of sources.splice(0)) source.close();
    await untilNoneIsOpen(app);
  });

  /** Opens a stream, and resolves with its first event. */
  async function listen(path: string, own = token, headers = bearer(own).headers): Promise<EventSource> {
    const source = openStream(app, own, path, headers);
    sources.push(source);
    const event = await new Promise<{ data: unknown }>((resolve, reject) => {
      source.addEventListener('message', resolve);
      source.addEventListener('error', ({ code, message }) => reject(new Error(`${code} ${message}`)));
    });
    expect(event.data).toBe('1');
    return source;
  }

  /** Resolves when the server has ended the stream. The reconnection of the browser is refused, so it is over. */
  async function ended(source: EventSource): Promise<number | undefined> {
    for (;;) {
      const [{ code }] = (await once(source as never, 'error')) as [{ code?: number }];
      if (source.readyState === EventSource.CLOSED) return code;
    }
  }

  test('ends when another process revokes its session, and not with one of another user', async () => {
    const source = await listen('stream');
    const foreign = (await app.auth.issue({ sub: '2' })).claims.sid;
    await elsewhere.auth.revokeSession(foreign);
    expect([source.readyState, openSessions(app)]).toEqual([EventSource.OPEN, 1]);
    const end = ended(source);
    await elsewhere.auth.revokeSession(sid);

    expect(await end).toBe(401);
    expect(app.events).toContainEqual(expect.objectContaining({ type: 'session-revoked', elsewhere: true }));
  });

  test('tells the client why, if the route says so', async () => {
    const source = await listen('told');
    const told = once(source as never, 'ended') as Promise<[{ data: string }]>;
    await elsewhere.auth.revokeUser('1');

    expect((await told)[0].data).toBe('session_revoked');
    source.close();
    expect(app.events).toContainEqual(expect.objectContaining({ type: 'user-revoked', elsewhere: true }));
  });

  test('of an expired token is refreshed when it begins: 100 at once get one successor', async () => {
    app.clock.advance(EXPIRED);
    elsewhere.clock.advance(EXPIRED);
    const opened = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        fetch(`${(index % 2 ? app : elsewhere).url}/stream`, {
          headers: { ...(bearer(token).headers as Record<string, string>), accept: 'text/event-stream' },
        }),
      ),
    );

    expect(opened.map(({ status }) => status)).toEqual(Array(100).fill(200));
    expect(new Set(opened.map(({ headers }) => headers.get('authorization'))).size).toBe(1);
    expect(app.events.concat(elsewhere.events).filter(({ type }) => type === 'refreshed')).toHaveLength(1);
    await Promise.all(opened.map(async ({ body }) => body?.cancel()));
    await untilNoneIsOpen(elsewhere);
  });

  test('with a dead token is refused, and does not come back', async () => {
    const learned = firstValueFrom(app.auth.events.pipe(filter(({ type }) => type === 'session-revoked')));
    await elsewhere.auth.revokeSession(sid);
    await learned;

    await expect(listen('stream')).rejects.toThrow(/^401/);
  });

  test('[C1] of another site is served without a refresh, as any safe request', async () => {
    const headers = { ...(cookie(token).headers as Record<string, string>), origin: 'https://attacker.example' };
    const source = await listen('stream', token, headers);
    source.close();
    app.clock.advance(EXPIRED);

    await expect(listen('stream', token, headers)).rejects.toThrow(/^401/);
  });

  test('is like a long poll, which is answered when the session ends', async () => {
    const answer = send(`${app.url}/poll`, bearer(token));
    while (openSessions(app) === 0) await new Promise(setImmediate);
    await elsewhere.auth.revokeSession(sid);

    expect((await answer).json()).toEqual({ code: 'session_revoked' });
  });

  test('that its client leaves keeps nothing', async () => {
    const source = await listen('stream');
    expect(openSessions(app)).toBe(1);
    source.close();
    await untilNoneIsOpen(app);

    expect(openSessions(app)).toBe(0);
  });
});

// Polling would take a minute, and is closed in the same way.
describe.each(['socket.io over websocket', 'ws'] as const)('[F52] of 1,000 sockets of %s', (kind) => {
  test("a logout in another process closes one user's ten, and no other", async () => {
    const [app, elsewhere] = await Promise.all([start('express', kind), start('express', kind)]);
    const sockets: { sub: string; client: GatewayClient }[] = [];
    // In portions, since a machine accepts only so many connections at once.
    for (let user = 0; user < 100; user += 5) {
      const tokens = await Promise.all(
        Array.from({ length: 50 }, (_, index) => app.auth.issue({ sub: String(user + Math.floor(index / 10)) })),
      );
      const portion = tokens.map(async ({ token, claims }) => {
        const client = await connect(kind, app.url, { headers: bearer(token).headers as Record<string, string> });
        expect(await client.ask('news')).toMatchObject({ event: 'news', data: { sub: claims.sub } });
        return { sub: claims.sub, client };
      });
      sockets.push(...(await Promise.all(portion)));
    }
    const closed: string[] = [];
    for (const { sub, client } of sockets) void client.closed.then(() => closed.push(sub));
    const isHis = ({ sub }: { sub: string }): boolean => sub === '42';
    await elsewhere.auth.revokeUser('42');
    const reasons = await Promise.all(sockets.filter(isHis).map(({ client }) => client.closed));

    expect(reasons).toEqual(Array.from(reasons, () => expect.objectContaining({ code: 'session_revoked' })));
    expect([reasons.length, closed, openSessions(app)]).toEqual([10, Array(10).fill('42'), 990]);
    await Promise.all(sockets.map(({ client }) => client.close()));
    await untilNoneIsOpen(app);
    await Promise.all([app.close(), elsewhere.close()]);
  }, 120_000);
});

test("[F52] of 1,000 streams, a logout in another process ends one user's ten, and no other", async () => {
  const [app, elsewhere] = await Promise.all([start('express', 'ws'), start('express', 'ws')]);
  const streams: { sub: string; source: EventSource }[] = [];
  const isOver: string[] = [];
  for (let user = 0; user < 100; user += 5) {
    const opened = Array.from({ length: 50 }, async (_, index) => {
      const sub = String(user + Math.floor(index / 10));
      const { token } = await app.auth.issue({ sub });
      const source = openStream(app, token);
      await once(source as never, 'message');
      source.addEventListener('error', () => {
        isOver.push(sub);
        source.close();
      });
      return { sub, source };
    });
    streams.push(...(await Promise.all(opened)));
  }
  const his = streams.filter(({ sub }) => sub === '42');
  const ends = his.map(({ source }) => once(source as never, 'error'));
  await elsewhere.auth.revokeUser('42');
  await Promise.all(ends);

  expect([isOver, openSessions(app)]).toEqual([Array(10).fill('42'), 990]);
  streams.forEach(({ source }) => source.close());
  await untilNoneIsOpen(app);
  await Promise.all([app.close(), elsewhere.close()]);
}, 120_000);

test('a refusal is one of our errors, whose code tells why a stream has ended', async () => {
  const app = await start('express', 'ws');
  const { claims } = await app.auth.issue({ sub: '1' });
  const ended = firstValueFrom(app.auth.ended(claims));
  await app.auth.revokeUser('1');

  expect(await ended).toBeInstanceOf(RefreshAuthError);
  await app.close();
});
