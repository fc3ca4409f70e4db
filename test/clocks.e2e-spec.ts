// Processes whose clocks differ accept and refresh each other’s tokens.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { MINUTE, SECOND } from './support/aged-tokens.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered, nothing } from './support/delivered.js';
import { type DemoProcess, OWN_CLOCK, startDemo } from './support/demo-process.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EXPIRES_IN = 15 * MINUTE;
/** A revocation reaches another process within milliseconds, and within 2 s at worst: so many requests take longer. */
const MOST_REQUESTS = 20_000;

@Public()
@Controller()
class SessionsController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Post('sign-in')
  async signIn(@Body() { sub }: { sub: string }, @Res({ passthrough: true }) response: HttpResponse): Promise<unknown> {
    return (await this.auth.signIn(response, { sub })).claims;
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }
}

@Controller()
class StateController {
  @Get('state')
  state(@TokenState() state: string): unknown {
    return { state };
  }
}

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const present = ({ url }: AuthApp, token: string): Promise<HttpAnswer> => send(`${url}/state`, bearer(token));

/** The state that the guard found, and the token that the answer carries. */
async function stateAt(app: AuthApp, token: string): Promise<[number, unknown, string | undefined]> {
  const answer = await present(app, token);
  return [answer.status, (answer.json() as { state?: string; code?: string }).state, delivered(answer).header];
}

async function signInAt({ url }: AuthApp, sub: string): Promise<string> {
  const answer = await send(`${url}/sign-in`, { method: 'POST', body: { sub } });
  expect(answer.status).toBe(201);
  return String(delivered(answer).header);
}

/** The first answer that is not 200, or the last one. */
async function untilRefused(app: AuthApp, token: string): Promise<HttpAnswer> {
  let answer = await present(app, token);
  for (let requests = 1; answer.status === 200 && requests < MOST_REQUESTS; requests++)
    answer = await present(app, token);
  return answer;
}

const differences = [50, 300, 1 * SECOND, 5 * SECOND, 30 * SECOND, 60 * SECOND];

describe.each(
  differences.flatMap((difference) => [
    [difference, 'ahead of' as const],
    [difference, 'behind' as const],
  ]) as [number, 'ahead of' | 'behind'][],
)('[F20] a process whose clock is %i ms %s that of another', (difference, lead) => {
  let one: AuthApp;
  let other: AuthApp;

  beforeAll(async () => {
    // Just before the next second, which one clock has then reached and the other has not.
    const early = Math.floor(Date.now() / SECOND) * SECOND + 980;
    const late = early + difference;
    const start = (adapter: 'express' | 'fastify', time: number): Promise<AuthApp> =>
      startAuthApp(adapter, {
        controllers: [SessionsController, StateController],
        options: { expiresIn: EXPIRES_IN / SECOND, redis: server.url, keyPrefix: `${difference}-${lead.slice(0, 3)}` },
        clock: new TestClock(time),
      });
    [one, other] = await Promise.all([
      start('express', lead === 'ahead of' ? late : early),
      start('fastify', lead === 'ahead of' ? early : late),
    ]);
  });
  afterAll(() => Promise.all([one.close(), other.close()]));

  /** Until a token that was signed now has expired at both. Whole seconds: the next one is as near as before. */
  function expire(): void {
    const passed = EXPIRES_IN + Math.ceil(difference / SECOND) * SECOND + SECOND;
    for (const { clock } of [one, other]) clock.advance(passed);
  }

  test('signs a token that the other accepts', async () => {
    const token = await signInAt(one, 'ada');

    expect(await stateAt(other, token)).toEqual([200, 'valid', undefined]);
    expect(await stateAt(one, token)).toEqual([200, 'valid', undefined]);
  });

  test('refreshes a token, and the other accepts the successor', async () => {
    const token = await signInAt(other, 'ada');
    expire();

    const [status, state, successor = ''] = await stateAt(one, token);

    expect([status, state]).toEqual([200, 'refreshable']);
    expect(await stateAt(other, successor)).toEqual([200, 'valid', undefined]);
  });

  test('refreshes a token, and the other hands the successor over', async () => {
    const token = await signInAt(one, 'ada');
    expire();
    const [, , successor = ''] = await stateAt(one, token);

    expect(await stateAt(other, token)).toEqual([200, 'already-refreshed', successor]);
    expect(await stateAt(other, successor)).toEqual([200, 'valid', undefined]);
  });

  test('ends a session, and the other refuses its token', async () => {
    const token = await signInAt(one, 'ada');
    expect((await present(other, token)).status).toBe(200);

    await send(`${one.url}/sign-out`, { method: 'POST', body: '', ...bearer(token) });

    const answer = await untilRefused(other, token);
    expect([refusal(answer), delivered(answer)]).toEqual([dead('session_revoked'), nothing]);
  });

  test('ends all sessions of a user, who signs in at the other', async () => {
    const ended = await signInAt(one, 'alan');

    await one.auth.revokeUser('alan');
    const token = await signInAt(other, 'alan');

    expect(refusal(await untilRefused(other, ended))).toEqual(dead('session_revoked'));
    expect(await stateAt(one, token)).toEqual([200, 'valid', undefined]);
    expect(await stateAt(other, token)).toEqual([200, 'valid', undefined]);

    expire();
    expect((await stateAt(other, token)).slice(0, 2)).toEqual([200, 'refreshable']);
  });

  test('starts sessions that the other can end with all others of the user', async () => {
    const token = await signInAt(one, 'grace');

    await other.auth.revokeUser('grace');

    expect(refusal(await untilRefused(one, token))).toEqual(dead('session_revoked'));
  });
});

describe('[F20] two processes of the demo', () => {
  const JWT_SECRET = 'the secret of two processes whose clocks differ';
  /** In seconds. */
  const LIFE = 2;
  const demos: DemoProcess[] = [];
  afterEach(() => Promise.all(demos.splice(0).map((demo) => demo.stop())));

  async function start(offset: number): Promise<DemoProcess> {
    const demo = await startDemo({
      JWT_SECRET,
      REDIS_URL: server.url,
      TOKEN_EXPIRES_IN: `${LIFE}s`,
      ...OWN_CLOCK,
      CLOCK_OFFSET: String(offset),
    });
    demos.push(demo);
    return demo;
  }

  async function logIn({ url }: DemoProcess): Promise<string> {
    const body = { username: 'ada', password: 'lovelace' };
    const answer = await send(`${url}/auth/login`, { method: 'POST', body });
    return String(delivered(answer).header);
  }

  const me = async ({ url }: DemoProcess, token: string): Promise<[number, unknown, string | undefined]> => {
    const answer = await send(`${url}/me`, bearer(token));
    return [answer.status, answer.headers['x-token-state'], delivered(answer).header];
  };

  test.each([5 * SECOND, 30 * SECOND])('whose clocks differ by %i ms serve one session, in turns', async (offset) => {
    const [behind, ahead] = await Promise.all([start(0), start(offset)]);

    // A token that one of them has just signed has already expired for the other, so the test need not wait.
    const token = await logIn(behind);
    const [status, state, successor = ''] = await me(ahead, token);
    expect([status, state]).toEqual([200, 'refreshable']);
    expect(await me(behind, successor)).toEqual([200, 'valid', undefined]);
    expect(await me(behind, await logIn(ahead))).toEqual([200, 'valid', undefined]);
  });
});
