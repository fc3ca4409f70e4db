// GraphQL over sockets: Apollo with graphql-ws, and the transport of Mercurius, with the default contexts of the drivers of NestJS.
import { once } from 'node:events';
import { setImmediate as immediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SubscriptionClient } from '@mercuriusjs/subscription-client';
import { Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { PubSub } from 'graphql-subscriptions';
import type { Client } from 'graphql-ws';
import type { MercuriusContext } from 'mercurius';
import { CurrentUser, RefreshAuthService, type TokenClaims } from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { wrapStore } from 'nestjs-refresh-auth/testing';
import type { Observable } from 'rxjs';
import { WebSocket } from 'ws';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { type AuthApp, globalGuard } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered } from './support/delivered.js';
import { codesOf, drivers, query, startGraphqlApp } from './support/graphql-app.js';
import {
  graphqlClient,
  type Opening,
  operate,
  operateByHand,
  type SocketAnswer,
  subscribe,
  type Subscribed,
} from './support/graphql-sockets.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EXPIRED = 20 * 60_000;
const DEAD = 8 * 24 * 60 * 60_000;

const typeDefs = `
  type Query { me: String, sub: String }
  type Mutation { rename: String }
  type Subscription { mine: String, news: String }
`;

const pubSub = new PubSub();

/** The subscriptions that would miss no news. */
const listeners = new Set<object>();

function listening<T>(source: AsyncIterableIterator<T>): AsyncIterableIterator<T> {
  const next = source.next.bind(source);
  source.next = () => {
    listeners.add(source);
    return next();
  };
  return source;
}

@Resolver()
class NewsResolver {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Query('me')
  me(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Query('sub')
  sub(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Mutation('rename')
  rename(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Subscription('mine')
  async *mine(@CurrentUser('sub') sub: string): AsyncGenerator<{ mine: string }> {
    yield await Promise.resolve({ mine: `for ${sub} alone` });
  }

  @Subscription('news')
  news(@CurrentUser() user: TokenClaims): AsyncIterableIterator<unknown> {
    return untilEnded(listening(pubSub.asyncIterableIterator('news')), this.auth.ended(user));
  }
}

/** Ends an iterator with the session, and stops waiting for that when the client leaves. */
function untilEnded<T>(source: AsyncIterableIterator<T>, ended: Observable<unknown>): AsyncIterableIterator<T> {
  const end = ended.subscribe(() => void source.return?.());
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => source.next(),
    return: async () => {
      end.unsubscribe();
      return (await source.return?.()) ?? { done: true, value: undefined };
    },
  };
}

const providers = [globalGuard, NewsResolver];
const MINE = 'subscription { mine }';

function bearerOf(token: string): string {
  return `Bearer ${token}`;
}

function cookieOf(token: string): string {
  return `__Host-authorization=${token}`;
}

/** The codes of the library in some answers, or with which code the server has closed the socket. */
function refusals(answers: SocketAnswer[]): unknown[] {
  return answers.flatMap((answer) => ('closed' in answer ? [answer.closed] : codesOf(answer)));
}

describe.each(drivers)('over a socket of %s', (driver) => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    app = await startGraphqlApp(driver, { typeDefs, providers });
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
    app.events.length = 0;
  });

  const served = [{ data: { mine: 'for 1 alone' } }, { data: { me: '1', sub: '1' } }, { data: { rename: '1' } }];

  test.each<[string, (token: string) => Opening]>([
    ['authorization in the payload', (own) => ({ payload: { authorization: bearerOf(own) } })],
    ['Authorization in the payload', (own) => ({ payload: { Authorization: bearerOf(own) } })],
    ['AUTHORIZATION in the payload', (own) => ({ payload: { AUTHORIZATION: `BEARER  ${own}`, other: 1 } })],
    ['the payload, twice', (own) => ({ payload: { authorization: bearerOf(own), Authorization: bearerOf(own) } })],
    ['the header of the handshake', (own) => ({ headers: { authorization: bearerOf(own) } })],
    ['the cookie of the handshake', (own) => ({ headers: { cookie: cookieOf(own) } })],
    [
      'the payload rather than the header',
      (own) => ({ payload: { authorization: bearerOf(own) }, headers: { authorization: 'Bearer other' } }),
    ],
    [
      'the payload rather than the cookie',
      (own) => ({ payload: { authorization: bearerOf(own) }, headers: { cookie: cookieOf('other') } }),
    ],
    [
      'the header, where the payload has another scheme',
      (own) => ({ payload: { authorization: 'Basic YTpi' }, headers: { authorization: bearerOf(own) } }),
    ],
    [
      'the header rather than the cookie',
      (own) => ({ headers: { authorization: bearerOf(own), cookie: cookieOf('other') } }),
    ],
  ])('[F53] a valid token is accepted: %s', async (_, opening) => {
    expect(await operate(app.url, opening(token), MINE, '{ me sub }', 'mutation { rename }')).toEqual(served);
  });

  test('[F54] an expired token is refused with the code, in each operation, and is not refreshed', async () => {
    app.clock.advance(EXPIRED);
    const opening = { payload: { authorization: bearerOf(token) } };

    expect(refusals(await operate(app.url, opening, MINE, '{ me sub }', 'mutation { rename }'))).toEqual(
      Array(4).fill('token_expired'),
    );
    expect((await app.auth.inspect(token)).state).toBe('refreshable');
  });

  test('[F54] [F56] a refusal has neither a stack nor the name of a file', async () => {
    const answers = await operate(app.url, { payload: { authorization: 'Bearer garbage' } }, MINE, '{ me }');

    expect(refusals(answers)).toEqual(['token_malformed', 'token_malformed']);
    expect(JSON.stringify(answers)).not.toMatch(/\bat |\.ts|\.js|node_modules/);
  });

  test('a token of a session that was revoked is refused with the code', async () => {
    await app.auth.revokeUser('1');

    expect(refusals(await operate(app.url, { headers: { cookie: cookieOf(token) } }, MINE))).toEqual([
      'session_revoked',
    ]);
  });

  test('an operation that begins after the end of the session is refused, although the socket was open before', async () => {
    const client = graphqlClient(app.url, { payload: { authorization: bearerOf(token) } });
    const before = await subscribe(client, MINE).first;
    await app.auth.revokeUser('1');
    const after = await subscribe(client, MINE).first;
    await client.dispose();

    expect(before).toEqual({ data: { mine: 'for 1 alone' } });
    expect(refusals([after])).toEqual(['session_revoked']);
  });

  test.each<[string, (socket: WebSocket) => void]>([
    ['is completed by its client', (socket) => socket.send('{"id":"1","type":"complete"}')],
    ['loses its socket in order', (socket) => socket.close()],
    ['loses its socket without a close frame', (socket) => socket.terminate()],
  ])('[F52] a subscription that %s keeps nothing of its session', async (_, leave) => {
    const openSessions = (): number => app.app.get(RefreshAuthCore).openSessions.size;
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const say = (message: object): void => socket.send(JSON.stringify(message));
    await once(socket, 'open');
    say({ type: 'connection_init', payload: { authorization: bearerOf(token) } });
    await once(socket, 'message');
    say({ id: '1', type: 'subscribe', payload: { query: 'subscription { news }' } });
    await until(() => openSessions() === 1);
    leave(socket);
    await until(() => openSessions() === 0);
    socket.terminate();

    expect(openSessions()).toBe(0);
  });

  describe('of which a page of another site has sent the cookie', () => {
    const origin = 'https://attacker.example';

    test.each<[string, object]>([
      ['nothing', {}],
      ['other headers', { origin: 'http://127.0.0.1', 'sec-fetch-site': 'same-origin' }],
      ['other headers in `headers`', { headers: { 'sec-fetch-site': 'none', authorization: 'Bearer x' } }],
      ['a scheme without a token', { authorization: 'Basic YTpi' }],
      ['an upgrade to something else', { upgrade: 'none' }],
    ])('[C1] every operation is refused, if the payload says %s', async (_, payload) => {
      const opening = { payload, headers: { cookie: cookieOf(token), origin } };
      const answers = await operate(app.url, opening, MINE, '{ me }', 'mutation { rename }', MINE);

      expect(refusals(answers)).toEqual(Array(4).fill('request_cross_site'));
    });

    test('a token in the payload is accepted, because browsers do not add one by themselves', async () => {
      const opening = { payload: { authorization: bearerOf(token) }, headers: { cookie: cookieOf('x'), origin } };

      expect(await operate(app.url, opening, MINE)).toEqual([{ data: { mine: 'for 1 alone' } }]);
    });
  });

  describe('the payload of connection_init', () => {
    test.each([true, false, 5, '', 'Bearer token', [], ['Bearer token'], [[]]])(
      '%j, which is no object, is no token: Mercurius ignores it, and graphql-ws closes the socket',
      async (payload) => {
        const answer = await operateByHand(app.url, 'graphql-transport-ws', { payload }, MINE);

        expect(refusals([answer])).toEqual([driver === 'Mercurius' ? 'token_missing' : 4400]);
      },
    );

    test.each<[unknown, unknown]>([
      [undefined, 'token_missing'],
      [null, 'token_missing'],
      [{}, 'token_missing'],
      [{ authorization: null }, 'token_missing'],
      [{ authorization: '' }, 'token_missing'],
      [{ authorization: 'Basic YTpi' }, 'token_missing'],
      [{ authorization: 'Bearer' }, 'token_malformed'],
      [{ authorization: 'Bearer a b' }, 'token_malformed'],
      [{ authorization: 5 }, 'token_malformed'],
      [{ authorization: false }, 'token_malformed'],
      [{ authorization: ['Bearer a'] }, 'token_malformed'],
      [{ authorization: { toString: 1 } }, 'token_malformed'],
      [{ authorization: 'Bearer a', Authorization: 'Bearer b' }, 'token_malformed'],
      [{ token: 'Bearer a' }, 'token_missing'],
      [{ headers: { authorization: 'Bearer a' } }, 'token_missing'],
      [{ headers: 5, cookie: 5 }, 'token_missing'],
      [{ cookie: '__Host-authorization=a' }, 'token_missing'],
    ])('%j is answered with %s, and a second operation too', async (payload, expected) => {
      const [first, second] = await operate(app.url, { payload }, MINE, MINE);

      expect(refusals([first ?? {}])).toEqual([expected]);
      expect(refusals([second ?? {}])).toEqual([expected]);
    });

    test.each([{ cookie: 5 }, { authorization: null, cookie: 'a=b' }, { headers: { cookie: { split: 1 } } }])(
      '%j does not hide the cookie',
      async (payload) => {
        const answers = await operate(app.url, { payload, headers: { cookie: cookieOf(token) } }, MINE, MINE);

        expect(answers).toEqual(answers.map(() => ({ data: { mine: 'for 1 alone' } })));
        expect(answers).toHaveLength(2);
      },
    );
  });
});

test('a context of the application, as the warning about a missing response asks for, serves requests and sockets', async () => {
  const context = (request: unknown, reply: unknown) => ({ request, reply });
  const app = await startGraphqlApp('Apollo on Fastify', { typeDefs, providers, graphql: { context } });
  const { token } = await app.auth.issue({ sub: '1' });
  const [overSocket] = await operate(app.url, { payload: { authorization: bearerOf(token) } }, MINE);
  app.clock.advance(EXPIRED);
  const overHttp = await query(app.url, '{ me }', bearer(token));
  await app.close();

  expect([overSocket, ...overHttp.answers]).toEqual([{ data: { mine: 'for 1 alone' } }, { data: { me: '1' } }]);
  expect(delivered(overHttp).header).toBeDefined();
});

describe('over a socket of Mercurius, by its own client and by the older protocol', () => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    app = await startGraphqlApp('Mercurius', { typeDefs, providers });
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  test.each(['graphql-ws', 'graphql-transport-ws'])(
    '[F54] the client of Mercurius is served, over %s',
    async (protocol) => {
      const client = new SubscriptionClient(`${app.url.replace('http', 'ws')}/graphql`, {
        protocols: [protocol],
        serviceName: 'news',
        connectionInitPayload: { authorization: bearerOf(token) },
      });
      client.connect();
      await once(client, 'ready');
      const received = await new Promise((resolve) => {
        const publish = ({ payload }: { payload: unknown }): Promise<void> => Promise.resolve(resolve(payload));
        client.createSubscription(MINE, {}, publish, {} as MercuriusContext);
      });
      client.close(false);

      expect(received).toEqual({ mine: 'for 1 alone' });
    },
  );

  test('[F54] an expired token is refused with the code, over the older protocol', async () => {
    app.clock.advance(EXPIRED);
    const opening = { payload: { authorization: bearerOf(token) } };

    expect(refusals([await operateByHand(app.url, 'graphql-ws', opening, MINE)])).toEqual(['token_expired']);
  });
});

describe.each(drivers)('two processes with sockets of %s', (driver) => {
  const clock = new TestClock();
  let redis: RedisServer;
  let apps: [AuthApp, AuthApp];

  beforeAll(async () => {
    redis = await startRedis();
    const start = () => startGraphqlApp(driver, { typeDefs, providers, clock, options: { redis: redis.url } });
    apps = await Promise.all([start(), start()]);
  });

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await redis.stop();
  });

  /** Subscribes with each of these tokens, over a socket of its own. */
  async function open(url: string, tokens: string[]): Promise<{ clients: Client[]; subscriptions: Subscribed[] }> {
    listeners.clear();
    const clients = tokens.map((token) => graphqlClient(url, { payload: { authorization: bearerOf(token) } }));
    const subscriptions = clients.map((client) => subscribe(client, 'subscription { news }'));
    await until(() => listeners.size === tokens.length);
    return { clients, subscriptions };
  }

  async function publish(): Promise<void> {
    await pubSub.publish('news', { news: 'for all' });
  }

  test('[F52] [F53] a revocation ends the subscriptions of its session, in the other process, and no others', async () => {
    const [here, elsewhere] = apps;
    const sessions = await Promise.all(['1', '1', '2'].map(async (sub) => elsewhere.auth.issue({ sub })));
    const { clients, subscriptions } = await open(
      here.url,
      sessions.map(({ token }) => token),
    );
    const [revoked, ...others] = subscriptions as [Subscribed, ...Subscribed[]];
    await publish();
    await Promise.all(subscriptions.map(async ({ first }) => first));

    await elsewhere.auth.revokeSession(String(sessions[0]?.claims.sid));
    await revoked.ended;
    await publish();
    await until(() => others.every(({ answers }) => answers.length === 2));
    await disposeAll(clients);

    expect(revoked.answers).toEqual([{ data: { news: 'for all' } }]);
  });

  test('[F52] of 1,000 open sockets, one sign-out in the other process ends those of its user', async () => {
    const [here, elsewhere] = apps;
    const subs = Array.from({ length: 1_000 }, (_, index) => `user-${index % 100}`);
    const sessions = await Promise.all(subs.map(async (sub) => elsewhere.auth.issue({ sub })));
    const { clients, subscriptions } = await open(
      here.url,
      sessions.map(({ token }) => token),
    );
    const own = subscriptions.filter((_, index) => subs[index] === 'user-7');
    const others = subscriptions.filter((subscription) => !own.includes(subscription));

    await elsewhere.auth.revokeUser('user-7');
    await Promise.all(own.map(async ({ ended }) => ended));
    await publish();
    await until(() => others.every(({ answers }) => answers.length === 1));
    await disposeAll(clients);

    expect(own.map(({ answers }) => answers)).toEqual(Array.from({ length: 10 }, () => []));
  }, 60_000);
});

async function disposeAll(clients: Client[]): Promise<void> {
  for (const client of clients) await client.dispose();
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await immediate();
}

test.each(drivers)(
  '%s refuses dead tokens without asking the store, however often their client comes back',
  async (driver) => {
    let asked = 0;
    const store = wrapStore(new InMemorySessionStore(), {
      around: (ask) => {
        asked += 1;
        return ask();
      },
    });
    const app = await startGraphqlApp(driver, { typeDefs, providers, options: { store } });
    const [{ token }, revoked] = [await app.auth.issue({ sub: '1' }), await app.auth.issue({ sub: '2' })];
    app.clock.advance(DEAD);
    const live = await app.auth.issue({ sub: '2' });
    await app.auth.revokeUser('2');
    asked = 0;

    const answers: SocketAnswer[] = [];
    for (const dead of ['garbage', token, revoked.token, live.token]) {
      const opening = { payload: { authorization: bearerOf(dead) } };
      for (let round = 0; round < 3; round += 1) answers.push(...(await operate(app.url, opening, MINE)));
    }
    await app.close();

    expect(refusals(answers)).toEqual(
      ['token_malformed', 'token_expired', 'token_expired', 'session_revoked'].flatMap((code) => [code, code, code]),
    );
    expect(asked).toBe(0);
  },
);
