// A Redis that is restarted, failed over, slowed and cut off: a master and its replica, behind one address.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { HOST, startRedis } from '../support/redis-server.mjs';
import { startTcpProxy } from '../support/tcp-proxy.mjs';

/** Each write is on disk before it is answered: a restart loses nothing, unless the data goes too. */
const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'always'];

async function startServer() {
  const server = await startRedis({ program: ensureRedis(), args: PERSISTENT });
  const client = new Redis(server.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => {});
  return { server, client };
}

async function stopServer({ server, client }) {
  client.disconnect();
  await server.stop();
}

function removeData({ server: { directory } }) {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}

async function synchronize(replica, master) {
  await replica.client.replicaof(HOST, master.server.port);
  while (!(await replica.client.info('replication')).includes('master_link_status:up')) await delay(20);
}

/** @param random gives numbers from 0 to 1, and decides how long each disturbance lasts */
export async function startUnreliableRedis(random) {
  let master = await startServer();
  let replica = await startServer();
  await synchronize(replica, master);
  const proxy = await startTcpProxy(master.server.port);

  async function crash() {
    await master.server.kill();
    await delay(500 * random());
  }

  async function recover(crashed) {
    await crashed.server.restart();
    await synchronize(replica, master);
  }

  return {
    url: proxy.url,
    /** The faults that may happen to it. Some lose data (`loses`). Each is over when its promise resolves. */
    disturbances: {
      'restart with its data': {
        loses: false,
        async happen() {
          await crash();
          await recover(master);
        },
      },
      'restart without its data': {
        loses: true,
        async happen() {
          await crash();
          removeData(master);
          await recover(master);
        },
      },
      // Replication is asynchronous: the replica may lack the last writes.
      failover: {
        loses: true,
        async happen() {
          await crash();
          await replica.client.replicaof('NO', 'ONE');
          [master, replica] = [replica, master];
          proxy.leadTo(master.server.port);
          proxy.reset();
          removeData(replica);
          await recover(replica);
        },
      },
      'stop and continue': {
        loses: false,
        async happen() {
          master.server.pause();
          await delay(3000 * random());
          master.server.resume();
        },
      },
      slowness: {
        loses: false,
        async happen() {
          const longest = 1000 * random();
          proxy.latency = () => longest * Math.random();
          await delay(3000 * random());
          proxy.latency = () => 0;
        },
      },
      'all connections cut': { loses: false, happen: async () => proxy.reset() },
      'scripts forgotten': { loses: false, happen: () => master.client.script('FLUSH') },
    },
    /** Every key and its time to live, in milliseconds. */
    async keys() {
      const keys = await master.client.keys('*');
      return Promise.all(keys.map(async (key) => [key, await master.client.pttl(key)]));
    },
    async stop() {
      await proxy.close();
      await Promise.all([stopServer(master), stopServer(replica)]);
    },
  };
}
