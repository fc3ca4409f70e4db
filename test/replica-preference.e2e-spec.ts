// A client that prefers replicas still decides sessions on their masters.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { newSession } from './support/session-of.js';
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './support/redis-server.js';

const LIMIT_MS = 20_000;
const TTL = { record: 60_000, log: 60_000 };
const SESSIONS = Array.from({ length: 100 }, (_, index) => newSession(`user ${index}`));

let cluster: RedisCluster;
let replica: RedisServer;
let admin: Redis;
let client: Cluster;

beforeAll(async () => {
  [cluster, replica] = await Promise.all([
    // A replica that has received nothing is not listed. Otherwise its master writes to it only after ten seconds.
    startRedisCluster({ args: ['--repl-ping-replica-period', '1'] }),
    // It tells the others what it is within half that time.
    startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] }),
  ]);
  admin = new Redis(replica.port);
  const [first] = cluster.nodes;
  if (!first) throw new Error('A cluster without nodes');
  await replicate(first.port);
  client = new Cluster([first], { scaleReads: 'slave' });
});
afterAll(async () => {
  client.disconnect();
  admin.disconnect();
  await Promise.all([replica.stop(), cluster.stop()]);
});

test('sessions are decided on their masters even if the client prefers replicas, which may lag behind [S8]', async () => {
  const store = new RedisSessionStore(await connectRedis(client), 'refresh-auth');
  const candidate = { sealed: Buffer.from('one'), ttl: 60_000 };

  await Promise.all(SESSIONS.map((each) => store.rotate({ ...each, generation: 0, candidate })));
  await Promise.all(SESSIONS.map((each) => store.rotate({ ...each, generation: 0 })));
  await Promise.all(SESSIONS.map(({ sid }) => store.recordUse([{ sid, gen: 1 }], TTL.record)));
  await Promise.all(SESSIONS.map(({ sid }) => store.revoke(sid, TTL)));
  await Promise.all(SESSIONS.map((each) => store.isRevoked(each)));
  await Promise.all(SESSIONS.map(({ sub }) => store.revokeUser(sub, TTL)));
  await Promise.all(SESSIONS.map(({ sub }) => store.userCutoff(sub)));
  await Promise.all(SESSIONS.map(({ sub }) => store.listedSessions(sub)));
  await store.revocationsAfter(0, 0);
  // The client's own reads do go to the replica.
  await Promise.all(SESSIONS.map(({ sid }) => client.get(sid)));

  const stats = await admin.info('commandstats');
  expect(stats).toContain('cmdstat_get:');
  expect(stats).not.toContain('cmdstat_eval');
});

/** Makes the replica one of that master, and waits until a client that asks this master would find it. */
async function replicate(port: number): Promise<void> {
  const master = new Redis(port);
  try {
    const ask = (server: Redis, ...args: [string, string]) => server.call(...args).then(String);
    const id = await ask(master, 'CLUSTER', 'MYID');
    await admin.call('CLUSTER', 'MEET', '127.0.0.1', port);
    await until(async () => (await ask(admin, 'CLUSTER', 'NODES')).includes(id));
    await admin.call('CLUSTER', 'REPLICATE', id);
    await until(async () => (await admin.info('replication')).includes('master_link_status:up'));
    await until(async () => (await ask(master, 'CLUSTER', 'SLOTS')).includes(String(replica.port)));
  } finally {
    master.disconnect();
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  while (!(await condition())) {
    if (signal.aborted) throw new Error(`Not within ${LIMIT_MS} ms: ${String(condition)}`);
    await delay(50);
  }
}
