// Set-ups that work but are risky are named in a warning at boot.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { KeyOptions, RefreshAuthOptions } from 'nestjs-refresh-auth';
import { type AuthApp, SECRET, startAuthApp } from './support/auth-app.js';
import { startProcess } from './support/child-process.js';
import { TestClock } from './support/clock.js';
import { bearer } from './support/delivered.js';
import { startDemo } from './support/demo-process.js';
import { send } from './support/http.js';
import { rsa } from './support/key-material.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EVICTS =
  'Redis evicts keys when its memory is full (maxmemory-policy volatile-lru): a revoked session can come back to life, and a tracked one end. Set maxmemory-policy to noeviction.';
const DEAF = /^Redis does not let this process listen for revocations \(NOPERM .*ACL SETUSER <user> &refresh-auth:\*$/;

/** A clock that is this many milliseconds ahead of that of Redis, which runs on the same machine. */
class RunningClock extends TestClock {
  constructor(private readonly ahead: number) {
    super();
  }

  override now(): number {
    return Date.now() + this.ahead;
  }
}

@Controller()
class EmptyController {
  @Get()
  nothing(): void {}
}

const apps: AuthApp[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

/** Returns the warnings that are logged until the application listens. */
async function warningsOf(options: RefreshAuthOptions, clock = new TestClock(Date.now())): Promise<string[]> {
  const warnings: string[] = [];
  const app = await startAuthApp('express', {
    controllers: [EmptyController],
    options,
    clock,
    configure: (starting) => starting.useLogger({ log() {}, error() {}, warn: (text: string) => warnings.push(text) }),
  });
  apps.push(app);
  return warnings;
}

test('a boot warns about a secret that can be guessed [K2]', async () => {
  expect(await warningsOf({ keys: [{ algorithm: 'HS256', secret: 'change-me-change-me-change-me-please' }] })).toEqual([
    'RefreshAuthModule: option `keys[0].secret` is not random: it is made of words, keyboard patterns or repeated pieces. Write a random secret of at least 32 bytes, such as the output of `openssl rand -base64 48`, and keep it out of the source. It does not boot in production.',
  ]);
});

test.each<[name: string, keys: KeyOptions[], first: number, second: number]>([
  [
    'the same secret under two kids',
    [
      { kid: 'new', algorithm: 'HS256', secret: SECRET },
      { kid: 'other', algorithm: 'HS256', secret: `${SECRET}${SECRET}` },
      { kid: 'old', algorithm: 'HS256', secret: Buffer.from(SECRET) },
    ],
    0,
    2,
  ],
  [
    'one key pair for two algorithms',
    [
      { kid: 'rs', algorithm: 'RS256', privateKey: rsa.privateKey },
      { kid: 'ps', algorithm: 'PS256', publicKey: rsa.publicKey },
    ],
    0,
    1,
  ],
])('A boot warns of %s [F6]', async (_, keys, first, second) => {
  expect(await warningsOf({ keys })).toEqual([
    `RefreshAuthModule: options \`keys[${first}]\` and \`keys[${second}]\` have the same secret or key pair, so whoever has one has both. Give each a key of its own (RFC 8725 section 3.1).`,
  ]);
});

describe('[F26] Under reuse detection, a boot warns', () => {
  const LONG_GRACE =
    'The option `reuseDetection.grace` is longer than `expiresIn`: a stolen token is handed the latest one for longer than that is valid. Set a grace of at most `expiresIn`.';
  const TWO_COPIES =
    'Under `reuseDetection` each new token is written both to a header and to a cookie: a client that keeps both soon presents a superseded one. Set `delivery.header` to false for browsers that use the cookie, or `delivery.cookie` to false for clients that use the header.';
  const cookieAlone = { delivery: { header: false } } as const;

  test.each<[what: string, options: RefreshAuthOptions, warnings: string[]]>([
    ['of header and cookie, which are the default', { reuseDetection: {} }, [TWO_COPIES]],
    ['of nothing with the cookie alone', { reuseDetection: {}, ...cookieAlone }, []],
    ['of nothing with the header alone', { reuseDetection: {}, delivery: { cookie: false } }, []],
    ['of a grace longer than `expiresIn`', { reuseDetection: {}, expiresIn: '29s', ...cookieAlone }, [LONG_GRACE]],
    ['of nothing where both are the same', { reuseDetection: {}, expiresIn: '30s', ...cookieAlone }, []],
    ['of both', { reuseDetection: { grace: '1m' }, expiresIn: '30s' }, [LONG_GRACE, TWO_COPIES]],
    ['of nothing without it', { expiresIn: '1s' }, []],
  ])('%s', async (_, options, warnings) => {
    expect(await warningsOf(options)).toEqual(warnings);
  });
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

  test('about nothing if all is well', async () => {
    expect(await warningsOf({ redis: server.url, clockTolerance: 300 })).toEqual([]);
  });

  test('about keys that are evicted [S6]', async () => {
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru');

    expect(await warningsOf({ redis: server.url, clockTolerance: 300 })).toEqual([EVICTS]);
  });

  test.each<[number, number, RefreshAuthOptions, RegExp]>([
    [-35_000, 60, {}, /is 3[45]\.\d s ahead of that of this process/],
    [35_000, 60, {}, /is 3[45]\.\d s behind that of this process/],
    [3_600_000, 60, { clockTolerance: 60 }, /is 3\d{3}\.\d s behind that of this process/],
    [-155_000, 300, { clockTolerance: 300 }, /is 15[45]\.\d s ahead of that of this process/],
    [155_000, 300, { clockTolerance: 300 }, /is 15[45]\.\d s behind that of this process/],
  ])('[F20] about a clock that differs by %d ms from that of Redis', async (off, leeway, options, what) => {
    const [warning, ...others] = await warningsOf({ redis: server.url, ...options }, new RunningClock(off));

    expect(warning).toMatch(what);
    expect(warning).toContain(`\`iat\` is more than ${leeway} s in the future`);
    expect(warning).toContain('NTP');
    expect(others).toEqual([]);
  });

  test.each<[number, RefreshAuthOptions]>([
    [-29_500, {}],
    [29_500, {}],
    [29_500, { clockTolerance: 60 }],
    [-149_500, { clockTolerance: 300 }],
    [149_500, { clockTolerance: 300 }],
  ])('[F20] not about a clock that differs by %d ms, with %j', async (off, options) => {
    expect(await warningsOf({ redis: server.url, ...options }, new RunningClock(off))).toEqual([]);
  });

  test.each<[number, object]>([
    [29_500, { warnings: 0, status: 200 }],
    [35_000, { warnings: 2, status: 401 }],
  ])(
    '[F20] only where a token can be rejected: two processes, each %d ms off, the one ahead',
    async (off, expected) => {
      const options = { redis: server.url };
      const warnings = [
        ...(await warningsOf(options, new RunningClock(off))),
        ...(await warningsOf(options, new RunningClock(-off))),
      ];
      const [ahead, behind] = apps;
      const { token } = (await ahead?.auth.issue({ sub: '1' })) ?? {};

      const { status } = await send(`${behind?.url}/`, bearer(String(token)));
      expect({ warnings: warnings.length, status }).toEqual(expected);
    },
  );

  test('about nothing that it is not allowed to ask Redis, but about a channel to which it cannot subscribe', async () => {
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru');
    await redis.call('ACL', 'SETUSER', 'shy', 'on', '>secret', '~*', '+@all', '-info', 'resetchannels');
    const shy = { host: '127.0.0.1', port: server.port, username: 'shy', password: 'secret', enableReadyCheck: false };
    const warnings = await warningsOf({ redis: shy, clockTolerance: 300 });

    while (warnings.length === 0) await redis.ping();
    expect(warnings).toEqual([expect.stringMatching(DEAF)]);
  });

  test('about nothing if Redis does not answer', async () => {
    expect(await warningsOf({ redis: 'redis://127.0.0.1:1', storeTimeout: '50ms' })).toEqual([
      expect.stringContaining('The session store failed'),
    ]);
  });
});

describe('In memory, a boot in production warns', () => {
  const JWT_SECRET = 'RJrjFkoFk5Zt2bBUTLq3mBYqJ8DA5MUH2ucWYpkaSHM';
  const WORKERS = /kept in the memory of each of several workers: .*Set the option `redis`/;
  const ALONE = /kept in memory: a restart forgets revocations.*Set the option `redis`/;

  test.each<[string, Record<string, string>, RegExp]>([
    ['of what a restart forgets', { NODE_ENV: 'production' }, ALONE],
    ['of the other workers, under pm2', { NODE_ENV: 'production', NODE_APP_INSTANCE: '0' }, WORKERS],
  ])('%s [S11]', async (_, env, warning) => {
    const demo = await startDemo({ JWT_SECRET, ...env });
    await demo.stop();

    expect(demo.output().match(/(?<=WARN.*)Sessions are kept in .*/g)).toEqual([expect.stringMatching(warning)]);
  });

  test('about the other workers of a cluster [S11]', async () => {
    const primary = await startProcess(process.execPath, ['test/support/one-worker.mjs'], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { PATH: process.env['PATH'], PORT: '0', JWT_SECRET, NODE_ENV: 'production' },
      ready: /http:\S+/,
    });
    await primary.end('SIGTERM');

    expect(primary.output().match(/(?<=WARN.*)Sessions are kept in .*/g)).toEqual([expect.stringMatching(WORKERS)]);
  });

  test('about nothing outside production', async () => {
    const demo = await startDemo({ JWT_SECRET, NODE_APP_INSTANCE: '0' });
    await demo.stop();

    expect(demo.output()).not.toMatch(/WARN.*Sessions are kept/);
  });
});
