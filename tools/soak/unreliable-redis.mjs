// A Redis that is restarted, failed over, slowed and cut off: a master and its replica, behind one address.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

const HOST = '127.0.0.1';

async function startServer(port, folder) {
  const args = ['--bind', HOST, '--port', port, '--dir', folder, '--save', '', '--appendonly', 'yes'];
  // Each write is on disk before it is answered: a restart loses nothing, unless the folder goes too.
  const server = spawn('redis-server', [...args, '--appendfsync', 'always'].map(String), { stdio: 'ignore' });
  const client = new Redis({ host: HOST, port, retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await client.ping();
  return {
    port,
    folder,
    client,
    process: server,
    async kill() {
      client.disconnect();
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}

async function synchronize(replica, master) {
  await replica.client.replicaof(HOST, master.port);
  while (!(await replica.client.info('replication')).includes('master_link_status:up')) await delay(20);
}

/** @param random gives numbers from 0 to 1, and decides how long each disturbance lasts */
export async function startUnreliableRedis(random) {
  const root = mkdtempSync(join(tmpdir(), 'soak-'));
  const firstPort = 20_000 + Math.floor(Math.random() * 10_000);
  const folderOf = (port) => mkdtempSync(join(root, `${port}-`));
  let master = await startServer(firstPort, folderOf(firstPort));
  let replica = await startServer(firstPort + 1, folderOf(firstPort + 1));
  await synchronize(replica, master);

  const links = new Set();
  let slowness = 0;
  const proxy = createServer((client) => {
    const server = connect(master.port, HOST);
    links.add(client);
    client.on('data', (chunk) => server.write(chunk));
    let ready = Promise.resolve();
    server.on('data', (chunk) => {
      const wait = slowness * Math.random();
      if (wait > 0) ready = ready.then(() => delay(wait));
      ready = ready.then(() => client.write(chunk));
    });
    for (const [end, other] of [
      [client, server],
      [server, client],
    ]) {
      end.on('error', () => {});
      end.on('close', () => {
        other.destroy();
        links.delete(client);
      });
    }
  }).listen(0, HOST);
  await once(proxy, 'listening');
  const cut = () => links.forEach((link) => link.resetAndDestroy());

  async function restart(folder) {
    await master.kill();
    await delay(500 * random());
    master = await startServer(master.port, folder);
    await synchronize(replica, master);
  }

  return {
    url: `redis://${HOST}:${proxy.address().port}`,
    /** What may happen to it; `loses` data, or not. Each has ended when it is fulfilled. */
    disturbances: {
      'restart with its data': { loses: false, happen: () => restart(master.folder) },
      'restart without its data': { loses: true, happen: () => restart(folderOf(master.port)) },
      // Replication is asynchronous: the replica may lack the last writes.
      failover: {
        loses: true,
        async happen() {
          const { port } = master;
          await master.kill();
          await delay(500 * random());
          await replica.client.replicaof('NO', 'ONE');
          master = replica;
          cut();
          replica = await startServer(port, folderOf(port));
          await synchronize(replica, master);
        },
      },
      'stop and continue': {
        loses: false,
        async happen() {
          master.process.kill('SIGSTOP');
          await delay(3000 * random());
          master.process.kill('SIGCONT');
        },
      },
      slowness: {
        loses: false,
        async happen() {
          slowness = 1000 * random();
          await delay(3000 * random());
          slowness = 0;
        },
      },
      'all connections cut': { loses: false, happen: async () => cut() },
      'scripts forgotten': { loses: false, happen: () => master.client.script('FLUSH') },
    },
    /** Every key and its time to live, in milliseconds. */
    async keys() {
      const keys = await master.client.keys('*');
      return Promise.all(keys.map(async (key) => [key, await master.client.pttl(key)]));
    },
    async stop() {
      proxy.close();
      cut();
      await Promise.all([master.kill(), replica.kill()]);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
