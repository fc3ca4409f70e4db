// A process that starts while many revocations are pending.
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { sessionName } from '../libs/refresh-auth/src/tokens/session-id.js';
import { TestClock } from './support/clock.js';
import { authenticate, issue, makeCore, refusal } from './support/core.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { type RedisWatch, watchRedis } from './support/redis-watch.js';
import { newSession } from './support/session-of.js';

/** The number of revocations that a process keeps. */
const PENDING = 100_000;
const PAGE = 1_000;
/** Long enough that none of them expires while the test looks. */
const ttl = { record: 3_600_000, log: 3_600_000 };
const OVERLAP = 60_000;

let server: RedisServer;
let admin: Redis;
let store: RedisSessionStore;
let watch: RedisWatch;
const clock = new TestClock();
const running: RefreshAuthCore[] = [];
const ended = issue(makeCore({}, { clock }));

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port);
  store = new RedisSessionStore(await connectRedis(admin), 'refresh-auth', clock);
  await store.revoke(ended.claims.sid, ttl);
  await append(PENDING - 1);
  // Redis knows the script from then on.
  await store.isRevoked(ended.claims);
  watch = await watchRedis(admin);
  // Each poll reads the last minute again.
  clock.advance(2 * OVERLAP);
}, 120_000);
afterEach(() => Promise.all(running.splice(0).map((core) => core.stop())));
afterAll(async () => {
  watch.stop();
  admin.disconnect();
  await server.stop();
});

async function append(many: number): Promise<void> {
  for (let left = many; left > 0; left -= PAGE) {
    const entries = Array.from({ length: Math.min(left, PAGE) }, (_, index) => ({
      session: sessionName(newSession(`${left} ${index}`).sid),
      at: 0,
    }));
    await store.restoreRevocations(entries, ttl);
  }
}

function open(): RefreshAuthCore {
  const core = makeCore(
    { expiresIn: '1h', refreshWindow: '2h', sessionLifetime: '1d', storeTimeout: '10s' },
    { store, clock },
  );
  running.push(core);
  return core;
}

describe('100,000 pending revocations in Redis', () => {
  let cores: RefreshAuthCore[];

  beforeEach(async () => {
    cores = [open(), open(), open()];
    await admin.config('RESETSTAT');
    await Promise.all(cores.map((core) => core.start()));
  });

  test('are known to each starting process after one pass of pages, even if many start at once [F16] [F34]', async () => {
    const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats')) ?? [];

    expect(cores.map((core) => core.revocations.isFresh)).toEqual([true, true, true]);
    // Besides the pages, the last of which is empty: the notification of the subscription, and a poll or two.
    expect(Number(calls)).toBeGreaterThanOrEqual(cores.length * (PENDING / PAGE + 1));
    expect(Number(calls)).toBeLessThan(cores.length * (PENDING / PAGE + 1) * 2);
    for (const core of cores) {
      expect(await refusal(authenticate(core, ended.token))).toMatchObject({ code: 'session_revoked' });
    }
  });

  test('are checked in memory, and one more makes each valid token ask the store [F34]', async () => {
    const [core] = cores as [RefreshAuthCore];
    const { token } = issue(core);
    const ask = async () => expect((await authenticate(core, token)).state).toBe('valid');
    expect(await watch.sessionCommandsSentDuring(ask)).toEqual([]);

    await core.revocations.revokeSession(newSession('1').sid);

    expect(await watch.sessionCommandsSentDuring(ask)).toEqual(['evalsha']);
  });
});
