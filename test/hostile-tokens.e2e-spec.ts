// Forged, altered and oversized tokens are refused over HTTP, and never reach Redis.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { attacked, attacksOn, expectedCode } from './support/attacks.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie } from './support/delivered.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { forge, keyFor } from './support/key-material.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { type RedisWatch, watchRedis } from './support/redis-watch.js';
import { newSession } from './support/session-of.js';
import { assertQuotesNothing } from './support/siege.js';
import { claims } from './support/signed-claims.js';

@Controller()
class GuardedController {
  @Get('guarded')
  guarded(): string {
    return 'a guarded answer';
  }
}

/** Of each kind of attack. */
const RUNS = 4;
/** Texts that a client can send unchanged, and that do not end a cookie. */
const CAN_BE_SENT = /^[\x21-\x3a\x3c-\x7e]+$/;

describe.each(adapters)('on %s, with a key of each kind', (adapter) => {
  let redis: RedisServer;
  let client: Redis;
  let watch: RedisWatch;
  let app: AuthApp;

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    watch = await watchRedis(client);
    app = await startAuthApp(adapter, {
      controllers: [GuardedController],
      options: { redis: redis.url, keys: attacked.map(keyFor) },
    });
    // Good tokens are expired and can be refreshed, so that whatever passed for one would get as far as Redis.
    app.clock.advance(HOUR);
  });

  afterAll(async () => {
    await app.close();
    watch.stop();
    client.disconnect();
    await redis.stop();
  });

  test.each(attacked)(
    '[V12] [V16] [D2] what is tried on %s is a 401 with its code, and nothing reaches Redis',
    async (key) => {
      // Sessions of their own: what one key refreshed would be handed on to the next.
      const [token = '', other = ''] = ['one', 'other'].map((name) =>
        forge(key, { ...claims, sub: `${name} of ${key}`, sid: newSession(`${name} of ${key}`).sid }),
      );
      const families = Object.values(attacksOn(key, token, other));
      const attacks = fc.tuple(...families.map((family) => family.filter((text) => CAN_BE_SENT.test(text))));
      let answered = 0;

      const commands = await watch.sessionCommandsDuring(() =>
        fc.assert(
          fc.asyncProperty(attacks, fc.constantFrom(bearer, cookie), async (oneOfEach, present) => {
            for (const attack of oneOfEach) {
              const answer = await send(`${app.url}/guarded`, present(attack));

              expect(refusal(answer)).toEqual(dead(expectedCode(attack)));
              assertQuotesNothing(answer.rawHeaders.join('\n') + answer.body, attack);
              answered += 1;
            }
          }),
          { numRuns: RUNS },
        ),
      );

      expect(commands).toEqual([]);
      expect(answered).toBe(RUNS * families.length);
      // And the watch does see what gets there.
      const refresh = async (): Promise<unknown> =>
        expect((await send(`${app.url}/guarded`, bearer(token))).status).toBe(200);
      expect(await watch.sessionCommandsDuring(refresh)).toContain('evalsha');
    },
  );
});

describe.each(adapters)('[M1] on %s, where the server reads headers of megabytes', (HTTP_ADAPTER) => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({ HTTP_ADAPTER, NODE_OPTIONS: '--max-http-header-size=4194304' });
  });

  afterAll(async () => {
    await demo.stop();
  });

  test.each([
    ['16 KB', `${'a'.repeat(8_000)}.${'a'.repeat(8_000)}.${'a'.repeat(384)}`],
    ['a million dots', '.'.repeat(1_000_000)],
    ['a million characters', `a.a.${'a'.repeat(1_000_000)}`],
  ])('a token of %s is rejected, and the next request is served', async (_, token) => {
    for (const present of [bearer, cookie]) {
      expect(refusal(await send(`${demo.url}/me`, present(token)))).toEqual(dead('token_malformed'));
    }
    expect((await send(`${demo.url}/public`)).status).toBe(200);
  });
});
