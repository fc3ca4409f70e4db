// A server that is not the primary any more lets no session live.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import type { RefreshAuthOptions } from '../libs/refresh-auth/src/options/refresh-auth-options.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import type { RedisOption } from '../libs/refresh-auth/src/store/redis/redis-option.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import type { IssuedToken } from '../libs/refresh-auth/src/tokens/claims.js';
import { TestClock } from './support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents, refusal } from './support/core.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { startTcpProxy } from '../tools/support/tcp-proxy.mjs';

const REVOKED = { code: 'session_revoked' };
const unavailable = (word: string) => ({ code: 'store_unavailable', detail: expect.stringContaining(word) });

let primary: RedisServer;
let other: RedisServer;
let admin: Redis;
let otherAdmin: Redis;
let clock: TestClock;
const closing: (() => unknown)[] = [];
/** The clients of the processes of a test, in the order of their start. */
let clients: Redis[] = [];

beforeAll(async () => {
  [primary, other] = await Promise.all([startRedis(), startRedis()]);
  [admin, otherAdmin] = [new Redis(primary.port), new Redis(other.port)];
});
beforeEach(async () => {
  await Promise.all([admin, otherAdmin].map((each) => each.replicaof('NO', 'ONE')));
  await Promise.all([admin, otherAdmin].map((each) => each.flushall()));
  clock = new TestClock();
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  clients.forEach((client) => client.disconnect());
  clients = [];
});
afterAll(async () => {
  [admin, otherAdmin].forEach((client) => client.disconnect());
  await Promise.all([primary.stop(), other.stop()]);
});

async function start(options: RefreshAuthOptions = {}, redis?: RedisOption): Promise<RefreshAuthCore> {
  const client = redis ?? new Redis(primary.port);
  const connection = await connectRedis(client);
  clients.push(connection.client as unknown as Redis);
  const core = makeCore(
    { storeTimeout: '1m', ...options },
    { store: new RedisSessionStore(connection, 'refresh-auth'), clock },
  );
  closing.push(() => core.stop());
  return core;
}

/** Tokens of sessions of users of their own, in every state that a store can be asked about. */
async function tokensOf(core: RefreshAuthCore) {
  const sessions = ['unknown', 'latest', 'superseded', 'revoked', 'cut off'].map((sub) => issue(core, { sub }));
  clock.advance(EXPIRES_IN * 1000);
  const [unknown, first, superseded, revoked, cutOff] = sessions as [
    IssuedToken,
    IssuedToken,
    IssuedToken,
    IssuedToken,
    IssuedToken,
  ];
  const { refreshed: latest } = await authenticate(core, first.token);
  await authenticate(core, superseded.token);
  await core.revocations.revokeSession(revoked.claims.sid);
  await core.revocations.revokeUser('cut off');
  clock.advance(1);
  if (!latest) throw new Error('was not refreshed');
  return { unknown, latest, superseded, revoked, cutOff };
}

type Tokens = Awaited<ReturnType<typeof tokensOf>>;

/** A process that knows only what the store says: nothing of what lives is accepted, and what has ended has ended. */
async function expectOnlyEnds(tokens: Tokens, word: string, redis?: Redis): Promise<void> {
  const core = await start({ revocation: 'every-request' }, redis);
  const { unknown, latest, superseded, revoked, cutOff } = tokens;

  expect(await refusal(authenticate(core, latest.token))).toMatchObject(unavailable(word));
  for (const { token } of [unknown, superseded]) {
    expect(await refusal(authenticate(core, token))).toMatchObject(unavailable(word));
    expect(await refusal(core.authenticator.inspect(token))).toMatchObject(unavailable(word));
  }
  for (const { token } of [revoked, cutOff]) {
    expect(await refusal(authenticate(core, token))).toMatchObject(REVOKED);
    expect(await core.authenticator.inspect(token)).toMatchObject({ state: 'dead', reason: 'session_revoked' });
  }
}

describe('[F15] an answer that may be outdated keeps no session alive, but can end one', () => {
  test('on a primary that was demoted under an open connection', async () => {
    const core = await start({ revocation: 'every-request' });
    const tokens = await tokensOf(core);
    await failOver();
    const elsewhere = await start({}, new Redis(other.port));
    await elsewhere.revocations.revokeSession(tokens.latest.claims.sid);

    expect(await refusal(authenticate(core, tokens.latest.token))).toMatchObject(unavailable('READONLY'));
    await expectOnlyEnds(tokens, 'READONLY');
  });

  test('on a replica', async () => {
    await replicate();
    const tokens = await tokensOf(await start());
    // WAIT goes by what its own client has written.
    await admin.set('written', 'before');
    await admin.call('WAIT', 1, 0);

    await expectOnlyEnds(tokens, 'READONLY', new Redis(other.port));
  });

  test('on a primary that is cut off from its replicas, with min-replicas-to-write', async () => {
    const tokens = await tokensOf(await start());
    await admin.config('SET', 'min-replicas-to-write', '1');
    closing.push(() => admin.config('SET', 'min-replicas-to-write', '0'));

    await expectOnlyEnds(tokens, 'NOREPLICAS');
  });
});

describe('[F15] a current answer is accepted, although nothing can be written:', () => {
  /** Expects that requests which only read are served. */
  async function expectReads({ unknown, latest, superseded, revoked }: Tokens, word: string): Promise<void> {
    const core = await start({ revocation: 'every-request' });
    expect((await authenticate(core, latest.token)).state).toBe('valid');
    expect((await core.authenticator.inspect(unknown.token)).state).toBe('refreshable');
    expect((await core.authenticator.inspect(superseded.token)).state).toBe('already-refreshed');
    expect((await authenticate(core, superseded.token)).state).toBe('already-refreshed');
    expect(await refusal(authenticate(core, revoked.token))).toMatchObject(REVOKED);
    expect(await refusal(authenticate(core, unknown.token))).toMatchObject(unavailable(word));
    expect((await core.signIns.start({ sub: '1' }, {})).claims.gen).toBe(0);
  }

  test('after a failed BGSAVE (MISCONF)', async () => {
    const tokens = await tokensOf(await start());
    const [, folder = ''] = await admin.config('GET', 'dir');
    // Redis writes a file beside it and renames that: not over a folder.
    await mkdir(join(folder, 'dump.rdb'));
    await admin.config('SET', 'save', '3600 1000000');
    closing.push(() => admin.config('SET', 'save', ''));
    while ((await admin.info('persistence')).includes('rdb_bgsave_in_progress:1'));
    await admin.bgsave();
    while (!(await admin.info('persistence')).includes('rdb_last_bgsave_status:err'));

    await expectReads(tokens, 'MISCONF');
  });

  test('when the memory is full (OOM), so that only writes fail', async () => {
    const tokens = await tokensOf(await start());
    await admin.config('SET', 'maxmemory', '1');
    closing.push(() => admin.config('SET', 'maxmemory', '0'));

    await expectReads(tokens, 'OOM');
  });
});

describe('[F15] the revocation log of a store that may be outdated', () => {
  test('is read but counts as incomplete: the store is asked for each request, and an event says so', async () => {
    const core = await start();
    await core.start();
    const events = recordEvents(core);
    const elsewhere = await start();
    const [valid, revoked] = [issue(core), issue(core, { sub: '2' })];
    expect((await authenticate(core, valid.token)).state).toBe('valid');
    await elsewhere.revocations.revokeSession(revoked.claims.sid);
    await failOver();

    const unaware = await start();
    await unaware.start();

    expect(unaware.revocations.ends(revoked.claims)).toBe(true);
    expect(unaware.revocations.isFresh).toBe(false);
    // Valid tokens are accepted while the store is down, and an event says so.
    expect((await authenticate(unaware, valid.token)).state).toBe('valid');
    expect(await unaware.storeFailure()).toContain('READONLY');

    clock.advance(5_000);
    expect((await authenticate(core, valid.token)).state).toBe('valid');
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'store-failed', reason: expect.stringContaining('READONLY') }),
    );
  });
});

describe('[F15] the library’s own client, whose connection stays on the demoted primary', () => {
  test('reconnects to the current address of the name at the first read', async () => {
    const front = await startTcpProxy(primary.port);
    closing.push(() => front.close());
    const core = await start({ revocation: 'every-request' }, front.url);
    const { token, claims } = issue(core);
    expect((await authenticate(core, token)).state).toBe('valid');
    await failOver();
    front.leadTo(other.port);
    const elsewhere = await start({}, new Redis(other.port));
    await elsewhere.revocations.revokeSession(claims.sid);

    const reconnected = once(clients.at(0) as Redis, 'ready');
    expect(await refusal(authenticate(core, token))).toMatchObject(unavailable('READONLY'));
    await reconnected;
    expect(await refusal(authenticate(core, token))).toMatchObject(REVOKED);
  });
});

async function replicate(): Promise<void> {
  await otherAdmin.replicaof('127.0.0.1', String(primary.port));
  while (!(await otherAdmin.info('replication')).includes('master_link_status:up'));
}

/** Makes the other server the primary. The former primary knows it but cannot reach it, and keeps the old data. */
async function failOver(): Promise<void> {
  await replicate();
  await otherAdmin.replicaof('NO', 'ONE');
  await admin.replicaof('127.0.0.1', '1');
}
