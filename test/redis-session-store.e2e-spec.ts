// The keys that the store writes to Redis, how long they live, and how it reads them.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import type { RefreshAuthOptions } from '../libs/refresh-auth/src/options/refresh-auth-options.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { hashed, sessionName } from '../libs/refresh-auth/src/tokens/session-id.js';
import type { IssuedToken, TokenClaims } from '../libs/refresh-auth/src/tokens/claims.js';
import { TestClock } from './support/clock.js';
import {
  authenticate,
  EXPIRES_IN,
  issue,
  makeCore,
  recordEvents,
  REFRESH_WINDOW,
  SESSION_LIFETIME,
} from './support/core.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { newSession, recordKey, userKey } from './support/session-of.js';

/** The time that a test may take between a write and its check of the time to live. */
const SLACK = 20_000;
/** Twice the minute by which the clocks of two processes may differ. */
const KEPT_LONGER = 120_000;

let server: RedisServer;
let admin: Redis;
let clock: TestClock;
const clients: Redis[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port);
});
beforeEach(async () => {
  clock = new TestClock();
  await admin.flushall();
});
afterAll(async () => {
  [admin, ...clients].forEach((client) => client.disconnect());
  await server.stop();
});

/** One process of an application that keeps its sessions in the server. */
async function startCore(options: RefreshAuthOptions = {}, client = new Redis(server.port)): Promise<RefreshAuthCore> {
  clients.push(client);
  const store = new RedisSessionStore(await connectRedis(client), options.keyPrefix ?? 'refresh-auth');
  // A busy machine is no reason for a test to fail.
  return makeCore({ storeTimeout: '1m', ...options }, { store, clock });
}

const keyOf = ({ claims }: IssuedToken, prefix?: string): string => recordKey(claims.sid, prefix);

function issueTracked(core: RefreshAuthCore): Promise<IssuedToken> {
  return core.signIns.start({ sub: 'a-telling-user' }, { device: 'a-telling-device' });
}

/** Refreshes a token that is expired by then. */
async function refresh(core: RefreshAuthCore, { token }: IssuedToken): Promise<IssuedToken> {
  clock.advance(EXPIRES_IN * 1000);
  const { refreshed } = await authenticate(core, token);
  if (!refreshed) throw new Error('was not refreshed');
  return refreshed;
}

/** Expects a time to live that ends then. PTTL returns a little less, because time passes. */
function expectTtl(actual: number, milliseconds: number): void {
  expect(actual).toBeLessThanOrEqual(milliseconds);
  expect(actual).toBeGreaterThan(milliseconds - SLACK);
}

describe('the data in Redis', () => {
  test('sign-in writes nothing', async () => {
    issue(await startCore());

    expect(await admin.dbsize()).toBe(0);
  });

  test('a session has one key after any number of refreshes, and neither key nor value contains a token [G3][R6]', async () => {
    const core = await startCore();
    const first = issue(core, { sub: 'a-telling-user' });
    const second = await refresh(core, first);
    const third = await refresh(core, second);

    expect(await admin.keys('*')).toEqual([keyOf(first)]);
    const dump = `${keyOf(first)} ${(await admin.getBuffer(keyOf(first)))?.toString('latin1')}`;
    const secrets = [first, second, third].flatMap(({ token, claims }) => [...token.split('.'), claims.jti]);
    for (const secret of [...secrets, 'eyJhbGci', first.claims.sid, 'a-telling-user'])
      expect(dump).not.toContain(secret);
  });

  test('the prefix stands in front of the key', async () => {
    const core = await startCore({ keyPrefix: 'shop:auth' });
    const first = issue(core);
    await refresh(core, first);

    expect(await admin.keys('*')).toEqual([keyOf(first, 'shop:auth')]);
  });

  test('a revoked record, of a session that ended', async () => {
    const core = await startCore();
    const first = issue(core);
    await refresh(core, first);

    await core.revocations.revokeSession(first.claims.sid);

    expect(await admin.get(keyOf(first))).toBe('1:revoked');
  });

  test('one command decides a rotation [R2]; look-up and insert in two steps would be two', async () => {
    const core = await startCore();
    await refresh(core, issue(core));
    await admin.config('RESETSTAT');

    const tokens = Array.from({ length: 10 }, () => issue(core));
    clock.advance(EXPIRES_IN * 1000);
    await Promise.all(tokens.map(({ token }) => authenticate(core, token)));

    const stats = await admin.info('commandstats');
    const calls = (command: string): number =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    // GET and SET are those that the script itself runs, of the record and of the user's cutoff.
    expect(['evalsha', 'eval', 'get', 'set'].map(calls)).toEqual([10, 0, 20, 10]);
  });
});

describe('Time to live', () => {
  test('of a record: until the latest token can no longer be refreshed, plus two minutes', async () => {
    const core = await startCore();
    const first = issue(core);
    const second = await refresh(core, first);

    expectTtl(await admin.pttl(keyOf(first)), second.claims.refresh_exp * 1000 - clock.now() + KEPT_LONGER);
  });

  test('of a record: longer by twice the clock tolerance if that is more than a minute', async () => {
    const core = await startCore({ clockTolerance: 300 });
    const first = issue(core);
    clock.advance(300_000);
    const second = await refresh(core, first);

    expectTtl(await admin.pttl(keyOf(first)), second.claims.refresh_exp * 1000 - clock.now() + 2 * 300_000);
  });

  test('of a record: counted from the presented token if that can be refreshed for longer', async () => {
    const first = issue(await startCore());
    const shortened = await startCore({ refreshWindow: 120 });
    await refresh(shortened, first);

    expectTtl(await admin.pttl(keyOf(first)), first.claims.refresh_exp * 1000 - clock.now() + KEPT_LONGER);
  });

  test('of a revoked record: until no token of the session could be refreshed, plus two minutes [L6]', async () => {
    const core = await startCore();
    const first = issue(core);

    await core.revocations.revokeSession(first.claims.sid);

    expectTtl(await admin.pttl(keyOf(first)), REFRESH_WINDOW * 1000 + KEPT_LONGER);
  });

  test.each<[string, RefreshAuthOptions, RefreshAuthOptions]>([
    ['shorter', {}, { expiresIn: 30, refreshWindow: 120 }],
    ['longer', { expiresIn: 30, refreshWindow: 120 }, {}],
  ])(
    'of a revocation by a process whose tokens live %s than those of another: as long as any of them could live [F14] [L6]',
    async (_, others, own) => {
      const [other, core] = [await startCore(others), await startCore(own)];
      await other.start();
      await core.start();
      const { claims } = issue(other);

      await core.revocations.revokeSession(claims.sid);
      await core.revocations.revokeUser('2');

      const longest = { log: EXPIRES_IN * 1000 + KEPT_LONGER, record: REFRESH_WINDOW * 1000 + KEPT_LONGER };
      for (const key of [recordKey(claims.sid), userKey('2')]) expectTtl(await admin.pttl(key), longest.record);
      const page = await (core.store as RedisSessionStore).revocationsAfter(0, 0);
      expect([page.longest, page.count]).toEqual([longest, 2]);
      await Promise.all([other, core].map((each) => each.stop()));
    },
  );

  test('never shrinks', async () => {
    const core = await startCore();
    const hasty = await startCore({ refreshWindow: 120 });
    const first = issue(core);
    let token = await refresh(core, first);
    let longest = await admin.pttl(keyOf(first));
    const steps = [
      async () => (token = await refresh(hasty, token)),
      async () => authenticate(core, first.token),
      async () => core.authenticator.inspect(first.token),
      async () => (token = await refresh(hasty, token)),
      async () => hasty.revocations.revokeSession(first.claims.sid),
      async () => expect(authenticate(core, first.token)).rejects.toMatchObject({ code: 'session_revoked' }),
    ];

    for (const step of steps) {
      await step();
      const left = await admin.pttl(keyOf(first));
      expect(left).toBeGreaterThan(longest - SLACK);
      longest = Math.max(longest, left);
    }
  });

  test('is there for every key, after a session has run to its end [S9]', async () => {
    const core = await startCore();
    let token = issue(core);
    while (clock.now() / 1000 + EXPIRES_IN < token.claims.auth_time + SESSION_LIFETIME) {
      token = await refresh(core, token);
    }
    await core.revocations.revokeSession('never seen');
    await core.revocations.revokeUser('1');
    await issueTracked(await startCore({ sessions: 'tracked' }));

    const keys = await admin.keys('*');
    const ttls = await Promise.all(keys.map((key) => admin.pttl(key)));
    // A record, a revoked record, a cutoff, the log; and a tracked session, when its list ends, and its details.
    expect(keys).toHaveLength(7);
    for (const ttl of ttls) {
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(REFRESH_WINDOW * 1000 + KEPT_LONGER);
    }
  });
});

describe('Scripts that Redis has forgotten', () => {
  test.each<[string, () => Redis]>([
    ['a client as it comes', () => new Redis(server.port)],
    ['a client with enableAutoPipelining', () => new Redis(server.port, { enableAutoPipelining: true })],
  ])('are sent again, by %s', async (_, connect) => {
    const core = await startCore({}, connect());
    const first = issue(core);

    await admin.script('FLUSH');
    const second = await refresh(core, first);
    await admin.script('FLUSH');
    expect(await core.authenticator.inspect(first.token)).toEqual({ state: 'already-refreshed', claims: first.claims });
    await admin.script('FLUSH');
    await core.revocations.revokeSession(first.claims.sid);
    await admin.script('FLUSH');
    await expect(refresh(core, second)).rejects.toMatchObject({ code: 'session_revoked' });
  });

  test('are sent again by all simultaneous refreshes, and one wins', async () => {
    const cores = await Promise.all(Array.from({ length: 16 }, () => startCore()));
    const { token } = issue(cores[0] as RefreshAuthCore);
    clock.advance(EXPIRES_IN * 1000);

    await admin.script('FLUSH');
    const answers = await Promise.all(cores.map((core) => authenticate(core, token)));

    expect(answers.filter(({ state }) => state === 'refreshable')).toHaveLength(1);
    expect(new Set(answers.map(({ refreshed }) => refreshed?.token)).size).toBe(1);
  });
});

describe('A value that somebody planted, of type', () => {
  const PLANT: Record<string, (key: string) => Promise<unknown>> = {
    list: (key) => admin.rpush(key, '1:1:x'),
    set: (key) => admin.sadd(key, '1:1:x'),
    'sorted set': (key) => admin.zadd(key, 1, '1:1:x'),
    hash: (key) => admin.hset(key, '1', '1:x'),
    stream: (key) => admin.xadd(key, '*', '1', '1:x'),
  };

  test.each(Object.entries(PLANT))(
    '%s: nothing is decided, and the session can still be ended [S10]',
    async (_, plant) => {
      const core = await startCore();
      const events = recordEvents(core);
      const { token, claims } = issue(core);
      await plant(keyOf({ token, claims }));
      clock.advance(EXPIRES_IN * 1000);

      const refusal = {
        code: 'store_unavailable',
        message: 'The session store is unavailable, try again',
        detail: expect.stringContaining('WRONGTYPE'),
      };
      await expect(authenticate(core, token)).rejects.toMatchObject(refusal);
      await expect(core.authenticator.inspect(token)).rejects.toMatchObject(refusal);
      expect(JSON.stringify(events)).not.toContain(token);

      await core.revocations.revokeSession(claims.sid);
      await expect(authenticate(core, token)).rejects.toMatchObject({ code: 'session_revoked' });
    },
  );
});

describe('A string that somebody planted', () => {
  /** The first refresh of a session whose record that is. */
  async function refreshOver(value: string | Buffer) {
    const core = await startCore();
    const events = recordEvents(core);
    const first = issue(core);
    await admin.set(keyOf(first), value);
    clock.advance(EXPIRES_IN * 1000);
    const inspected = await core.authenticator.inspect(first.token);
    const { state, refreshed } = await authenticate(core, first.token);
    if (!refreshed) throw new Error('was not refreshed');
    const { sub, sid, gen } = refreshed.claims;
    // A dead token would be a logout at the next request.
    expect(await authenticate(core, refreshed.token)).toEqual({ state: 'valid', claims: refreshed.claims });
    expect({ sub, sid }).toEqual({ sub: first.claims.sub, sid: first.claims.sid });
    return {
      inspected: inspected.state,
      state,
      gen,
      events: events.map(({ type }) => type),
      ttl: await admin.pttl(keyOf(first)),
    };
  }

  test.each([
    ['nothing', ''],
    ['text', 'garbage'],
    ['a token', 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl'],
    ['a separator', ':'],
    ['a version alone', '1:'],
    ['no version', ':1:1:0:x'],
    ['an older version than there ever was', '0:1:1:0:x'],
    ['no generation', '1::1:0:x'],
    ['a word for a generation', '1:one:1:0:x'],
    ['a negative generation', '1:-1:1:0:x'],
    ['a fractional generation', '1:1.5:1:0:x'],
    ['a generation with an exponent', '1:1e3:1:0:x'],
    ['a generation without a value', '1:7'],
    ['a record of the first format', '1:7:x'],
    ['a word for its uses', '1:7:soon:x'],
    ['uses with a fraction', '1:7:1@1.5:x'],
    ['a generation beyond all numbers', `1:${'9'.repeat(400)}::x`],
    ['nearly a revoked record', '1:revoked '],
    ['bytes', Buffer.from([0, 1, 0xff, 0x3a, 0x0a, 0xc3])],
  ])('%s: counts as a write that was lost [S10]', async (_, value) => {
    expect(await refreshOver(value)).toEqual({
      inspected: 'refreshable',
      state: 'refreshable',
      gen: 1,
      events: ['lost-write', 'refreshed'],
      ttl: expect.any(Number),
    });
  });

  test.each([
    ['an empty value', '1:5::'],
    ['a value cut off', '1:5::\u0001'],
    ['a value that nobody sealed', `1:5::\u0001\0${'x'.repeat(100)}`],
    ['separators and line breaks', '1:5::\u0001\0:1:2:\r\n:'],
    ['uses beyond all numbers', `1:5:${'9'.repeat(400)}@7,7@${'9'.repeat(400)}:\u0001`],
    ['uses without end', `1:5:${'3@1,'.repeat(1000)}:\u0001`],
    ['a generation with leading zeros', '1:005:007@00:\u0001'],
  ])('%s: is replaced and not handed over [R5]', async (_, value) => {
    expect(await refreshOver(value)).toEqual({
      inspected: 'already-refreshed',
      state: 'already-refreshed',
      gen: 6,
      events: ['sealed-token-rejected', 'already-refreshed'],
      ttl: expect.any(Number),
    });
  });

  test.each([11, 12, 15, 16])(
    'a generation of %i nines: makes no token that is dead from the start',
    async (digits) => {
      expect(await refreshOver(`1:${'9'.repeat(digits)}::\u0001`)).toMatchObject({ gen: expect.any(Number) });
    },
  );

  test.each(['garbage', '1:5::\u0001'])('%s: gets a time to live', async (value) => {
    const { ttl } = await refreshOver(value);

    expectTtl(ttl, REFRESH_WINDOW * 1000 + KEPT_LONGER);
  });

  test.each([
    ['2:1:x', 'NEWERFORMAT the record was written by a newer version'],
    ['2:', 'NEWERFORMAT the record was written by a newer version'],
    ['10:whatever', 'NEWERFORMAT the record was written by a newer version'],
    ['1:5::\u0002whatever', 'sealed by a newer version'],
  ])('%j: of a newer version is left alone', async (value, detail) => {
    const core = await startCore();
    const first = issue(core);
    await admin.set(keyOf(first), value);
    clock.advance(EXPIRES_IN * 1000);

    await expect(authenticate(core, first.token)).rejects.toMatchObject({ code: 'store_unavailable', detail });
    expect(await admin.get(keyOf(first))).toBe(value);
  });

  test.each(['', 'garbage', ':', '1:', '1:soon', '1:-5', '0', `1:${'9'.repeat(16)}`, `1:${'9'.repeat(400)}`])(
    '%j: is no cutoff of a user, whose sessions live and can be ended',
    async (value) => {
      const core = await startCore({ revocation: 'every-request' });
      const { token } = issue(core);
      await admin.set(userKey('1'), value);
      expect((await authenticate(core, token)).state).toBe('valid');

      await core.revocations.revokeUser('1');

      const elsewhere = await startCore({ revocation: 'every-request' });
      await expect(authenticate(elsewhere, token)).rejects.toMatchObject({ code: 'session_revoked' });
      const { claims } = await elsewhere.signIns.start({ sub: '1' }, {});
      expect(claims.rev).toBe((await core.store.userCutoff('1'))?.time);
    },
  );

  test('a cutoff of a newer version is left alone, and nothing of that user is decided', async () => {
    const core = await startCore();
    const { token } = issue(core);
    clock.advance(EXPIRES_IN * 1000);
    await admin.set(userKey('1'), '2:5');

    await expect(authenticate(core, token)).rejects.toMatchObject({
      code: 'store_unavailable',
      detail: expect.stringContaining('NEWERFORMAT'),
    });
    await expect(core.revocations.revokeUser('1')).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await admin.get(userKey('1'))).toBe('2:5');
  });

  test.each([
    ['of another session', async (core: RefreshAuthCore) => refresh(core, issue(core, { sub: 'somebody else' }))],
    [
      'of another application on the same Redis',
      async () => {
        const other = await startCore({ keyPrefix: 'refresh-auth-2' });
        return refresh(other, issue(other));
      },
    ],
  ])('a sealed successor %s is not handed over [R5]', async (_, elsewhere) => {
    const core = await startCore();
    const foreign = await elsewhere(core);
    const [foreignKey = ''] = await admin.keys('*');
    const first = issue(core);
    await admin.copy(foreignKey, keyOf(first));
    clock.advance(EXPIRES_IN * 1000);

    const { state, refreshed } = await authenticate(core, first.token);

    expect({ state, sub: refreshed?.claims.sub, sid: refreshed?.claims.sid, gen: refreshed?.claims.gen }).toEqual({
      state: 'already-refreshed',
      sub: first.claims.sub,
      sid: first.claims.sid,
      gen: 2,
    });
    expect(refreshed?.token).not.toBe(foreign.token);
  });

  /** The same record, of another generation. */
  function asLatest(latest: number, record: Buffer | null): Buffer {
    const [, rest = ''] = /^1:\d+(:.*)$/s.exec(record?.toString('latin1') ?? '') ?? [];
    return Buffer.from(`1:${latest}${rest}`, 'latin1');
  }

  test('an earlier sealed successor in place of the latest is not handed over [R5]', async () => {
    const core = await startCore();
    const first = issue(core);
    const second = await refresh(core, first);
    const stale = await admin.getBuffer(keyOf(first));
    await refresh(core, second);
    await admin.set(keyOf(first), asLatest(2, stale));

    const { state, refreshed } = await authenticate(core, first.token);

    expect([state, refreshed?.claims.gen]).toEqual(['already-refreshed', 3]);
    expect(refreshed?.token).not.toBe(second.token);
  });
});

describe('a store without its own clock uses that of Redis', () => {
  const TTL = { record: 60_000, log: 60_000 };
  const time = async (): Promise<number> => {
    const [seconds, microseconds] = await admin.time();
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  };
  const open = async () => new RedisSessionStore(await connectRedis(admin), 'refresh-auth');

  test('in cutoffs and in the log, to the millisecond', async () => {
    const store = await open();
    const before = await time();
    const { time: cutoff } = await store.revokeUser('1', TTL);
    await store.revoke('2', TTL);
    const page = await store.revocationsAfter(1000 * before - 1, 0);
    const after = await time();

    expect(page.entries).toHaveLength(2);
    const moments = [cutoff, ...page.entries.map(({ at }) => at / 1000), page.now];
    expect(moments.every((moment) => moment >= before && moment < after + 1)).toBe(true);
  });

  test('in the grace of a superseded token', async () => {
    const store = await open();
    const session = newSession();
    await store.rotate({
      ...session,
      generation: 0,
      candidate: { sealed: Buffer.from('one'), ttl: 60_000 },
    });
    await store.recordUse([{ sid: session.sid, gen: 1 }], 60_000);
    const ask = (grace: number) =>
      store.rotate({
        ...session,
        generation: 0,
        reuse: { grace, revokeAfter: 60_000, expiredFor: 0, waited: 0, isUse: false },
      });

    expect(await ask(0)).toEqual({ outcome: 'superseded', latest: 1 });
    expect(await ask(60_000)).toEqual({ outcome: 'handed-over', latest: 1, sealed: Buffer.from('one') });
  });
});

describe('The log in Redis', () => {
  const LOG = 'refresh-auth:revocations';
  const HOUR = 3_600_000;
  const open = async () => new RedisSessionStore(await connectRedis(admin), 'refresh-auth', clock);
  const revokeFor = (store: RedisSessionStore, sid: string, log: number) => store.revoke(sid, { record: HOUR, log });
  const sessionsIn = async (store: RedisSessionStore): Promise<Set<unknown>> =>
    new Set((await store.revocationsAfter(0, 0)).entries.map((entry) => 'session' in entry && entry.session));

  test('is trimmed to the longest time that any process asked for, when something is appended', async () => {
    const store = await open();
    await revokeFor(store, 'a', 60_000);
    await revokeFor(store, 'b', HOUR);
    clock.advance(HOUR / 2);
    await revokeFor(store, 'c', 60_000);
    clock.advance(HOUR / 2 - 1);
    await revokeFor(store, 'd', 60_000);
    expect(await sessionsIn(store)).toEqual(new Set(['a', 'b', 'c', 'd'].map(sessionName)));

    clock.advance(2);
    await revokeFor(store, 'e', 60_000);
    expect(await sessionsIn(store)).toEqual(new Set(['c', 'd', 'e'].map(sessionName)));
    expect(await store.revocationsAfter(0, 0)).toMatchObject({ count: 3 });
  });

  test('lives as long as its longest entry', async () => {
    const store = await open();
    await revokeFor(store, 'a', HOUR);
    expectTtl(await admin.pttl(LOG), HOUR);

    await revokeFor(store, 'b', 60_000);
    expectTtl(await admin.pttl(LOG), HOUR);

    await store.restoreRevocations([{ session: sessionName('c'), at: clock.now() }], { record: HOUR, log: 2 * HOUR });
    expectTtl(await admin.pttl(LOG), 2 * HOUR);
  });

  test('restores a user’s cutoff that another value has replaced', async () => {
    const store = await open();
    const ttl = { record: HOUR, log: HOUR };
    const cutoff = await store.revokeUser('1', ttl);
    const [key] = await admin.keys('*:user:*');
    await admin.del(key!);
    await admin.rpush(key!, 'foreign');

    await store.restoreRevocations([{ user: hashed('1'), cutoff, at: clock.now() }], ttl);

    expect(await store.userCutoff('1')).toEqual(cutoff);
  });

  test('keeps the revocations of the life of a token plus twice the tolerance', async () => {
    const core = await startCore({ clockTolerance: 300 });

    await core.revocations.revokeSession('a');

    const log = (EXPIRES_IN + 2 * 300) * 1000;
    const record = (REFRESH_WINDOW + 2 * 300) * 1000;
    expect((await (await open()).revocationsAfter(0, 0)).longest).toEqual({ log, record });
    // The retention that was asked for lasts as long as the tokens that it concerns.
    expectTtl(await admin.pttl(LOG), record);
  });

  test('holds no sid and no sub', async () => {
    const store = await open();
    await store.revoke('a-telling-session', { record: HOUR, log: HOUR });
    await store.revokeUser('a-telling-user', { record: HOUR, log: HOUR }, 'a-telling-session');

    const user = await admin.get(userKey('a-telling-user'));
    const texts = [...(await admin.keys('*')), ...(await admin.zrange(LOG, '0', '-1')), user];
    expect(texts.join(' ')).not.toContain('telling');
  });

  test('with an unreadable part: that part is ignored', async () => {
    const store = await open();
    await revokeFor(store, 'a', HOUR);
    await admin.zadd(LOG, String(1000 * clock.now()), 'x:of a newer version', String(1000 * clock.now()), ':::::');

    expect(await sessionsIn(store)).toEqual(new Set([sessionName('a')]));
    expect(await admin.zcard(LOG)).toBe(5);
  });

  const USER = hashed('1');
  test.each([
    `u:${USER}:`,
    `u:${USER}:soon:`,
    `u:${USER}:1e20:`,
    `u:${USER}:-5:`,
    `u:${USER}:${'9'.repeat(16)}:`,
    `u:${USER}:${'9'.repeat(15)}`,
    `u:${USER}:${'9'.repeat(15)}:floor:session`,
    `u:${USER}:${'9'.repeat(15)}::`,
    `u:${USER}:${'9'.repeat(15)}::session`,
    `u:${USER}:${'9'.repeat(15)}:0:`,
  ])('in which %s is not an entry: ends no session of that user, and revives none', async (member) => {
    const core = await startCore();
    const ended = issue(core);
    await core.revocations.revokeUser('1');
    const cutoff = (await core.store.userCutoff('1'))?.time;
    const { now } = await (core.store as RedisSessionStore).revocationsAfter(0, 0);
    await admin.zadd(LOG, String(1000 * now + 1), member);
    const elsewhere = await startCore();

    await elsewhere.start();
    const { claims } = await elsewhere.signIns.start({ sub: '1' }, {});

    expect(elsewhere.revocations.ends(ended.claims)).toBe(true);
    expect([claims.rev, elsewhere.revocations.ends(claims)]).toEqual([cutoff, false]);
    await elsewhere.stop();
  });

  test.each([
    ['session', (claims: TokenClaims) => `u:${sessionName(claims.sid)}:1:`],
    ['user', (claims: TokenClaims) => `s:${hashed(claims.sub)}`],
  ])('in which a %s is named as one of the other kind: it hides no revocation, and ends nothing', async (_, member) => {
    const core = await startCore();
    const { claims } = await core.signIns.start({ sub: '1' }, {});
    const { now } = await (core.store as RedisSessionStore).revocationsAfter(0, 0);
    await admin.zadd(LOG, String(1000 * now + 1), member(claims));
    const elsewhere = await startCore();

    await elsewhere.start();
    expect(elsewhere.revocations.ends(claims)).toBe(false);

    await elsewhere.revocations.revokeSession(claims.sid, claims);
    expect(elsewhere.revocations.ends(claims)).toBe(true);
    await elsewhere.stop();
  });

  test('notifies after a reconnect, because notifications may have been missed meanwhile', async () => {
    const store = await open();
    const rings: (() => void)[] = [];
    const stop = store.onRevocation(() => rings.shift()?.());
    const nextRing = (): Promise<void> => new Promise((resolve) => void rings.push(resolve));

    // The subscription notifies once when it is established.
    await nextRing();
    const again = nextRing();
    expect(await admin.client('KILL', 'TYPE', 'PUBSUB')).toBe(1);
    expect(await again).toBeUndefined();

    const heard = nextRing();
    await revokeFor(store, 'a', HOUR);
    expect(await heard).toBeUndefined();
    await stop();
  });
});

describe('[F29] A user of Redis without the right to', () => {
  test.each([
    ['notify others', ['resetchannels']],
    ['notify others at all', ['-publish']],
  ])('%s: a revocation is stored, and an event says why others learn of it later', async (_, rules) => {
    await admin.acl('SETUSER', 'application', 'reset', 'on', 'nopass', '~*', '&*', '+@all', ...rules);
    const client = new Redis({ port: server.port, username: 'application', password: 'any' });
    const core = await startCore({}, client);
    const elsewhere = await startCore();
    await core.start();
    const events = recordEvents(core);
    const [one, other] = [issue(core), issue(core, { sub: '2' })];

    await core.revocations.revokeSession(one.claims.sid);
    await core.revocations.revokeUser('2');
    await elsewhere.start();

    for (const { claims } of [one, other]) expect(elsewhere.revocations.ends(claims)).toBe(true);
    expect(events.map(({ type }) => type)).not.toContain('store-failed');
    expect(events).toContainEqual({
      type: 'subscription-failed',
      at: clock.now(),
      reason: expect.stringMatching(/can't (run|publish)|ACL failure in script/),
    });
    await Promise.all([core, elsewhere].map((each) => each.stop()));
    await admin.acl('DELUSER', 'application');
  });
});

describe('A tracked session in Redis', () => {
  test('has its record and its place in the list from its sign-in on, and no token, sid, sub or device in them [R6]', async () => {
    const core = await startCore({ sessions: 'tracked' });

    const { token, claims } = await issueTracked(core);

    const list = userKey(claims.sub, 'sessions');
    expect(new Set(await admin.keys('*'))).toEqual(new Set([recordKey(claims.sid), list, `${list}:details`]));
    const record = (await admin.getBuffer(recordKey(claims.sid)))?.toString('latin1');
    const details = await admin.hgetallBuffer(`${list}:details`);
    const texts = Object.entries(details).flatMap(([name, value]) => [name, value.toString('latin1')]);
    const dump = [record, ...texts, ...(await admin.zrange(list, '0', '-1')), list].join(' ');
    for (const secret of [...token.split('.'), claims.jti, claims.sid, claims.sub, 'a-telling-device']) {
      expect(dump).not.toContain(secret);
    }
  });

  test('lives until its latest token can no longer be refreshed, plus two minutes', async () => {
    const core = await startCore({ sessions: 'tracked' });
    const { claims } = await issueTracked(core);

    const keys = await admin.keys('*');
    for (const key of keys) {
      expectTtl(await admin.pttl(key), claims.refresh_exp * 1000 - clock.now() + KEPT_LONGER);
    }
  });

  test('has ended when its record is gone: FLUSHALL revives no revoked session [S7]', async () => {
    const core = await startCore({ sessions: 'tracked' });
    const elsewhere = await startCore({ sessions: 'tracked' });
    const first = await issueTracked(core);
    await core.revocations.revokeSession(first.claims.sid);
    const second = await issueTracked(core);

    await admin.flushall();
    clock.advance(EXPIRES_IN * 1000);

    for (const { token } of [first, second]) {
      await expect(authenticate(elsewhere, token)).rejects.toMatchObject({ code: 'session_revoked' });
    }
    expect(await admin.keys('*')).toEqual([]);
  });
});

describe('Closing the store', () => {
  test('leaves the client of the application open', async () => {
    const client = new Redis(server.port);
    clients.push(client);
    const store = new RedisSessionStore(await connectRedis(client), 'refresh-auth');

    await store.close();

    expect(await client.ping()).toBe('PONG');
  });

  test('closes the client that was made for it', async () => {
    const store = new RedisSessionStore(await connectRedis(server.url), 'refresh-auth');
    await store.revoke('one', { record: 1000, log: 1000 });

    await store.close();

    await expect(store.revoke('two', { record: 1000, log: 1000 })).rejects.toThrow(/^no connection to Redis at /);
  });
});
