// Requests while Redis is away, and after it has come back.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import {
  type HttpRequest,
  type HttpResponse,
  OptionalAuth,
  Public,
  RefreshAuthService,
  type SignOutOptions,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { sessionName } from '../libs/refresh-auth/src/tokens/session-id.js';
import { DAY, HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal, storeUnavailable } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('guarded')
  guarded(@TokenState() state: unknown): unknown {
    return { state };
  }

  @OptionalAuth()
  @Get('optional')
  optional(@TokenState() state: unknown): unknown {
    return { state };
  }

  @Public()
  @Get('public')
  public(): unknown {
    return {};
  }

  @Public()
  @Post('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<unknown> {
    const { claims } = await this.auth.signIn(response, { sub: '1' });
    return { sid: claims.sid };
  }

  @Public()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
    @Query() options: SignOutOptions,
  ): Promise<void> {
    await this.auth.signOut(request, response, options);
  }

  @Public()
  @Get('inspect')
  async inspect(@Req() request: HttpRequest): Promise<unknown> {
    return this.auth.inspect(this.auth.getToken(request));
  }
}

const outages: [name: string, begin: (redis: RedisServer) => unknown, end: (redis: RedisServer) => unknown][] = [
  ['gone', (redis) => redis.kill(), (redis) => redis.restart()],
  ['hung', (redis) => redis.pause(), (redis) => redis.resume()],
];

describe.each(adapters.flatMap((adapter) => outages.map((outage) => [adapter, ...outage] as const)))(
  '[S1] on %s, while Redis is %s',
  (adapter, _, begin, end) => {
    let redis: RedisServer;
    let app: AuthApp;
    let valid: string;
    /** The token of a user whose sessions may end as soon as a hung Redis continues. */
    let leaving: string;
    /** The token of a user who signs in again. */
    let replaced: string;
    let expired: string;
    let past: string;

    beforeAll(async () => {
      redis = await startRedis();
      app = await startAuthApp(adapter, {
        controllers: [RoutesController],
        options: { redis: redis.url, storeTimeout: '200ms' },
      });
      past = (await app.auth.issue({ sub: '1' })).token;
      app.clock.advance(7 * DAY - HOUR);
      expired = (await app.auth.issue({ sub: '1' })).token;
      app.clock.advance(HOUR);
      valid = (await app.auth.issue({ sub: '1' })).token;
      leaving = (await app.auth.issue({ sub: '2' })).token;
      replaced = (await app.auth.issue({ sub: '1' })).token;
      await begin(redis);
    });

    afterAll(async () => {
      await app.close();
      redis.resume();
      await redis.stop();
    });

    const get = (path: string, token?: string): Promise<HttpAnswer> =>
      send(`${app.url}/${path}`, token === undefined ? {} : bearer(token));

    test('a valid token passes', async () => {
      const answer = await get('guarded', valid);

      expect([answer.status, answer.json()]).toEqual([200, { state: 'valid' }]);
    });

    test.each(['guarded', 'optional'])(
      'an expired one is told on /%s to try again, and is not logged out',
      async (path) => {
        const answer = await get(path, expired);

        expect(refusal(answer)).toEqual(storeUnavailable);
        expect(answer.headers['access-control-expose-headers']).toBe('Retry-After');
        expect(delivered(answer)).toEqual(nothing);
      },
    );

    test('a dead token is rejected as always', async () => {
      expect(refusal(await get('guarded', past))).toEqual(dead('token_expired'));
      expect(refusal(await get('guarded'))).toEqual(dead('token_missing'));
    });

    test.each(['public', 'optional'])('/%s passes without a token', async (path) => {
      expect((await get(path)).status).toBe(200);
    });

    test('a sign-in succeeds, and the previous session ends in this process, with an event', async () => {
      app.events.length = 0;

      const answer = await send(`${app.url}/sign-in`, { method: 'POST', body: '', ...bearer(replaced) });

      expect(answer.status).toBe(201);
      expect(delivered(answer).header).toBe(delivered(answer).cookie);
      expect((await get('guarded', delivered(answer).header)).json()).toEqual({ state: 'valid' });
      expect(app.events).toContainEqual({
        type: 'store-failed',
        at: app.clock.now(),
        reason: expect.any(String),
        session: sessionName(String(decodePayload(replaced)['sid'])),
      });
      expect(refusal(await get('guarded', replaced))).toEqual(dead('session_revoked'));
    });

    test.each(['session', 'user', 'others'])(
      '[L8] a sign-out of scope %s that cannot be recorded is 503, and the cookie stays',
      async (scope) => {
        const answer = await send(`${app.url}/sign-out?scope=${scope}`, {
          method: 'POST',
          body: '',
          ...cookie(leaving),
        });

        expect(refusal(answer)).toEqual(storeUnavailable);
        expect((await get('guarded', leaving)).status).toBe(200);
      },
    );

    test('[L8] [S11] a revocation rejects, and does not take effect in memory either', async () => {
      const unavailable = { code: 'store_unavailable', statusCode: 503 };

      await expect(app.auth.revokeSession('x'.repeat(30))).rejects.toMatchObject(unavailable);
      await expect(app.auth.revokeUser('2')).rejects.toMatchObject(unavailable);
      await expect(app.auth.revokeUser('2', { except: 'x'.repeat(30) })).rejects.toMatchObject(unavailable);
      expect((await get('guarded', leaving)).status).toBe(200);
    });

    test('inspect needs the store only for an expired token', async () => {
      expect((await get('inspect', valid)).json()).toMatchObject({ state: 'valid' });
      expect((await get('inspect', past)).json()).toEqual({ state: 'dead', reason: 'token_expired' });
      expect(refusal(await get('inspect', expired))).toEqual(storeUnavailable);
    });

    /** The last test: from here on the store works. */
    test('[S12] the next token is delivered once the store answers again, without a restart', async () => {
      await end(redis);
      app.events.length = 0;

      let answer = await get('guarded', expired);
      while (answer.status === 503) answer = await get('guarded', expired);

      expect([answer.status, answer.json()]).toEqual([200, { state: expect.stringMatching(/^(already-)?refresh/) }]);
      expect(delivered(answer).header).toBe(delivered(answer).cookie);
      expect(app.events.map(({ type }) => type)).toContain('store-recovered');
      expect(delivered(await get('guarded', expired))).toEqual(delivered(answer));
    });
  },
);
