// The Redis servers and clusters of the tests.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './redis-server.js';

describe('startRedis', () => {
  const servers: RedisServer[] = [];
  const clients: Redis[] = [];

  async function start(args?: string[]): Promise<{ server: RedisServer; client: Redis }> {
    const server = await startRedis(args && { args });
    const client = new Redis(server.url, { retryStrategy: () => 20 });
    client.on('error', () => undefined);
    servers.push(server);
    clients.push(client);
    return { server, client };
  }

  afterEach(async () => {
    clients.splice(0).forEach((client) => client.disconnect());
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test('starts several servers side by side, each with a port and data of its own', async () => {
    const started = await Promise.all(Array.from({ length: 4 }, () => start()));

    await Promise.all(started.map(({ client }, index) => client.set('who', index)));

    expect(await Promise.all(started.map(({ client }) => client.get('who')))).toEqual(['0', '1', '2', '3']);
  });

  test('hands arguments on to the server', async () => {
    const { client } = await start(['--maxmemory', '4mb', '--maxmemory-policy', 'volatile-lru']);

    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'volatile-lru']);
  });

  test('answers nothing while paused, and everything after that', async () => {
    const [paused, other] = await Promise.all([start(), start()]);
    await Promise.all([paused.client.ping(), other.client.ping()]);

    paused.server.pause();
    const answer = paused.client.ping('late');
    expect(await Promise.race([answer, other.client.ping('meanwhile')])).toBe('meanwhile');

    paused.server.resume();
    expect(await answer).toBe('late');
  });

  test('comes back on the same port without its data', async () => {
    const { server, client } = await start();
    await client.set('key', 'value');

    await server.restart();

    expect(await client.get('key')).toBeNull();
  });

  test('refuses connections after a crash', async () => {
    const { server } = await start();
    await server.kill();

    const late = new Redis(server.url, { lazyConnect: true, retryStrategy: () => null });
    late.on('error', () => undefined);

    await expect(late.connect()).rejects.toThrow('Connection is closed');
    expect(server.process.child.signalCode).toBe('SIGKILL');
  });

  test('removes its folder when it is stopped', async () => {
    const { server, client } = await start();
    const [, directory] = (await client.config('GET', 'dir')) as [string, string];
    expect(existsSync(directory)).toBe(true);

    await server.stop();

    expect(existsSync(directory)).toBe(false);
  });

  test('shows what the server said when it cannot start', async () => {
    await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(
      /ended too early[^]*FATAL CONFIG FILE ERROR/,
    );
  });
});

describe('startRedisCluster', () => {
  let cluster: RedisCluster;
  let client: Cluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster(cluster.nodes);
  });

  afterAll(async () => {
    client.disconnect();
    await cluster.stop();
  });

  test('serves every slot', async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);

    await Promise.all(keys.map((key) => client.set(key, key)));

    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
  });

  test('refuses a script whose keys lie in two slots', async () => {
    await expect(client.eval('return 1', 2, 'a', 'b')).rejects.toThrow('CROSSSLOT');
  });
});
