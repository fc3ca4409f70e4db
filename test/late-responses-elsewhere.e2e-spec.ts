// Responses that are sent after another process has changed what they may carry.
import { setImmediate as immediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { type HttpResponse, Public, RefreshAuthService, type TokenClaims } from 'nestjs-refresh-auth';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { CookieJar } from 'tough-cookie';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { cookie, delivered, nothing } from './support/delivered.js';
import { Gates } from './support/gates.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EXPIRES_IN = 2_000;
let gates = new Gates();

@Controller()
class SlowController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Post('sign-in')
  async signIn(@Body() claims: { sub: string }, @Res({ passthrough: true }) response: HttpResponse): Promise<object> {
    await this.auth.signIn(response, claims);
    return {};
  }

  @Public()
  @Post('slow-sign-in')
  async slowSignIn(
    @Body() claims: { sub: string },
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<object> {
    await this.auth.signIn(response, claims);
    await gates.pass('sign-in');
    return {};
  }

  @Get('gate/:name')
  async gate(@Param('name') name: string): Promise<object> {
    await gates.pass(name);
    return {};
  }
}

describe.each(adapters)('on %s', (adapter) => {
  describe.each(['pushed', 'every-request'] as const)("two processes, revocation: '%s'", (revocation) => {
    const clock = new TestClock();
    let redis: RedisServer;
    let here: AuthApp;
    let elsewhere: AuthApp;

    beforeAll(async () => {
      redis = await startRedis();
      const options = { redis: redis.url, revocation, expiresIn: '2s', refreshWindow: '6s' } as const;
      const start = () => startAuthApp(adapter, { controllers: [SlowController], options, clock });
      [here, elsewhere] = [await start(), await start()];
    });

    afterAll(async () => {
      await Promise.all([here, elsewhere].map((app) => app.close()));
      await redis.stop();
    });

    beforeEach(() => {
      gates = new Gates();
    });

    const signIn = (app: AuthApp, sub: string, options: object = {}): Promise<HttpAnswer> =>
      send(`${app.url}/sign-in`, { method: 'POST', body: { sub }, ...options });

    /** Notifications arrive by themselves; what they say is in memory then. */
    async function untilKnownHere(token: string): Promise<void> {
      const { revocations } = here.app.get(RefreshAuthCore);
      while (!revocations.ends(decodePayload(token) as unknown as TokenClaims)) await immediate();
    }

    test('[F7] a late response does not restore the cookie of a user who was replaced meanwhile', async () => {
      const { token } = await mintToken(here.app, { sub: 'ada' }, { state: 'refreshable' });
      const jar = new CookieJar();
      const slow = send(`${here.url}/gate/slow`, cookie(token));
      await gates.arrival('slow');
      const signedIn = await signIn(elsewhere, 'alan', cookie(token));
      await untilKnownHere(token);
      gates.open('slow');
      const late = await slow;

      for (const { setCookies } of [signedIn, late]) {
        for (const line of setCookies) await jar.setCookie(line, here.url.replace('http:', 'https:'));
      }
      const [kept] = await jar.getCookies(here.url.replace('http:', 'https:'));
      expect([late.status, delivered(late)]).toEqual([200, nothing]);
      expect(decodePayload(kept?.value ?? '')).toMatchObject({ sub: 'alan' });
    });

    test('[L3] a late response carries no token after revokeUser', async () => {
      const { token } = await mintToken(here.app, { sub: 'grace' }, { state: 'refreshable' });
      const slow = send(`${here.url}/gate/slow`, cookie(token));
      await gates.arrival('slow');
      await elsewhere.auth.revokeUser('grace');
      await untilKnownHere(token);
      gates.open('slow');

      expect(delivered(await slow)).toEqual(nothing);
    });

    test('[F27] a late response carries a token that has expired, and the next request refreshes it', async () => {
      const { token } = await here.auth.issue({ sub: '1' });
      clock.advance(5_000);
      const slow = send(`${here.url}/gate/slow`, cookie(token));
      await gates.arrival('slow');
      clock.advance(3_200);
      gates.open('slow');
      const { cookie: successor = '' } = delivered(await slow);

      gates.open('next');
      const next = await send(`${elsewhere.url}/gate/next`, cookie(successor));
      expect([next.status, decodePayload(delivered(next).cookie ?? '')]).toEqual([
        200,
        expect.objectContaining({ gen: 2 }),
      ]);
    });

    test('[F28] a sign-in that takes longer than expiresIn is delivered', async () => {
      const slow = send(`${here.url}/slow-sign-in`, { method: 'POST', body: { sub: 'mary' } });
      await gates.arrival('sign-in');
      clock.advance(EXPIRES_IN + 1_000);
      gates.open('sign-in');
      const answer = await slow;

      expect([answer.status, delivered(answer)]).toEqual([
        201,
        { header: expect.any(String), cookie: expect.any(String) },
      ]);
    });

    test('[F28] a sign-in whose session is ended elsewhere before its response is sent fails', async () => {
      const slow = send(`${here.url}/slow-sign-in`, { method: 'POST', body: { sub: 'joan' } });
      await gates.arrival('sign-in');
      await elsewhere.auth.revokeUser('joan');
      const { revocations } = here.app.get(RefreshAuthCore);
      while (!revocations.ends({ sid: '', sub: 'joan', rev: 0 } as TokenClaims)) await immediate();
      gates.open('sign-in');
      const answer = await slow;

      expect([answer.status, delivered(answer)]).toEqual([401, nothing]);
      expect(answer.headers['www-authenticate']).toContain('The session was revoked');
    });
  });
});
