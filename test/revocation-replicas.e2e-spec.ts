// revocationReplicas: a revocation that replicas must have.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Test } from '@nestjs/testing';
import { Cluster, Redis } from 'ioredis';
import { RefreshAuthModule, RefreshAuthService } from 'nestjs-refresh-auth';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import type { RedisOption } from '../libs/refresh-auth/src/store/redis/redis-option.js';
import { RedisReplicas } from '../libs/refresh-auth/src/store/redis/redis-replicas.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { TestClock } from './support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, refusal, TEST_SECRET } from './support/core.js';
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './support/redis-server.js';
import { recordKey, userKey } from './support/session-of.js';

const LIMIT_MS = 20_000;
const LONG = 60_000;
/** Where too few replicas confirm, that long is waited for them. */
const SHORT = 1_000;
const LOG = 'refresh-auth:revocations';
const REVOKED = expect.objectContaining({ code: 'session_revoked' });
/** The number of replicas, or the end of the time, whichever is told first. */
const UNCONFIRMED = expect.objectContaining({
  code: 'store_unavailable',
  statusCode: 503,
  detail: expect.stringMatching(
    /^the revocation is written, but fewer than 1 replicas have confirmed it: (0 of them|no answer)/,
  ),
});

let clock: TestClock;
const closing: (() => unknown)[] = [];

beforeEach(() => {
  clock = new TestClock();
});
afterEach(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
});

/** A process whose revocations one replica must have. */
async function start(redis: RedisOption, storeTimeout: number): Promise<RefreshAuthCore> {
  const connection = await connectRedis(redis);
  const replicas = await RedisReplicas.open(connection, 1, storeTimeout);
  const store = new RedisSessionStore(connection, 'refresh-auth', undefined, replicas);
  closing.push(() => store.close());
  return makeCore({ storeTimeout: `${storeTimeout}ms` }, { store, clock });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  while (!(await condition())) {
    if (signal.aborted) throw new Error(`Not within ${LIMIT_MS} ms: ${String(condition)}`);
    await delay(20);
  }
}

describe('Revocations that a replica must have', () => {
  let primary: RedisServer;
  let replica: RedisServer;
  let admin: Redis;
  let replicaAdmin: Redis;

  beforeAll(async () => {
    [primary, replica] = await Promise.all([startRedis(), startRedis()]);
    [admin, replicaAdmin] = [new Redis(primary.port), new Redis(replica.port)];
  });
  beforeEach(async () => {
    await replicaAdmin.replicaof('NO', 'ONE');
    await Promise.all([admin, replicaAdmin].map((each) => each.flushall()));
    await until(async () => (await admin.info('replication')).includes('connected_slaves:0'));
  });
  afterAll(async () => {
    [admin, replicaAdmin].forEach((client) => client.disconnect());
    await Promise.all([primary.stop(), replica.stop()]);
  });

  async function replicate(): Promise<void> {
    await replicaAdmin.replicaof('127.0.0.1', String(primary.port));
    await until(async () => (await replicaAdmin.info('replication')).includes('master_link_status:up'));
  }

  test('survive the loss of the primary at once, in record and log', async () => {
    await replicate();
    const core = await start(primary.url, LONG);
    const [session, other] = [issue(core, { sub: '1' }), issue(core, { sub: '2' })];
    clock.advance(EXPIRES_IN * 1000);

    await core.revocations.revokeSession(session.claims.sid);
    expect(await replicaAdmin.get(recordKey(session.claims.sid))).toBe('1:revoked');
    await core.revocations.revokeUser('2');
    expect(await replicaAdmin.zcount(LOG, 1, '+inf')).toBe(2);

    await replicaAdmin.replicaof('NO', 'ONE');
    const elsewhere = await start(replica.url, LONG);
    for (const { token } of [session, other]) expect(await refusal(authenticate(elsewhere, token))).toEqual(REVOKED);
  });

  test('get 503 while no replica has them, are in force anyway, and can be repeated', async () => {
    const core = await start(primary.url, SHORT);
    const { token, claims } = issue(core);
    clock.advance(EXPIRES_IN * 1000);

    for (const revoke of [
      () => core.revocations.revokeSession(claims.sid),
      () => core.revocations.revokeUser(claims.sub, 'x'.repeat(30)),
    ]) {
      expect(await refusal(revoke())).toEqual(UNCONFIRMED);
    }
    expect(await refusal(authenticate(await start(primary.url, LONG), token))).toEqual(REVOKED);

    await replicate();
    const again = await start(primary.url, LONG);
    await again.revocations.revokeSession(claims.sid);
    await again.revocations.revokeUser(claims.sub);
    expect(await replicaAdmin.get(recordKey(claims.sid))).toBe('1:revoked');
  });

  test('do not delay other requests while they wait for replicas', async () => {
    await replicate();
    const core = await start(primary.url, LONG);
    const [ended, other] = [issue(core, { sub: '1' }), issue(core, { sub: '2' })];
    clock.advance(EXPIRES_IN * 1000);
    const answered: string[] = [];
    replica.pause();
    closing.push(() => replica.resume());

    const revoking = core.revocations.revokeSession(ended.claims.sid).then(() => answered.push('revocation'));
    await until(async () => (await admin.get(recordKey(ended.claims.sid))) === '1:revoked');
    expect((await authenticate(core, other.token)).state).toBe('refreshable');
    expect(await refusal(authenticate(core, ended.token))).toEqual(REVOKED);
    answered.push('others');
    replica.resume();
    await revoking;

    expect(answered).toEqual(['others', 'revocation']);
  });

  test('get 503 while their own connection is lost, and refreshes still work', async () => {
    await replicate();
    const client = new Redis(primary.port);
    closing.push(() => client.disconnect());
    const connection = await connectRedis(client);
    const replicas = await RedisReplicas.open(connection, 1, LONG);
    const core = makeCore(
      { storeTimeout: `${LONG}ms` },
      { store: new RedisSessionStore(connection, 'refresh-auth', undefined, replicas), clock },
    );
    const [ended, other] = [issue(core, { sub: '1' }), issue(core, { sub: '2' })];
    replicas.close();

    expect(await refusal(core.revocations.revokeSession(ended.claims.sid))).toMatchObject({
      code: 'store_unavailable',
      detail: expect.stringContaining('the connection is closed'),
    });
    clock.advance(EXPIRES_IN * 1000);
    expect((await authenticate(core, other.token)).state).toBe('refreshable');
  });

  test('are an option of the module, which leaves no connection open', async () => {
    await replicate();
    const connections = async () =>
      String(await admin.client('LIST', 'TYPE', 'NORMAL'))
        .trim()
        .split('\n').length;
    // Its own; those of other tests are gone as soon as Redis has noticed.
    await until(async () => (await connections()) === 1);
    const module = await Test.createTestingModule({
      imports: [
        RefreshAuthModule.forRoot({
          secret: TEST_SECRET,
          redis: primary.url,
          revocationReplicas: 2,
          storeTimeout: `${SHORT}ms`,
        }),
      ],
    }).compile();
    await module.init();

    await expect(module.get(RefreshAuthService).revokeUser('1')).rejects.toMatchObject({
      code: 'store_unavailable',
      detail: expect.stringContaining('fewer than 2 replicas'),
    });
    expect(await connections()).toBe(3);
    await module.close();

    await until(async () => (await connections()) === 1);
  });
});

describe('Revocations that a replica must have, on a cluster of which one master has one', () => {
  let cluster: RedisCluster;
  let replica: RedisServer;
  let masters: Redis[];
  let withReplica: Redis;

  beforeAll(async () => {
    [cluster, replica] = await Promise.all([
      startRedisCluster(),
      startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] }),
    ]);
    masters = cluster.nodes.map(({ port }) => new Redis(port));
    withReplica = await masterOf(LOG);
    const admin = new Redis(replica.port);
    const id = String(await withReplica.call('CLUSTER', 'MYID'));
    await admin.call('CLUSTER', 'MEET', '127.0.0.1', Number(withReplica.options.port));
    await until(async () => String(await admin.call('CLUSTER', 'NODES')).includes(id));
    await admin.call('CLUSTER', 'REPLICATE', id);
    await until(async () => (await admin.info('replication')).includes('master_link_status:up'));
    await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    admin.disconnect();
  });
  afterAll(async () => {
    masters.forEach((master) => master.disconnect());
    await Promise.all([replica.stop(), cluster.stop()]);
  });

  async function masterOf(key: string): Promise<Redis> {
    for (const master of masters) {
      const isThere = await master.get(key).then(
        () => true,
        (error: Error) => !error.message.startsWith('MOVED'),
      );
      if (isThere) return master;
    }
    throw new Error(`No master has the slot of ${key}`);
  }

  /** The session of a user whose slot is, or is not, on the master with the replica. */
  async function issueOn(core: RefreshAuthCore, isWithReplica: boolean) {
    for (let user = 0; ; user++) {
      const issued = issue(core, { sub: `user ${user}` });
      if (((await masterOf(recordKey(issued.claims.sid))) === withReplica) === isWithReplica) return issued;
    }
  }

  async function open(storeTimeout: number): Promise<RefreshAuthCore> {
    const client = new Cluster(cluster.nodes);
    closing.push(() => client.disconnect());
    return start(client, storeTimeout);
  }

  test('wait at the node that took the write', async () => {
    const core = await open(LONG);
    const { claims } = await issueOn(core, true);

    await core.revocations.revokeSession(claims.sid);
    await core.revocations.revokeUser(claims.sub);

    const node = new Redis(replica.port, { readOnly: true });
    closing.push(() => node.disconnect());
    expect(await node.get(recordKey(claims.sid))).toBe('1:revoked');
    expect([await node.exists(userKey(claims.sub)), await node.exists(LOG)]).toEqual([1, 1]);
  });

  test('get 503 if that node has no replica', async () => {
    const core = await open(SHORT);
    const { claims } = await issueOn(core, false);

    expect(await refusal(core.revocations.revokeSession(claims.sid))).toEqual(UNCONFIRMED);
  });

  test('follow a slot that has moved to the node with the replica', async () => {
    const core = await open(LONG);
    const { claims } = await issueOn(core, false);
    const key = recordKey(claims.sid);
    await core.store.isRevoked({ sid: claims.sid, sub: claims.sub, rev: 0 });
    // A slot with keys cannot be moved like this.
    await Promise.all(masters.map((master) => master.flushall()));
    const slot = Number(await withReplica.call('CLUSTER', 'KEYSLOT', key));
    const id = String(await withReplica.call('CLUSTER', 'MYID'));
    for (const master of [withReplica, ...masters]) await master.call('CLUSTER', 'SETSLOT', slot, 'NODE', id);
    // Nodes believe the master with the greatest epoch; clients may ask the replica too.
    await withReplica.call('CLUSTER', 'BUMPEPOCH');
    const node = new Redis(replica.port);
    closing.push(() => node.disconnect());
    const redirection = () =>
      node.get(key).then(
        () => '',
        (error: Error) => error.message,
      );
    await until(async () => (await redirection()).endsWith(`:${withReplica.options.port}`));

    await core.revocations.revokeSession(claims.sid);

    expect(await withReplica.get(key)).toBe('1:revoked');
  });
});
