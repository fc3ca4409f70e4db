// Applications that share a Redis do not share sessions, unless they mean to.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { HOUR } from './support/aged-tokens.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { send } from './support/http.js';
import { watchOutFor } from './support/leak-watch.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

@Controller()
class ProfileController {
  @Get('profile')
  profile(): void {}
}

const OTHER_SECRET = watchOutFor('WpG5b28m3352ZA75fNqX8hzLncynSRTlASK32djxpA97a7wVNH_6ypcAa6OTXu3W');
const SHOP = 'https://shop.example';
const BANK = 'https://bank.example';
/** SHA-256 of `["https://shop.example",null]` and of `[null,"api"]`, in base64url, cut to 22 characters. */
const SHOP_PREFIX = 'refresh-auth:SWdHeL1u-QqnucXSP0cZHw';
const API_PREFIX = 'refresh-auth:Y2A77gCs5vlV4O2MX4p6XM';

const SHARED =
  "Another application, with none of the keys of this one, keeps its sessions under the same `keyPrefix`, 'refresh-auth'";
const split = (other: string): RegExp =>
  new RegExp(
    `A token was accepted whose .iss. or .aud. .* under 'refresh-auth', .* under '${other}': .*Set the option .keyPrefix. to the same value`,
  );

let server: RedisServer;
let redis: Redis;
let clock: TestClock;
const apps: AuthApp[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.port);
});
beforeEach(async () => {
  clock = new TestClock(Date.now());
  await redis.flushdb();
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  jest.useRealTimers();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** Starts one process of an application. Every request asks the store, so that no test waits for a notification. */
async function start(options: RefreshAuthOptions = {}): Promise<AuthApp> {
  const app = await startAuthApp('express', {
    controllers: [ProfileController],
    options: { redis: server.url, revocation: 'every-request', clockTolerance: 300, ...options },
    clock,
  });
  apps.push(app);
  return app;
}

/** All warnings so far, since the logger of the latest application gets those of every one. */
const warnings = (): string[] => apps.flatMap(({ logs }) => logs.filter((line) => line.startsWith('warn')));
/** The applications that have reported this while they ran. */
const reportedBy = (type: string): AuthApp[] =>
  apps.filter(({ events }) => events.some((event) => event.type === type));
const signIn = async ({ auth }: AuthApp): Promise<string> => (await auth.issue({ sub: '1' })).token;
const statusAt = async ({ url }: AuthApp, token: string): Promise<number> =>
  (await send(`${url}/profile`, bearer(token))).status;

describe('Two applications on one Redis', () => {
  test.each<[string, RefreshAuthOptions, RefreshAuthOptions]>([
    ['issuers', { issuer: SHOP }, { issuer: BANK, secret: OTHER_SECRET }],
    ['audiences, and one secret', { audience: 'shop' }, { audience: 'bank' }],
    ['issuers, one of them without any', {}, { issuer: BANK, secret: OTHER_SECRET }],
  ])('[F11] with different %s: revokeUser of one leaves the users of the other signed in', async (_, one, other) => {
    const [shop, bank] = [await start(one), await start(other)];
    const [atShop, atBank] = [await signIn(shop), await signIn(bank)];

    await bank.auth.revokeUser('1');

    expect([await statusAt(shop, atShop), await statusAt(bank, atBank)]).toEqual([200, 401]);
    expect(warnings()).toEqual([]);
  });

  test('[F11] with different secrets and nothing else: one warns at its boot, the other while it runs', async () => {
    jest.useFakeTimers({
      doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'performance'],
    });
    const shop = await start();
    expect(warnings()).toEqual([]);
    await start({ secret: OTHER_SECRET });
    expect([warnings(), reportedBy('prefix-shared')]).toEqual([[expect.stringContaining(SHARED)], []]);

    jest.advanceTimersByTime(60_000);
    while (reportedBy('prefix-shared').length === 0) await redis.ping();

    expect(reportedBy('prefix-shared')).toEqual([shop]);
    expect(warnings()).toEqual([expect.stringContaining(SHARED), expect.stringContaining(SHARED)]);
  });

  test('[F11] with a common key, or a prefix for each: no warning', async () => {
    await start();
    await start();
    await start({ secret: OTHER_SECRET, keyPrefix: 'bank' });

    expect(warnings()).toEqual([]);
  });

  test('[F11] announcements end three minutes after the last process has stopped', async () => {
    await start();

    expect(await redis.zcard('refresh-auth:keys')).toBe(1);
    expect(await redis.pttl('refresh-auth:keys')).toBeGreaterThan(120_000);
    expect(await redis.pttl('refresh-auth:keys')).toBeLessThanOrEqual(180_000);
  });
});

describe('A fleet in which one service has no `audience`', () => {
  const service = { audience: 'api' };

  test('[F11] with the default prefix: it accepts the tokens of the others and warns once, since a session that it ends lives on there', async () => {
    const [api, gateway] = [await start(service), await start()];
    const token = await signIn(api);

    expect([await statusAt(gateway, token), await statusAt(gateway, await signIn(api))]).toEqual([200, 200]);
    await gateway.auth.revokeUser('1');

    expect([await statusAt(gateway, token), await statusAt(api, token)]).toEqual([401, 200]);
    expect(reportedBy('prefix-split')).toEqual([gateway]);
    expect(warnings()).toEqual([expect.stringMatching(split(API_PREFIX))]);
  });

  test('[F11] with one `keyPrefix`: a session that ends at one ends at all, a refresh at one is known at all, and nobody warns', async () => {
    const keyPrefix = 'shop';
    const [api, gateway] = [await start({ ...service, keyPrefix }), await start({ keyPrefix })];
    const token = await signIn(api);
    clock.advance(HOUR);

    const refreshed = delivered(await send(`${gateway.url}/profile`, bearer(token))).header;
    expect(delivered(await send(`${api.url}/profile`, bearer(token))).header).toBe(refreshed);
    await gateway.auth.revokeUser('1');

    expect([await statusAt(api, String(refreshed)), await statusAt(gateway, String(refreshed))]).toEqual([401, 401]);
    expect(warnings()).toEqual([]);
  });
});

describe('A rolling deployment that adds `issuer`', () => {
  test('[F11] and no `keyPrefix`: the earlier processes warn when they meet the first new token', async () => {
    const [earlier, later] = [await start(), await start({ issuer: SHOP })];

    expect(await statusAt(earlier, await signIn(later))).toBe(200);

    expect(reportedBy('prefix-split')).toEqual([earlier]);
    expect(warnings()).toEqual([expect.stringMatching(split(SHOP_PREFIX))]);
  });

  test('[F11] and sets `keyPrefix` to the earlier default: a session that ends at a process of either ends at both', async () => {
    const [earlier, later] = [await start(), await start({ issuer: SHOP, keyPrefix: 'refresh-auth' })];
    const [one, other] = [await signIn(later), await signIn(later)];
    clock.advance(HOUR);
    const refreshed = String(delivered(await send(`${earlier.url}/profile`, bearer(one))).header);
    expect(await statusAt(later, refreshed)).toBe(200);

    await earlier.auth.revokeSession(String(decodePayload(one)['sid']));
    expect([await statusAt(later, refreshed), await statusAt(later, other)]).toEqual([401, 200]);
    await later.auth.revokeUser('1');
    expect(await statusAt(earlier, other)).toBe(401);
  });

  test('[F11] rejects the tokens that were signed before, which do not name it: their users sign in again', async () => {
    const [earlier, later] = [await start(), await start({ issuer: SHOP, keyPrefix: 'refresh-auth' })];

    expect(await statusAt(later, await signIn(earlier))).toBe(401);
  });
});
