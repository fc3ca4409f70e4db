// Both stores keep the one contract, in every set-up of Redis.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { Cluster as EarlierCluster } from 'ioredis-5';
import type { StoresUnderTest } from 'nestjs-refresh-auth/testing';
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './support/redis-server.js';
import { openRedisStores } from './support/redis-stores.js';
import { newSession } from './support/session-of.js';
import { itKeepsTheContract } from './support/session-store-contract.js';

const execute = promisify(execFile);

describe('The in-memory store', () => {
  test('keeps no process alive [S11]', async () => {
    const program = `
      import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
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
    itKeepsTheContract(() => openRedisStores(() => connect(server.port), [server.port]));
  });
});

describe('The Redis store on a cluster of three masters', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  const open = (connect: (nodes: RedisCluster['nodes']) => Cluster): Promise<StoresUnderTest> =>
    openRedisStores(
      () => connect(cluster.nodes),
      cluster.nodes.map(({ port }) => port),
    );

  describe.each<[string, (nodes: RedisCluster['nodes']) => Cluster]>([
    ['with a client as it comes', (nodes) => new Cluster(nodes)],
    ['with enableAutoPipelining', (nodes) => new Cluster(nodes, { enableAutoPipelining: true })],
    [
      'with enableAutoPipelining of ioredis 5.2.5 [F37]',
      (nodes) => new EarlierCluster(nodes, { enableAutoPipelining: true }) as unknown as Cluster,
    ],
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
