// GraphQL over HTTP: Apollo and Mercurius, with the default contexts of the drivers of NestJS.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { Context, Mutation, Query, ResolveField, Resolver } from '@nestjs/graphql';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { wrapStore } from 'nestjs-refresh-auth/testing';
import { type AuthApp, globalGuard } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { codesOf, drivers, type GraphqlAnswer, query, startGraphqlApp } from './support/graphql-app.js';
import { decodePayload } from './support/hostile-tokens.js';
import { connections } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EXPIRED = 20 * 60_000;
const RACERS = 100;

const typeDefs = `
  type User { sub: String, secret: String }
  type Query { me: User, sub: String, state: String, open: String, user: User }
  type Mutation { rename: String, leave: Boolean }
  type Subscription { news: String }
`;

/** For `signOut`, where the context has none. */
const noResponse = { raw: { headersSent: true, destroyed: true } } as HttpResponse;

@Resolver('User')
class UserResolver {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Query('me')
  me(@CurrentUser() { sub }: TokenClaims): object {
    return { sub };
  }

  @Query('sub')
  sub(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Query('state')
  state(@TokenState() state: string): string {
    return state;
  }

  @Public()
  @Query('open')
  open(): string {
    return 'for everybody';
  }

  @Public()
  @Query('user')
  user(): object {
    return {};
  }

  /** Refuses what it cannot tell. NestJS runs neither guards nor filters for fields, unless told so. */
  @ResolveField('secret')
  async secret(): Promise<string> {
    return (await this.auth.authenticate('no token')).claims.sub;
  }

  @Mutation('rename')
  rename(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Public()
  @Mutation('leave')
  async leave(@Context('req') request: HttpRequest): Promise<boolean> {
    await this.auth.signOut(request, noResponse);
    return true;
  }
}

const providers = [globalGuard, UserResolver];

/** Asks for three fields that need a user, each of which passes the guard. */
const THREE_FIELDS = '{ me { sub } sub state }';

function threeFields(state: string): GraphqlAnswer {
  return { data: { me: { sub: '1' }, sub: '1', state } };
}

/** One field of the first operation's answer. */
function field({ answers }: { answers: GraphqlAnswer[] }, name: string): unknown {
  return (answers[0]?.data as Record<string, unknown> | undefined)?.[name];
}

describe.each(drivers)('on %s', (driver) => {
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

  test.each([
    ['header', bearer],
    ['cookie', cookie],
  ])('a query with a valid token in the %s is served, and carries no token', async (_, presented) => {
    const answer = await query(app.url, THREE_FIELDS, presented(token));

    expect(answer.answers).toEqual([threeFields('valid')]);
    expect(delivered(answer)).toEqual(nothing);
  });

  test('[F55] a query with an expired token is served, and carries the new one', async () => {
    app.clock.advance(EXPIRED);
    const answer = await query(app.url, THREE_FIELDS, bearer(token));

    expect(answer.answers).toEqual([threeFields('refreshable')]);
    const { header, cookie: inCookie } = delivered(answer);
    expect(decodePayload(String(header))).toMatchObject({ sub: '1', gen: 1 });
    expect(inCookie).toBe(header);
    expect(answer.headers['cache-control']).toBe('private, no-store');
    expect(app.events.map(({ type }) => type)).toEqual(['refreshed']);
  });

  test('[F55] a mutation with an expired token is served, and carries the new one', async () => {
    app.clock.advance(EXPIRED);
    const answer = await query(app.url, 'mutation { rename }', cookie(token));

    expect(answer.answers).toEqual([{ data: { rename: '1' } }]);
    expect(decodePayload(String(delivered(answer).cookie))).toMatchObject({ sub: '1', gen: 1 });
  });

  test('[F55] a batch refreshes its token once, and carries the new one', async () => {
    app.clock.advance(EXPIRED);
    const answer = await query(app.url, [THREE_FIELDS, 'mutation { rename }', THREE_FIELDS], bearer(token));

    const [first, , last] = answer.answers as [GraphqlAnswer, GraphqlAnswer, GraphqlAnswer];
    expect([first, last]).toEqual([threeFields('refreshable'), threeFields('refreshable')]);
    expect(app.events.map(({ type }) => type)).toEqual(['refreshed']);
    expect(decodePayload(String(delivered(answer).header))).toMatchObject({ gen: 1 });
  });

  test('a query with an expired token in the cookie is not refreshed for another site', async () => {
    app.clock.advance(EXPIRED);
    const headers = { ...cookie(token).headers, 'sec-fetch-site': 'cross-site' };
    const [answer] = (await query(app.url, '{ sub }', { headers })).answers as [GraphqlAnswer];

    expect(codesOf(answer)).toEqual(['request_cross_site']);
    expect((await app.auth.inspect(token)).state).toBe('refreshable');
  });

  describe('[F56] a refusal has its code, and neither a stack nor the name of a file', () => {
    async function refusal(operation: string, presented: Parameters<typeof query>[2]): Promise<unknown[]> {
      const { answers, body } = await query(app.url, operation, presented);
      return /\bat |\.ts|\.js|node_modules/.test(body) ? [body] : answers.flatMap(codesOf);
    }

    test('of the guard, for each field that it protects', async () => {
      expect(await refusal(`{ me { sub } sub open }`, {})).toEqual(['token_missing', 'token_missing']);
    });

    test('of the guard, for a token that is not one', async () => {
      expect(await refusal('{ sub }', bearer('garbage'))).toEqual(['token_malformed']);
    });

    test('of the guard, for a token past its refresh window', async () => {
      app.clock.advance(8 * 24 * 60 * 60_000);
      expect(await refusal('{ sub }', bearer(token))).toEqual(['token_expired']);
    });

    test('of the guard, for a session that was revoked', async () => {
      await app.auth.revokeUser('1');
      expect(await refusal(THREE_FIELDS, bearer(token))).toEqual(Array(3).fill('session_revoked'));
      // One decision for all fields.
      expect(app.events.filter(({ type }) => type === 'token-rejected')).toHaveLength(1);
    });

    test('of the guard, for a mutation that another site triggered', async () => {
      const headers = { ...cookie(token).headers, origin: 'https://attacker.example' };
      expect(await refusal('mutation { rename }', { headers })).toEqual(['request_cross_site']);
    });

    test('of a handler: a sign-out that another site triggered ends nothing', async () => {
      const headers = { ...cookie(token).headers, origin: 'https://attacker.example' };
      expect(await refusal('mutation { leave }', { headers })).toEqual(['request_cross_site']);
      expect((await app.auth.inspect(token)).state).toBe('valid');
    });
  });

  test('[F56] an error of a field, for which NestJS runs no filter, has its code', async () => {
    const [answer] = (await query(app.url, '{ user { secret } }')).answers as [GraphqlAnswer];

    expect(codesOf(answer)).toEqual(['token_malformed']);
  });

  test('[F56] the answer to a query without a token names the scheme', async () => {
    const { headers } = await query(app.url, '{ sub }');

    expect(headers['www-authenticate']).toBe('Bearer realm="refresh-auth"');
  });

  test('the context of an operation is of that operation alone: no query sees the user of another', async () => {
    const other = await app.auth.issue({ sub: '2' });
    const answers = await Promise.all(
      [token, other.token, undefined].map(async (one) => query(app.url, '{ sub }', one ? bearer(one) : {})),
    );

    expect(answers.map((answer) => field(answer, 'sub'))).toEqual(['1', '2', null]);
  });
});

describe.each(drivers)('two processes on %s', (driver) => {
  const clock = new TestClock();
  let redis: RedisServer;
  let apps: AuthApp[];

  beforeAll(async () => {
    redis = await startRedis();
    const start = () => startGraphqlApp(driver, { typeDefs, providers, clock, options: { redis: redis.url } });
    apps = await Promise.all([start(), start()]);
  });

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await redis.stop();
  });

  test('[R1] [F55] 100 queries at once with one expired token: one refreshes it, and all carry the same new one', async () => {
    const [{ auth }] = apps as [AuthApp];
    const { token } = await auth.issue({ sub: '1' });
    clock.advance(EXPIRED);
    const agents = apps.map(() => connections(RACERS / apps.length));

    const answers = await Promise.all(
      Array.from({ length: RACERS }, (_, index) => {
        const [app, agent] = [apps[index % 2], agents[index % 2]];
        return query(String(app?.url), THREE_FIELDS, { ...bearer(token), ...(agent && { agent }) });
      }),
    ).finally(() => agents.forEach((agent) => agent.destroy()));

    const states = answers.map((answer) => String(field(answer, 'state')));
    expect(answers.map(({ answers: [answer] }) => answer)).toEqual(states.map(threeFields));
    expect(states.filter((state) => state !== 'already-refreshed')).toEqual(['refreshable']);
    expect(apps.flatMap((app) => app.events.filter(({ type }) => type === 'refreshed'))).toHaveLength(1);
    const successors = new Set(answers.map((answer) => delivered(answer).header));
    expect([...successors].map((successor) => decodePayload(String(successor)))).toEqual([
      expect.objectContaining({ sub: '1', gen: 1 }),
    ]);
  });
});

test.each(drivers)('[F56] [F55] %s says that the store is down, and when to try again', async (driver) => {
  const store = wrapStore(new InMemorySessionStore(), { around: () => Promise.reject(new Error('down')) });
  const app = await startGraphqlApp(driver, { typeDefs, providers, options: { store } });
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(EXPIRED);

  const [byGuard, byHandler] = [
    await query(app.url, '{ sub }', bearer(token)),
    await query(app.url, 'mutation { leave }', bearer(token)),
  ];
  await app.close();

  expect([byGuard, byHandler].map(({ answers }) => answers.flatMap(codesOf))).toEqual([
    ['store_unavailable'],
    ['store_unavailable'],
  ]);
  expect([byGuard, byHandler].map(({ headers }) => headers['retry-after'])).toEqual(['1', '1']);
});

test.each<[string, (typeof drivers)[number], object]>([
  ['a Mercurius that compiles its queries', 'Mercurius', { jit: 1 }],
  ['an Apollo that does not translate HTTP errors', 'Apollo on Express', { autoTransformHttpErrors: false }],
])('[F56] %s sends the code', async (_, driver, graphql) => {
  const app = await startGraphqlApp(driver, { typeDefs, providers, graphql });

  const answers = [await query(app.url, '{ sub }'), await query(app.url, '{ sub }'), await query(app.url, '{ sub }')];
  await app.close();

  expect(answers.flatMap((answer) => answer.answers.flatMap(codesOf))).toEqual(Array(3).fill('token_missing'));
});

test('[F55] a context that leads to no response cannot deliver the new token, which is one warning', async () => {
  const context = ({ headers, raw }: { headers: object; raw: IncomingMessage }) => ({
    req: { headers, rawHeaders: raw.rawHeaders },
  });
  const app = await startGraphqlApp('Apollo on Fastify', { typeDefs, providers, graphql: { context } });
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(EXPIRED);

  const answers = [await query(app.url, '{ sub }', bearer(token)), await query(app.url, '{ sub }', bearer(token))];
  await app.close();

  expect(answers.map((answer) => [answer.answers, delivered(answer)])).toEqual(
    answers.map(() => [[{ data: { sub: '1' } }], nothing]),
  );
  expect(app.logs.filter((line) => line.startsWith('warn'))).toEqual([
    expect.stringContaining(
      'could not be delivered, because a context of type graphql led to no response. Clients that send only such requests are signed out at the end of their refresh window. Put the response into the context of GraphQLModule: `context: (request, reply) => ({ request, reply })`.',
    ),
  ]);
});

test.each<[(typeof drivers)[number]]>([['Apollo on Express'], ['Apollo on Fastify']])(
  '%s with one context for all requests, in which the driver of NestJS 11 keeps the first: nobody is served as its user',
  async (driver) => {
    const shared: { req?: unknown } = {};
    const context = (request: { req?: unknown }) => {
      shared.req ??= request.req ?? request;
      return shared;
    };
    const app = await startGraphqlApp(driver, { typeDefs, providers, graphql: { context } });
    const { token } = await app.auth.issue({ sub: '1' });

    const [first, second] = [await query(app.url, '{ sub }', bearer(token)), await query(app.url, '{ sub }')];
    await app.close();

    expect(first.answers).toEqual([{ data: { sub: '1' } }]);
    expect(second.answers).toEqual([
      {
        data: { sub: null },
        errors: [expect.objectContaining({ message: expect.stringMatching(/^Several requests share one GraphQL/) })],
      },
    ]);
  },
);

describe('Mercurius with one context for all requests, in which its driver keeps the first request', () => {
  test.each<[string, () => object]>([
    ['an object', () => ({ context: { shared: true } })],
    [
      'a function',
      () => {
        const shared = {};
        return { context: () => shared };
      },
    ],
  ])('as %s: nobody is served as the user of another request', async (_, graphql) => {
    const app = await startGraphqlApp('Mercurius', { typeDefs, providers, graphql: graphql() });
    const { token } = await app.auth.issue({ sub: '1' });

    const [first, second] = [await query(app.url, '{ sub }', bearer(token)), await query(app.url, '{ sub }')];
    await app.close();

    expect(first.answers).toEqual([{ data: { sub: '1' } }]);
    expect(second.answers).toEqual([
      {
        data: { sub: null },
        errors: [expect.objectContaining({ message: expect.stringMatching(/^Several requests share one GraphQL/) })],
      },
    ]);
  });
});
