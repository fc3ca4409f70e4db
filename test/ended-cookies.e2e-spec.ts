// A browser that still sends the cookie of a session that has ended, beside the one of a session that lives.
import { afterEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  type RefreshAuthOptions,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { HOUR } from './support/aged-tokens.js';
import { type Adapter, adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { dead, refusal } from './support/http-refusals.js';
import { type HttpAnswer, send } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

@Controller()
class SessionController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('who')
  who(@CurrentUser('sid') sid: string): object {
    return { sid };
  }

  @Post('others')
  @HttpCode(204)
  async others(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response, { scope: 'others' });
  }
}

const NAME = 'authorization';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
});

async function start(adapter: Adapter, clock: TestClock, options: RefreshAuthOptions = {}): Promise<AuthApp> {
  const app = await startAuthApp(adapter, {
    controllers: [SessionController],
    options: { delivery: { cookie: { name: NAME } }, ...options },
    clock,
  });
  closing.push(() => app.close());
  return app;
}

async function startStore(): Promise<RedisServer> {
  const redis = await startRedis();
  closing.push(() => redis.stop());
  return redis;
}

/** Redis by the clock of the test, so that its log of revocations can grow old. */
async function openStore({ url }: RedisServer, clock: TestClock): Promise<RedisSessionStore> {
  const store = new RedisSessionStore(await connectRedis(url), 'refresh-auth', clock);
  closing.push(() => store.close());
  return store;
}

const ask = (app: AuthApp, cookies: string, path = 'who', method = 'GET'): Promise<HttpAnswer> =>
  send(`${app.url}/${path}`, { method, headers: { cookie: cookies }, ...(method === 'POST' && { body: '' }) });
const both = (...tokens: string[]): string => tokens.map((token) => `${NAME}=${token}`).join('; ');

describe.each(adapters)('on %s', (adapter) => {
  test.each(['pushed', 'every-request'] as const)(
    "[F21] a process that starts later lets the live session in, under revocation: '%s'",
    async (revocation) => {
      const redis = await startStore();
      const clock = new TestClock(Date.now());
      const startProcess = async () => start(adapter, clock, { store: await openStore(redis, clock), revocation });
      const before = await startProcess();
      const [ended, live] = [await before.auth.issue({ sub: '1' }), await before.auth.issue({ sub: '1' })];
      await before.auth.revokeSession(ended.claims.sid);
      // The log of revocations does not go back that far: what has ended then matters to refreshable tokens alone.
      clock.advance(HOUR);
      await before.auth.revokeUser('another');
      const after = await startProcess();

      for (const tokens of [
        [ended.token, live.token],
        [live.token, ended.token],
      ]) {
        const answer = await ask(after, both(...tokens));
        expect([answer.status, answer.json()]).toEqual([200, { sid: live.claims.sid }]);
      }
    },
  );

  test('[F21] a session under the current name that has ended does not hide the live one of an earlier name', async () => {
    const redis = await startStore();
    const clock = new TestClock(Date.now());
    const delivery = { cookie: { previous: [{ name: NAME }] } };
    const startProcess = async () => start(adapter, clock, { store: await openStore(redis, clock), delivery });
    const before = await startProcess();
    const ended = await before.auth.issue({ sub: '1' });
    await before.auth.revokeUser('1');
    const live = await before.auth.issue({ sub: '1' });
    clock.advance(HOUR);
    await before.auth.revokeUser('another');
    const after = await startProcess();

    const answer = await ask(after, `__Host-${NAME}=${ended.token}; ${NAME}=${live.token}`);
    expect([answer.status, answer.json()]).toEqual([200, { sid: live.claims.sid }]);
  });

  test('two live sessions are still ambiguous, also while the store is down', async () => {
    const redis = await startStore();
    const clock = new TestClock(Date.now());
    const app = await start(adapter, clock, { redis: redis.url });
    const tokens = [(await app.auth.issue({ sub: '1' })).token, (await app.auth.issue({ sub: '1' })).token];

    expect(refusal(await ask(app, both(...tokens)))).toEqual(dead('token_malformed'));
    await redis.kill();
    expect(refusal(await ask(app, both(...tokens)))).toEqual(dead('token_malformed'));
  });

  test.each([
    ['behind', ([ended = '', live = '']: string[]) => both(live, ended)],
    ['in front', ([ended = '', live = '']: string[]) => both(ended, live)],
  ])('signOut of the others spares the session that the guard accepts, with an ended one %s', async (_, cookies) => {
    const app = await start(adapter, new TestClock());
    const ended = await app.auth.issue({ sub: '1' });
    await app.auth.revokeSession(ended.claims.sid);
    const [live, other] = [await app.auth.issue({ sub: '1' }), await app.auth.issue({ sub: '1' })];
    const carried = cookies([ended.token, live.token]);

    expect((await ask(app, carried, 'others', 'POST')).status).toBe(204);
    expect((await ask(app, carried)).json()).toEqual({ sid: live.claims.sid });
    expect(refusal(await ask(app, both(other.token)))).toEqual(dead('session_revoked'));
  });

  test('a session that a sign-in could not end because the store was down has ended here at once, and everywhere later', async () => {
    const app = await start(adapter, new TestClock());
    const { token, claims } = await mintToken(app.app, { sub: '1' });
    const core = app.app.get(RefreshAuthCore);
    const { revoke } = core.store;
    core.store.revoke = () => Promise.reject(new Error('connection lost'));
    const { token: next } = await core.signIns.start({ sub: '1' }, {}, { replaced: [claims] });

    expect((await ask(app, both(token, next))).status).toBe(200);
    expect(refusal(await ask(app, both(token)))).toEqual(dead('session_revoked'));
    core.store.revoke = revoke;
  });
});
