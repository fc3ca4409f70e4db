// Revocations of one process are in force in another.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Redis } from 'ioredis';
import { TokenState } from 'nestjs-refresh-auth';
import { HOUR, issueAged } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered, nothing } from './support/delivered.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const JWT_SECRET = 'the secret of two processes, known to their tests';
/** A poll of the log every 2 s finds what no notification told: so many requests take longer than several of them. */
const MOST_REQUESTS = 20_000;

const me = ({ url }: DemoProcess, token: string): Promise<HttpAnswer> => send(`${url}/me`, bearer(token));

/** The user who is logged out everywhere is alan, so that all others are ada. */
async function logIn({ url }: DemoProcess, username: 'ada' | 'alan' = 'ada'): Promise<string> {
  const password = username === 'ada' ? 'lovelace' : 'turing';
  const answer = await send(`${url}/auth/login`, { method: 'POST', body: { username, password } });
  const { header: token } = delivered(answer);
  expect([answer.status, token]).toEqual([200, expect.any(String)]);
  return String(token);
}

async function logOut({ url }: DemoProcess, token: string, from = 'logout'): Promise<void> {
  const answer = await send(`${url}/auth/${from}`, { method: 'POST', body: '', ...bearer(token) });
  expect([answer.status, answer.headers.authorization]).toEqual([204, undefined]);
}

function expired(): string {
  return issueAged(HOUR, { secret: JWT_SECRET }, { sub: '1' }).token;
}

/** The first answer that is not 200, or the last one. */
async function untilRefused(demo: DemoProcess, token: string): Promise<HttpAnswer> {
  let answer = await me(demo, token);
  for (let requests = 1; answer.status === 200 && requests < MOST_REQUESTS; requests++) answer = await me(demo, token);
  return answer;
}

async function expectEnded(demo: DemoProcess, token: string): Promise<void> {
  const answer = await untilRefused(demo, token);
  expect([refusal(answer), delivered(answer)]).toEqual([dead('session_revoked'), nothing]);
}

describe('two processes, one on Express and one on Fastify, and one Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let one: DemoProcess;
  let other: DemoProcess;
  const more: DemoProcess[] = [];

  function start(env: Record<string, string> = {}): Promise<DemoProcess> {
    return startDemo({ JWT_SECRET, REDIS_URL: server.url, ...env });
  }

  async function startMore(env: Record<string, string> = {}): Promise<DemoProcess> {
    const demo = await start(env);
    more.push(demo);
    return demo;
  }

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.port);
    [one, other] = await Promise.all([start({ HTTP_ADAPTER: 'express' }), start({ HTTP_ADAPTER: 'fastify' })]);
  });

  async function untilBothSubscribe(): Promise<void> {
    let subscribed: unknown;
    while (subscribed !== 2)
      [, subscribed] = (await redis.call('PUBSUB', 'NUMSUB', 'refresh-auth:revocations')) as unknown[];
  }

  afterEach(() => Promise.all(more.splice(0).map((demo) => demo.stop())));

  afterAll(async () => {
    await Promise.all([one.stop(), other.stop()]);
    redis.disconnect();
    await server.stop();
  });

  test('[L1] after a logout in one, the token that is still valid is refused in the other', async () => {
    const [token, unrelated] = [await logIn(one), await logIn(one)];
    expect((await me(other, token)).status).toBe(200);

    await logOut(one, token);

    await expectEnded(other, token);
    expect(refusal(await me(one, token))).toEqual(dead('session_revoked'));
    expect([(await me(one, unrelated)).status, (await me(other, unrelated)).status]).toEqual([200, 200]);
  });

  test('[L1] its predecessor and its successor are refused, too', async () => {
    const token = expired();
    const successor = String(delivered(await me(other, token)).header);

    await logOut(one, successor);

    expect(refusal(await me(other, token))).toEqual(dead('session_revoked'));
    await expectEnded(other, successor);
  });

  test('[L4] after a logout with an expired token too, which refreshes nothing', async () => {
    const token = expired();
    const successor = String(delivered(await me(other, token)).header);

    await logOut(one, token);

    await expectEnded(other, successor);
    expect(refusal(await me(other, token))).toEqual(dead('session_revoked'));
  });

  test('[L1] [L5] after a logout everywhere in one, every session of that user has ended in the other', async () => {
    const tokens = [await logIn(one, 'alan'), await logIn(other, 'alan'), await logIn(other, 'alan')];
    const adas = await logIn(other);

    await logOut(one, tokens[0]!, 'logout-everywhere');

    for (const token of tokens) {
      await expectEnded(other, token);
      expect(refusal(await me(one, token))).toEqual(dead('session_revoked'));
    }
    const next = await logIn(one, 'alan');
    for (const token of [adas, next]) {
      expect([(await me(one, token)).status, (await me(other, token)).status]).toEqual([200, 200]);
    }
  });

  test('[L1] nothing is missed while the connection of the subscribers is cut', async () => {
    const tokens = [await logIn(one), await logIn(one)];

    await untilBothSubscribe();
    // The demo's second module may have subscribed too.
    expect(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBeGreaterThanOrEqual(2);
    await logOut(one, tokens[0]!);
    await logOut(other, tokens[1]!);

    for (const token of tokens) {
      await expectEnded(one, token);
      await expectEnded(other, token);
    }
  });

  test("a logout under 'every-request' is known in the other before its answer is sent", async () => {
    const strict = await startMore({ REVOCATION: 'every-request' });
    const tokens = [await logIn(one), await logIn(one, 'alan')];

    await logOut(one, tokens[0]!);
    expect(refusal(await me(strict, tokens[0]!))).toEqual(dead('session_revoked'));
    await logOut(one, tokens[1]!, 'logout-everywhere');
    expect(refusal(await me(strict, tokens[1]!))).toEqual(dead('session_revoked'));
  });

  test('a revocation that Redis lost is written back by a process that knows it, for processes that start later', async () => {
    const first = await startMore();
    const [ended, alans] = [await logIn(first), await logIn(first, 'alan')];
    await logOut(first, ended);
    await logOut(first, alans, 'logout-everywhere');
    await expectEnded(other, ended);
    await expectEnded(other, alans);
    await first.stop();

    await redis.flushall();
    const third = await startMore();

    await expectEnded(third, ended);
    await expectEnded(third, alans);
    expect((await me(third, await logIn(third))).status).toBe(200);
  });

  test('a user who was logged out everywhere can log in again, even after Redis lost data', async () => {
    await logOut(one, await logIn(one, 'alan'), 'logout-everywhere');
    await redis.flushall();

    const token = await logIn(one, 'alan');

    expect([(await me(one, token)).status, (await me(other, token)).status]).toEqual([200, 200]);
  });

  test('[L1] nothing is missed if Redis restarts empty', async () => {
    const token = await logIn(one);

    await logOut(one, token);
    await server.restart();

    await expectEnded(other, token);
  });
});

/** When a request has come to the slow route, and what that route waits for. */
let arrive = (): void => undefined;
let departure = Promise.resolve();

@Controller()
class SlowController {
  @Get('me')
  me(@TokenState() state: unknown): unknown {
    return { state };
  }

  @Get('slow')
  async slow(@TokenState() state: unknown): Promise<unknown> {
    arrive();
    await departure;
    return { state };
  }
}

describe.each(adapters)('[L3] a slow handler on %s', (adapter) => {
  test.each([
    ['session', (claims: { sid: string }) => ['revokeSession', claims.sid] as const],
    ['user', () => ['revokeUser', '1'] as const],
  ])('whose %s is logged out in another process meanwhile: the response carries no token', async (_, end) => {
    const server = await startRedis();
    const clock = new TestClock();
    const launch = () =>
      startAuthApp(adapter, { controllers: [SlowController], options: { redis: server.url }, clock });
    const [one, other] = [await launch(), await launch()];
    const ask = (path: string, token: string): Promise<HttpAnswer> => send(`${other.url}/${path}`, bearer(token));
    const { token, claims } = await one.auth.issue({ sub: '1' });
    clock.advance(HOUR);
    const successor = String(delivered(await ask('me', token)).header);
    const arrival = new Promise<void>((resolve) => (arrive = resolve));
    let depart = (): void => undefined;
    departure = new Promise((resolve) => (depart = resolve));

    const waiting = ask('slow', token);
    await arrival;
    const [method, name] = end(claims);
    await one.auth[method](name);
    let known = await ask('me', successor);
    for (let requests = 1; known.status === 200 && requests < MOST_REQUESTS; requests++)
      known = await ask('me', successor);
    depart();
    const answer = await waiting;
    await Promise.all([one.close(), other.close()]);
    await server.stop();

    expect(refusal(known)).toEqual(dead('session_revoked'));
    expect([answer.status, answer.json(), delivered(answer)]).toEqual([200, { state: 'already-refreshed' }, nothing]);
  });
});
