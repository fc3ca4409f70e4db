// Faults of Redis in the middle of a write, a failover or a move of slots.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import type { RefreshAuthOptions } from '../libs/refresh-auth/src/options/refresh-auth-options.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import type { RedisOption } from '../libs/refresh-auth/src/store/redis/redis-option.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import type { IssuedToken } from '../libs/refresh-auth/src/tokens/claims.js';
import { systemClock } from '../libs/refresh-auth/src/tokens/clock.js';
import { DAY, MINUTE } from './support/aged-tokens.js';
import { TestClock } from './support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents, refusal } from './support/core.js';
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './support/redis-server.js';
import { recordKey, userKey } from './support/session-of.js';
import { startTcpProxy, type TcpProxy } from '../tools/support/tcp-proxy.mjs';

const PREFIX = 'refresh-auth';
/** A busy machine is no reason for a test to fail. */
const LONG = '10s';
/** Where the store is silent, each of the first requests waits that long. */
const SHORT = 200;

/** Long, because every attempt advances the clock. */
const LIFETIMES = { expiresIn: '1d', refreshWindow: '30d', sessionLifetime: '90d' } as const;

let server: RedisServer;
let admin: Redis;
let clock: TestClock;
/** The servers and clients that a test has opened. */
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port, { retryStrategy: () => 20 });
  admin.on('error', () => undefined);
});
beforeEach(async () => {
  clock = new TestClock();
  await admin.flushall();
});
afterEach(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** One process of an application. */
async function startCore(redis: RedisOption, options: RefreshAuthOptions = {}): Promise<RefreshAuthCore> {
  const core = await openCore(redis, options);
  await core.start();
  return core;
}

/** Sends Redis only the commands of its requests: it does not follow the log of revocations. */
async function openCore(redis: RedisOption, options: RefreshAuthOptions = {}): Promise<RefreshAuthCore> {
  const store = new RedisSessionStore(await connectRedis(redis), PREFIX);
  closing.push(() => store.close());
  const core = makeCore({ ...LIFETIMES, storeTimeout: LONG, ...options }, { store, clock });
  closing.push(() => core.stop());
  return core;
}

function clientOf(options: RedisOptions): Redis {
  const client = new Redis({ host: '127.0.0.1', port: server.port, ...options } as { host: string });
  client.on('error', () => undefined);
  closing.push(() => client.disconnect());
  return client;
}

const keyOf = ({ claims }: IssuedToken): string => recordKey(claims.sid, PREFIX);
const userKeyOf = ({ claims }: IssuedToken): string => userKey(claims.sub, 'user', PREFIX);
const expire = (): void => clock.advance(DAY);
const unavailable = expect.objectContaining({ code: 'store_unavailable', statusCode: 503 });

/** A second and more after whatever came before, so that it is the store that answers. */
async function refreshed(core: RefreshAuthCore, { token }: { token: string }): Promise<IssuedToken> {
  clock.advance(2000);
  const { refreshed: successor } = await authenticate(core, token);
  if (!successor) throw new Error('was not refreshed');
  return successor;
}

/** While the store is known to be down, it is tried again after a second. */
async function untilRefreshed(core: RefreshAuthCore, { token }: { token: string }, at = admin): Promise<IssuedToken> {
  for (;;) {
    const { refreshed: successor } = await authenticate(core, token).catch((error: { statusCode?: number }) => {
      if (error.statusCode !== 503) throw error;
      return { refreshed: undefined };
    });
    if (successor) return successor;
    clock.advance(1000);
    // Once there is a server at all.
    await at.ping();
  }
}

describe('killed in a storm', () => {
  test('every request is answered, nobody is logged out, and everything works when it is back [S1] [S2]', async () => {
    const [core, other] = await Promise.all([startCore(server.url), startCore(server.url)]);
    const tokens = Array.from({ length: 100 }, () => issue(core));
    expire();

    const storm = tokens.flatMap((token) =>
      [core, other].map((one) => refusal(refreshed(one, token)).catch((error) => error)),
    );
    await Promise.race(storm);
    await server.kill();
    const answers = await Promise.all(storm);
    await server.restart();

    const refused = answers.filter((answer) => !/Was not refused/.test(String(answer)));
    expect(refused).toEqual(refused.map(() => unavailable));
    // Sessions that were refreshed before have lost their record.
    clock.advance(2000);
    const [first] = tokens;
    for (const one of [core, other]) await untilRefreshed(one, first!);
    const successors = await Promise.all(tokens.map((token) => untilRefreshed(core, token)));
    expect(await Promise.all(tokens.map((token) => untilRefreshed(other, token)))).toEqual(successors);
  });
});

describe('slots that move to another node (MOVED, ASK)', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  test('while a slot moves its users get 503, and each session keeps its successor [S5] [S8]', async () => {
    const client = new Cluster(cluster.nodes);
    closing.push(() => client.disconnect());
    const core = await startCore(client);
    const first = issue(core);
    expire();
    const second = await refreshed(core, first);
    const slot = await client.cluster('KEYSLOT', keyOf(first));
    const nodes = cluster.nodes.map(({ port }) => clientOf({ port }));
    const ids = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'MYID')));
    const holds = await Promise.all(nodes.map((node) => node.exists(keyOf(first)).catch(() => 0)));
    const from = holds.indexOf(1);
    const to = (from + 1) % nodes.length;
    // A rotation has the keys of the session and of its user: Redis asks to try again while they may be in two places.
    const comeAgain = async (): Promise<void> => {
      expect(await refusal(authenticate(core, first.token))).toMatchObject({ code: 'store_unavailable' });
      expect((await authenticate(core, second.token)).state).toBe('valid');
    };

    await nodes[to]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(ids[from]));
    await nodes[from]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(ids[to]));
    await comeAgain();

    await nodes[from]!.call('MIGRATE', '127.0.0.1', cluster.nodes[to]!.port, keyOf(first), 0, 10_000);
    await expect(nodes[from]!.get(keyOf(first))).rejects.toThrow(/^ASK/);
    await comeAgain();

    for (const node of nodes) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(ids[to]));
    await expect(nodes[from]!.get(keyOf(first))).rejects.toThrow(/^MOVED/);
    expect(await untilRefreshed(core, first, nodes[to])).toEqual(second);
    expire();
    expect((await refreshed(core, second)).claims.gen).toBe(2);
    await core.revocations.revokeSession(first.claims.sid);
    expect(await refusal(authenticate(core, second.token))).toMatchObject({ code: 'session_revoked' });
  });
});

describe('a failover to a replica that had not received everything', () => {
  let replica: RedisServer;
  let replicaAdmin: Redis;
  /** Between the master and its replica, and between the application and whichever is the master. */
  let replication: TcpProxy;
  let front: TcpProxy;

  beforeEach(async () => {
    [replication, front] = [await startTcpProxy(server.port), await startTcpProxy(server.port)];
    replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(replication.port)] });
    replicaAdmin = clientOf({ port: replica.port });
    closing.push(async () => {
      await Promise.all([front.close(), replication.close()]);
      await replica.stop();
    });
    while (!(await replicaAdmin.info('replication')).includes('master_link_status:up'));
    closing.push(() => server.restart());
  });

  /** From now on, writes are lost with the master. */
  async function holdReplication(): Promise<void> {
    // WAIT goes by what its own client has written.
    await admin.set('written', 'before');
    await admin.call('WAIT', 1, 0);
    replication.replies = 'hold';
  }

  async function failOver(): Promise<void> {
    await server.kill();
    await replicaAdmin.replicaof('NO', 'ONE');
    front.redirect(replica.port);
    await replicaAdmin.ping();
  }

  test('loses no revocation that is known here and no session, and each session has one successor again [S7]', async () => {
    const core = await startCore(front.url);
    const events = recordEvents(core);
    const [going, leaving] = [issue(core), issue(core)];
    await holdReplication();
    await core.revocations.revokeSession(leaving.claims.sid);
    expire();
    const second = await refreshed(core, going);
    expect(await replicaAdmin.keys(`${PREFIX}:{*`)).toEqual([]);

    await failOver();

    expect(await refusal(authenticate(core, leaving.token))).toMatchObject({ code: 'session_revoked' });
    expect((await authenticate(core, second.token)).state).toBe('valid');
    expire();
    const third = await untilRefreshed(core, second, replicaAdmin);
    expect(third.claims.gen).toBe(2);
    expect(events.map(({ type }) => type)).toContain('lost-write');
    // A process that knows of the logout writes it back for those that do not.
    while ((await replicaAdmin.zcount(`${PREFIX}:revocations`, 0, '+inf')) === 0) await core.storeFailure();
    const other = await startCore(front.url);
    expect(await refusal(authenticate(other, leaving.token))).toMatchObject({ code: 'session_revoked' });
    for (const one of [core, other])
      for (const token of [going, second]) expect(await refreshed(one, token)).toEqual(third);
  });

  test('under tracked sessions ends only a session that had begun meanwhile [S7]', async () => {
    const core = await startCore(front.url, { sessions: 'tracked' });
    const before = await core.signIns.start({ sub: '1' }, {});
    await holdReplication();
    const meanwhile = await core.signIns.start({ sub: '1' }, {});

    await failOver();
    expire();

    expect((await untilRefreshed(core, before, replicaAdmin)).claims.gen).toBe(1);
    expect(await refusal(authenticate(core, meanwhile.token))).toMatchObject({ code: 'session_revoked' });
  });
});

describe('a revocation that Redis processes after its caller timed out', () => {
  test('ends no session that has begun since; repeating it ends the earlier ones [F30]', async () => {
    const client = clientOf({});
    const store = new RedisSessionStore(await connectRedis(client), PREFIX);
    const core = makeCore({ revocation: 'pushed', storeTimeout: '200ms' }, { store, clock: systemClock });
    const elsewhere = makeCore({ revocation: 'every-request', storeTimeout: '1m' }, { store, clock: systemClock });
    await core.start();
    const before = await core.signIns.start({ sub: '1' }, {});

    server.pause();
    expect(await refusal(core.revocations.revokeUser('1'))).toEqual(unavailable);
    expect(await refusal(core.revocations.revokeSession(before.claims.sid))).toEqual(unavailable);
    const since = await core.signIns.start({ sub: '1' }, {});
    server.resume();
    // It answers in the order in which it was asked.
    await client.ping();

    for (const { token } of [before, since]) expect((await authenticate(elsewhere, token)).state).toBe('valid');

    await elsewhere.revocations.revokeUser('1', since.claims.sid);
    expect((await authenticate(elsewhere, since.token)).state).toBe('valid');
    expect(await refusal(authenticate(elsewhere, before.token))).toMatchObject({ code: 'session_revoked' });
    await Promise.all([core, elsewhere].map((each) => each.stop()));
  });
});

describe('a reuse that Redis detects after its caller timed out', () => {
  test('ends no session [F30]', async () => {
    const client = clientOf({});
    const store = new RedisSessionStore(await connectRedis(client), PREFIX);
    const past = new TestClock(Date.now() - 9 * MINUTE);
    const signer = makeCore({}, { store, clock: past });
    const first = issue(signer);
    let latest = first;
    for (const _ of [1, 2]) {
      past.advance(EXPIRES_IN * 1000);
      latest = (await authenticate(signer, latest.token)).refreshed!;
    }
    const earlier = new RedisSessionStore(await connectRedis(client), PREFIX, past);
    await earlier.recordUse([{ sid: first.claims.sid, gen: 2 }], MINUTE);
    const options = { revocation: 'pushed', reuseDetection: { grace: 30, revokeAfter: 60 } } as const;
    const core = makeCore({ ...options, storeTimeout: '200ms' }, { store, clock: systemClock });
    const elsewhere = makeCore({ ...options, storeTimeout: '1m' }, { store, clock: systemClock });
    await core.start();

    server.pause();
    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable);
    server.resume();
    // It answers in the order in which it was asked.
    await client.ping();

    expect(await authenticate(elsewhere, latest.token)).toMatchObject({ state: 'refreshable' });
    // In time it is what it was before.
    expect(await refusal(authenticate(elsewhere, first.token))).toMatchObject({ code: 'token_reused' });
    expect(await refusal(authenticate(elsewhere, latest.token))).toMatchObject({ code: 'session_revoked' });
    await Promise.all([core, elsewhere].map((each) => each.stop()));
  });
});

describe('eviction of records', () => {
  beforeEach(() => admin.config('SET', 'maxmemory-policy', 'allkeys-lru'));
  afterEach(() => admin.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction'));

  /** Fills the memory until the oldest keys are gone. */
  async function evict(key: string): Promise<void> {
    const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
    await admin.config('SET', 'maxmemory', String(used + 500_000));
    for (let i = 0; (await admin.exists(key)) === 1; i++) {
      await Promise.all([1, 2, 3, 4].map((part) => admin.set(`filler:${i}:${part}`, 'x'.repeat(5000))));
    }
  }

  test('a session continues with the token of its client [S6]', async () => {
    const core = await startCore(server.url);
    const events = recordEvents(core);
    const first = issue(core);
    expire();
    const second = await refreshed(core, first);
    await evict(keyOf(first));

    expect((await authenticate(core, second.token)).state).toBe('valid');
    expire();
    const { state, claims } = await authenticate(core, second.token);
    expect([state, claims.gen]).toEqual(['refreshable', 2]);
    expect(events.map(({ type }) => type)).toContain('lost-write');
  });

  test('a tracked one ends at its next refresh, and not before [S6] [S7]', async () => {
    const core = await startCore(server.url, { sessions: 'tracked' });
    const first = await core.signIns.start({ sub: '1' }, {});
    await evict(keyOf(first));

    expect((await authenticate(core, first.token)).state).toBe('valid');
    expire();
    expect(await refusal(authenticate(core, first.token))).toMatchObject({ code: 'session_revoked' });
  });

  test('a revoked one stays ended in processes that know of it, and can revive if none does [S6]', async () => {
    const core = await startCore(server.url);
    const first = issue(core);
    await core.revocations.revokeSession(first.claims.sid);
    await evict(keyOf(first));
    expire();
    expect(await refusal(authenticate(core, first.token))).toMatchObject({ code: 'session_revoked' });

    // A process that follows the log would write the entry back.
    await core.stop();
    await admin.del(`${PREFIX}:revocations`);
    const later = await startCore(server.url);
    expect((await authenticate(later, first.token)).state).toBe('refreshable');
  });
});

describe('a foreign value in place of', () => {
  test('a record (WRONGTYPE) affects only that session, for any number of requests [S5] [S10]', async () => {
    const core = await startCore(server.url);
    const events = recordEvents(core);
    const [odd, other] = [issue(core), issue(core)];
    await admin.rpush(keyOf(odd), 'foreign');
    expire();

    for (let times = 0; times < 10; times++) {
      expect(await refusal(authenticate(core, odd.token))).toMatchObject({
        code: 'store_unavailable',
        detail: expect.stringContaining('WRONGTYPE'),
      });
    }
    expect((await authenticate(core, other.token)).state).toBe('refreshable');
    expect(events.map(({ type }) => type)).not.toContain('store-failed');

    await admin.del(keyOf(odd));
    expect((await authenticate(core, odd.token)).state).toBe('refreshable');
  });

  test('a user’s cutoff (WRONGTYPE) affects only that user, until all sessions of that user are ended [S10]', async () => {
    const core = await startCore(server.url);
    const events = recordEvents(core);
    const [odd, other] = [issue(core), issue(core, { sub: '2' })];
    await admin.rpush(userKeyOf(odd), 'foreign');
    expect((await authenticate(core, odd.token)).state).toBe('valid');
    expire();

    for (let times = 0; times < 10; times++) {
      expect(await refusal(authenticate(core, odd.token))).toMatchObject({
        code: 'store_unavailable',
        detail: expect.stringContaining('WRONGTYPE'),
      });
    }
    expect((await authenticate(core, other.token)).state).toBe('refreshable');
    expect(events.map(({ type }) => type)).not.toContain('store-failed');

    await core.revocations.revokeUser('1');
    expect(await refusal(authenticate(core, odd.token))).toMatchObject({ code: 'session_revoked' });
    const next = await core.signIns.start({ sub: '1' }, {});
    expire();
    expect((await authenticate(core, next.token)).state).toBe('refreshable');
  });

  test('a list of sessions (WRONGTYPE) keeps that user from signing in, and nobody else [S10]', async () => {
    const core = await startCore(server.url, { sessions: 'tracked' });
    const before = await core.signIns.start({ sub: '1' }, {});
    const list = userKey('1', 'sessions', PREFIX);
    await admin.set(list, 'foreign');

    expect(await refusal(core.signIns.start({ sub: '1' }, {}))).toMatchObject({
      code: 'store_unavailable',
      detail: expect.stringContaining('WRONGTYPE'),
    });
    expect((await core.signIns.start({ sub: '2' }, {})).claims.gen).toBe(0);
    expire();
    expect((await authenticate(core, before.token)).state).toBe('refreshable');

    await admin.del(list);
    expect((await core.signIns.start({ sub: '1' }, {})).claims.gen).toBe(0);
  });

  test('the revocation log (WRONGTYPE) is reported; valid tokens are accepted, and the store is asked for each', async () => {
    await admin.set(`${PREFIX}:revocations`, 'foreign');
    const [core, elsewhere] = [await startCore(server.url), await startCore(server.url)];
    const events = recordEvents(core);
    const [valid, ended] = [issue(core), issue(core)];

    expect(await core.storeFailure()).toContain('WRONGTYPE');
    expect(await refusal(elsewhere.revocations.revokeSession(ended.claims.sid))).toEqual(unavailable);
    expect((await authenticate(core, valid.token)).state).toBe('valid');
    expect(await refusal(authenticate(core, ended.token))).toMatchObject({ code: 'session_revoked' });
    expire();
    expect((await authenticate(core, valid.token)).state).toBe('refreshable');

    await admin.del(`${PREFIX}:revocations`);
    await elsewhere.revocations.revokeSession(valid.claims.sid);
    clock.advance(10_000);
    do await core.storeFailure();
    while (!events.some(({ type }) => type === 'store-recovered'));
    expect(await core.storeFailure()).toBeUndefined();
  });
});

describe('a reply that is lost after the write was applied', () => {
  let proxy: TcpProxy;

  beforeEach(async () => {
    proxy = await startTcpProxy(server.port);
    closing.push(() => proxy.close());
  });

  test.each<[string, (port: number) => Promise<RedisOption>]>([
    ['with the client of the library', async () => proxy.url],
    [
      'with a client that repeats no command',
      async (port) => {
        const client = clientOf({ port, maxRetriesPerRequest: 0, retryStrategy: () => 20 });
        await client.ping();
        return client;
      },
    ],
  ])('%s: all converge on the one successor that was kept [S4] [R3]', async (_, option) => {
    const [core, other] = [await openCore(await option(proxy.port)), await startCore(server.url)];
    const first = issue(core);
    expire();

    const cut = proxy.disturbed();
    proxy.replies = 'cut';
    const answer = refusal(refreshed(core, first)).catch(() => 'refreshed');
    await cut;
    while ((await admin.exists(keyOf(first))) === 0);
    proxy.replies = 'pass';
    expect(['refreshed', unavailable]).toContainEqual(await answer);

    const successor = await untilRefreshed(core, first);
    expect(await refreshed(other, first)).toEqual(successor);
    expect((await admin.get(keyOf(first)))?.split(':')[1]).toBe('1');
  });

  test('a slow reply within storeTimeout is waited for', async () => {
    const core = await openCore(proxy.url);
    const first = issue(core);
    expire();

    const held = proxy.disturbed();
    proxy.replies = 'hold';
    const answer = authenticate(core, first.token);
    await held;
    proxy.replies = 'pass';

    expect((await answer).state).toBe('refreshable');
  });
});

describe('a client of the application', () => {
  const SETTINGS: Record<string, RedisOptions> = {
    'with the defaults of ioredis': {},
    'that retries for ever, as BullMQ wants it': { maxRetriesPerRequest: null },
    'without a queue': { enableOfflineQueue: false },
    'that forgets what was under way': { autoResendUnfulfilledCommands: false },
    'that pipelines': { enableAutoPipelining: true },
    'that connects late': { lazyConnect: true },
    'with patience of its own': { commandTimeout: 3_600_000, connectTimeout: 3_600_000 },
  };

  describe.each(Object.entries(SETTINGS))('%s', (_, options) => {
    test.each<[string, () => unknown, () => unknown]>([
      ['hangs', () => server.pause(), () => server.resume()],
      ['is gone', () => server.kill(), () => server.restart()],
    ])('delays no request when Redis %s [S3]', async (_name, begin, end) => {
      const core = await startCore(clientOf({ retryStrategy: () => 20, ...options }), { storeTimeout: `${SHORT}ms` });
      const [first, second] = [issue(core), issue(core)];
      expire();
      const third = issue(core);
      await untilRefreshed(core, first);

      await begin();
      const answers = [await refusal(refreshed(core, second)), (await authenticate(core, third.token)).state];
      await end();

      expect(answers).toEqual([unavailable, 'valid']);
      expect((await untilRefreshed(core, second)).claims.gen).toBe(1);
      expect((await refreshedBy(core, second)).claims.gen).toBe(1);
    });
  });

  /** Nobody's queued write has come late and taken the successor's place. */
  async function refreshedBy(core: RefreshAuthCore, token: IssuedToken): Promise<IssuedToken> {
    const [one, other] = [await untilRefreshed(core, token), await untilRefreshed(core, token)];
    expect(other).toEqual(one);
    return one;
  }

  test('that was closed before the library: valid tokens are accepted, expired ones get 503, and the shutdown succeeds [S12]', async () => {
    const client = clientOf({});
    const core = await startCore(client, { reuseDetection: { grace: 30 } });
    const first = issue(core);
    expire();
    const second = await refreshed(core, first);
    await client.quit();

    expect((await authenticate(core, second.token)).state).toBe('valid');
    expect(await refusal(refreshed(core, first))).toEqual(unavailable);
    await expect(core.stop()).resolves.toBeUndefined();
  });
});

describe('a client of the application that is closed already when the application boots', () => {
  test('does not stop it: valid tokens are accepted, expired ones get 503, and the shutdown succeeds [S12]', async () => {
    const client = clientOf({});
    await client.quit();

    const core = await startCore(client, { reuseDetection: { grace: 30 } });
    const first = issue(core);

    expect((await authenticate(core, first.token)).state).toBe('valid');
    expire();
    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable);
    await expect(core.stop()).resolves.toBeUndefined();
  });
});

describe('a subscription that is no longer allowed (NOPERM)', () => {
  test('is reported once, and revocations of others are learned by polling', async () => {
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    const core = await startCore(server.url.replace('redis://', 'redis://app:secret@'));
    const other = await startCore(server.url);
    const events = recordEvents(core);
    const ended = issue(core);

    // Takes the connection of the subscriber with it.
    await admin.call('ACL', 'SETUSER', 'app', 'resetchannels');
    while (!events.some(({ type }) => type === 'subscription-failed')) await admin.ping();
    await other.revocations.revokeSession(ended.claims.sid);
    while ((await refusal(authenticate(core, ended.token)).catch(() => undefined)) === undefined) await admin.ping();

    expect(events.filter(({ type }) => type === 'subscription-failed')).toEqual([
      { type: 'subscription-failed', at: expect.any(Number), reason: expect.stringMatching(/^NOPERM/) },
    ]);
  });
});

describe('a connection of the library', () => {
  test('to a server that hangs is closed at once, and leaves no timer [S12]', async () => {
    const connection = await connectRedis(server.url);
    const notification = connection.subscribe(
      'channel',
      () => undefined,
      () => undefined,
    );
    server.pause();
    closing.push(() => {
      jest.useRealTimers();
      server.resume();
    });

    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    await connection.close();
    notification.disconnect();
    await jest.advanceTimersByTimeAsync(1);

    expect(jest.getTimerCount()).toBe(0);
  });
});
