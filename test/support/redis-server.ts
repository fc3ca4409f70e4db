import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  HOST,
  onFreePort,
  redisProgram,
  type RedisServer,
  startRedis as launchRedis,
} from '../../tools/support/redis-server.mjs';
import { inspectionOf, startProcess } from './child-process.js';
import { holdsSecrets } from './leak-watch.js';

const SLOTS = 16_384;
const CLUSTER_LIMIT_MS = 20_000;

export type { RedisServer };

export interface RedisCluster {
  readonly nodes: { host: string; port: number }[];
  /** In the order of `nodes`. */
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

export interface RedisSentinel {
  readonly port: number;
  /** The port of the server that the sentinel takes for the master. */
  master(): Promise<number>;
  stop(): Promise<void>;
}

/** The name under which a sentinel knows its master. */
export const MASTER_NAME = 'tests';

/**
 * Starts a Redis server of the test's own, because mocks do not run Lua, hang, evict or fail over. `stop()` fails if there was a token or a
 * secret in it.
 */
export async function startRedis({ args = [] }: { args?: string[] } = {}): Promise<RedisServer> {
  const server = await launchRedis({ args, onOutput: inspectionOf('Redis') });
  const { stop } = server;
  server.stop = async () => {
    const leaking = await keysWithSecrets(server.port);
    await stop();
    if (leaking.length > 0) throw new Error(`[G1] In Redis there was a token or a secret: ${leaking.join(', ')}`);
  };
  return server;
}

/** Three masters that share the slots, because only a real cluster refuses a script whose keys lie in two slots. */
export async function startRedisCluster({ args = [] }: { args?: string[] } = {}): Promise<RedisCluster> {
  const starts = Array.from({ length: 3 }, () => startRedis({ args: ['--cluster-enabled', 'yes', ...args] }));
  const started = await Promise.allSettled(starts);
  const servers = started.flatMap((start) => (start.status === 'fulfilled' ? start.value : []));
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };

  try {
    await Promise.all(starts);
    await formCluster(servers.map(({ port }) => port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: servers.map(({ port }) => ({ host: HOST, port })), servers, stop };
}

/** One sentinel, which alone decides that its master is down, and soon. */
export async function startRedisSentinel(master: RedisServer): Promise<RedisSentinel> {
  const directory = await mkdtemp(join(tmpdir(), 'sentinel-'));
  const config = join(directory, 'sentinel.conf');
  await writeFile(
    config,
    [
      `sentinel monitor ${MASTER_NAME} ${HOST} ${master.port} 1`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
      `sentinel failover-timeout ${MASTER_NAME} 3000`,
    ].join('\n'),
  );
  const { port, started } = await onFreePort((candidate) =>
    startProcess(
      redisProgram(),
      [config, '--sentinel', '--bind', HOST, '--port', String(candidate), '--dir', directory],
      {
        ready: /\+monitor master/,
      },
    ),
  );
  const client = new Redis({ host: HOST, port });
  return {
    port,
    async master() {
      const [, found] = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)) as [string, string];
      return Number(found);
    },
    async stop() {
      client.disconnect();
      await started.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Returns the keys that hold secrets; none if the server is gone, hangs, or accepts no client. */
async function keysWithSecrets(port: number): Promise<string[]> {
  const client = new Redis({ host: HOST, port, lazyConnect: true, commandTimeout: 2000, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const keys = await client.keys('*');
    const leaking: string[] = [];
    // There may be 100,000 keys, and an answer has to come in time.
    while (keys.length > 0) {
      const some = keys.splice(0, 1000);
      const contents = await contentsOf(client, some);
      leaking.push(...some.filter((key, index) => holdsSecrets(`${key} ${contents[index]}`)));
    }
    return leaking;
  } catch {
    return [];
  } finally {
    client.disconnect();
  }
}

/** Returns the contents of many keys, most of which are strings: one command reads all of these. A node of a cluster refuses it. */
async function contentsOf(client: Redis, keys: readonly string[]): Promise<string[]> {
  const strings = await client.mgetBuffer(...keys).catch(() => []);
  return Promise.all(keys.map(async (key, index) => String(strings[index] ?? (await contentOf(client, key)))));
}

/** Returns the content of a key of any type that the library writes. A dump would be compressed. */
export async function contentOf(client: Redis, key: string): Promise<string> {
  const type = await client.type(key);
  if (type === 'string') return String(await client.getBuffer(key));
  if (type === 'zset') return String(await client.zrange(key, '0', '-1', 'WITHSCORES'));
  return type === 'hash' ? JSON.stringify(await client.hgetall(key)) : type;
}

async function formCluster(ports: number[]): Promise<void> {
  const clients = ports.map((port) => new Redis({ host: HOST, port }));
  const share = Math.ceil(SLOTS / clients.length);
  try {
    await Promise.all(
      clients.map(async (client, index) => {
        const lastSlot = Math.min((index + 1) * share, SLOTS) - 1;
        await client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, lastSlot);
        await Promise.all(ports.map((port) => client.call('CLUSTER', 'MEET', HOST, port)));
      }),
    );
    const signal = AbortSignal.timeout(CLUSTER_LIMIT_MS);
    await Promise.all(clients.map((client) => untilClusterIsOk(client, signal)));
  } finally {
    clients.forEach((client) => client.disconnect());
  }
}

async function untilClusterIsOk(client: Redis, signal: AbortSignal): Promise<void> {
  let info = '';
  while (!info.includes('cluster_state:ok')) {
    if (signal.aborted) {
      throw new Error(`The Redis cluster was not ready within ${CLUSTER_LIMIT_MS} ms:\n${info}`);
    }
    await delay(50);
    info = String(await client.call('CLUSTER', 'INFO'));
  }
}
