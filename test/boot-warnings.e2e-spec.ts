import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { startProcess } from './support/child-process.js';
import { TestClock } from './support/clock.js';
import { startDemo } from './support/demo-process.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EVICTS =
  'Redis evicts keys when its memory is full (maxmemory-policy volatile-lru): a revoked session can come back to life, and a tracked one end. Set maxmemory-policy to noeviction.';
const DEAF = /^Redis does not let this process listen for revocations \(NOPERM .*ACL SETUSER <user> &refresh-auth:\*$/;

const apps: AuthApp[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

/** What is written to the log until the application listens. */
async function warningsOf(options: RefreshAuthOptions, clock = new TestClock(Date.now())): Promise<string[]> {
  const warnings: string[] = [];
  const app = await startAuthApp('express', {
    options,
    clock,
    configure: (starting) => starting.useLogger({ log() {}, error() {}, warn: (text: string) => warnings.push(text) }),
  });
  apps.push(app);
  return warnings;
}

test('A boot warns of a secret that can be guessed [K2]', async () => {
  expect(await warningsOf({ keys: [{ algorithm: 'HS256', secret: 'change-me-change-me-change-me-please' }] })).toEqual([
    'RefreshAuthModule: option `keys[0].secret` is made of words that placeholders are made of. Write a random secret of at least 32 bytes, such as the output of `openssl rand -base64 48`, and keep it out of the source. It does not boot in production.',
  ]);
});

describe('With Redis, a boot warns', () => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.port);
  });
  beforeEach(() => redis.config('SET', 'maxmemory-policy', 'noeviction'));
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  /** That of Redis, which is the same machine's: no test's clock is nearer. */
  async function clockOff(milliseconds: number): Promise<TestClock> {
    const [seconds] = await redis.time();
    return new TestClock(Number(seconds) * 1000 + milliseconds);
  }

  test('of nothing, where all is well', async () => {
    expect(await warningsOf({ redis: server.url, clockTolerance: 300 })).toEqual([]);
  });

  test('of keys that are evicted [S6]', async () => {
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru');

    expect(await warningsOf({ redis: server.url, clockTolerance: 300 })).toEqual([EVICTS]);
  });

  test.each<[string, number, string]>([
    ['ahead of', -3_600_000, 'ahead of'],
    ['behind', 3_600_000, 'behind'],
  ])('of a clock that is an hour %s that of the process', async (_, off, lead) => {
    const warnings = await warningsOf({ redis: server.url }, await clockOff(off));

    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^The clock of Redis is 3\\d{3}\\.\\d s ${lead} that of this process: .*NTP`)),
    ]);
  });

  test('of no clock that is within the tolerance', async () => {
    expect(await warningsOf({ redis: server.url, clockTolerance: 300 }, await clockOff(-200_000))).toEqual([]);
  });

  test('of nothing that Redis may not be asked, and of a channel that it may not listen to', async () => {
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru');
    await redis.call('ACL', 'SETUSER', 'shy', 'on', '>secret', '~*', '+@all', '-info', 'resetchannels');
    const shy = { host: '127.0.0.1', port: server.port, username: 'shy', password: 'secret', enableReadyCheck: false };
    const warnings = await warningsOf({ redis: shy, clockTolerance: 300 });

    while (warnings.length === 0) await redis.ping();
    expect(warnings).toEqual([expect.stringMatching(DEAF)]);
  });

  test('of nothing, where nothing answers', async () => {
    expect(await warningsOf({ redis: 'redis://127.0.0.1:1', storeTimeout: 50 })).toEqual([
      expect.stringContaining('The session store failed'),
    ]);
  });
});

describe('In memory, a boot in production warns', () => {
  const JWT_SECRET = 'of a test: thirty-two bytes and some more of it';
  const WORKERS = /kept in the memory of each of several workers: .*Set the option `redis`/;
  const ALONE = /kept in memory: a restart forgets revocations.*Set the option `redis`/;

  test.each<[string, Record<string, string>, RegExp]>([
    ['of what a restart forgets', { NODE_ENV: 'production' }, ALONE],
    ['of the other workers, under pm2', { NODE_ENV: 'production', NODE_APP_INSTANCE: '0' }, WORKERS],
  ])('%s [S11]', async (_, env, warning) => {
    const demo = await startDemo({ JWT_SECRET, ...env });
    await demo.stop();

    expect(demo.output().match(/Sessions are kept in .*/g)).toEqual([expect.stringMatching(warning)]);
  });

  test('of the other workers, in a cluster [S11]', async () => {
    const primary = await startProcess(process.execPath, ['test/support/one-worker.mjs'], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { PATH: process.env['PATH'], PORT: '0', JWT_SECRET, NODE_ENV: 'production' },
      ready: /http:\S+/,
    });
    await primary.end('SIGTERM');

    expect(primary.output().match(/Sessions are kept in .*/g)).toEqual([expect.stringMatching(WORKERS)]);
  });

  test('of nothing elsewhere', async () => {
    const demo = await startDemo({ JWT_SECRET, NODE_APP_INSTANCE: '0' });
    await demo.stop();

    expect(demo.output()).not.toContain('Sessions are kept');
  });
});
