import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import type { StoresUnderTest } from 'nestjs-refresh-auth/testing';
import { connectRedis } from '../libs/refresh-auth/src/sessions/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/sessions/redis-session-store.js';
import { TestClock } from './support/clock.js';
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './support/redis-server.js';
import { newSession } from './support/session-of.js';
import { itKeepsTheContract } from './support/session-store-contract.js';

const PROCESSES = 4;
const execute = promisify(execFile);

describe('The in-memory store', () => {
  test('keeps no process alive [S11]', async () => {
    const program = `
      import { InMemorySessionStore } from 'nestjs-refresh-auth';
      const store = new InMemorySessionStore();
      await store.rotate({ sid: 'a', sub: '1', rev: 0, generation: 0, candidate: { sealed: Buffer.from('one'), ttl: 3_600_000 } });
      await store.revoke('b', { record: 3_600_000, log: 3_600_000 });
      store.onRevocation(() => undefined);
      console.log('stored');
    `;

    // Rejects where the process had to be killed.
    const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      timeout: 20_000,
    });

    expect(stdout).toBe('stored\n');
  });
});

describe('The Redis store on a single server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  describe.each<[string, (port: number) => Redis]>([
    ['with a client as it comes', (port) => new Redis(port)],
    ['with enableAutoPipelining', (port) => new Redis(port, { enableAutoPipelining: true })],
    ['with a keyPrefix of the client', (port) => new Redis(port, { keyPrefix: 'application:' })],
    ['with stringNumbers', (port) => new Redis(port, { stringNumbers: true })],
    ['with RESP2', (port) => new Redis(port, { protocol: 2 })],
  ])('%s', (_, connect) => {
    itKeepsTheContract(() => openStores(() => connect(server.port), [server.port]));
  });
});

describe('The Redis store on a cluster of three masters', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  const open = (connect: (nodes: RedisCluster['nodes']) => Cluster): Promise<StoresUnderTest> =>
    openStores(
      () => connect(cluster.nodes),
      cluster.nodes.map(({ port }) => port),
    );

  describe.each<[string, (nodes: RedisCluster['nodes']) => Cluster]>([
    ['with a client as it comes', (nodes) => new Cluster(nodes)],
    ['with enableAutoPipelining', (nodes) => new Cluster(nodes, { enableAutoPipelining: true })],
    ['with a keyPrefix of the client', (nodes) => new Cluster(nodes, { keyPrefix: 'application:' })],
    ['with a preference for replicas', (nodes) => new Cluster(nodes, { scaleReads: 'slave' })],
  ])('%s', (_, connect) => {
    itKeepsTheContract(() => open(connect));
  });

  test('spreads sessions over all masters', async () => {
    const { stores, close } = await open((nodes) => new Cluster(nodes));
    const admins = cluster.nodes.map(({ port }) => new Redis(port));
    await Promise.all(admins.map((admin) => admin.flushall()));
    const candidate = { sealed: Buffer.from('one'), ttl: 60_000 };

    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        stores[0].rotate({ ...newSession(`user ${index}`), generation: 0, candidate }),
      ),
    );

    const sizes = await Promise.all(admins.map((admin) => admin.dbsize()));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(100);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    admins.forEach((admin) => admin.disconnect());
    await close();
  });
});

/** A connection for each process that shares the sessions. */
async function openStores(connect: () => Redis | Cluster, ports: number[]): Promise<StoresUnderTest> {
  const clients = Array.from({ length: PROCESSES }, connect);
  const admins = ports.map((port) => new Redis(port));
  const clock = new TestClock();
  // Every suite has a log of its own.
  const keyPrefix = `refresh-auth:${randomUUID()}`;
  const [store, ...others] = await Promise.all(
    clients.map(async (client) => new RedisSessionStore(await connectRedis(client), keyPrefix, clock)),
  );
  if (!store) throw new Error('No store was opened');
  return {
    stores: [store, ...others],
    clock,
    async pass(milliseconds) {
      clock.advance(milliseconds);
      await Promise.all(admins.map((admin) => age(admin, milliseconds)));
    },
    async close() {
      [...clients, ...admins].forEach((client) => client.disconnect());
    },
  };
}

/** Redis has a clock of its own: what would be left after that time is what is left now. */
async function age(admin: Redis, milliseconds: number): Promise<void> {
  const keys = await admin.keys('*');
  await Promise.all(
    keys.map(async (key) => {
      const left = await admin.pttl(key);
      if (left >= 0) await admin.pexpire(key, left - milliseconds);
    }),
  );
}
