import { Cluster, Redis } from 'ioredis';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { MASTER_NAME, type RedisServer, startRedis, startRedisCluster, startRedisSentinel } from './redis-server.js';
import { startStubRedis } from './stub-redis.js';
import { type Replies, startTcpProxy } from './tcp-proxy.js';

/** Everything that a fault needs, set up and not yet disturbed. */
export interface Stage {
  readonly redis: RefreshAuthOptions['redis'];
  /** Fulfilled when the fault stands. It has no end of its own. */
  begin(): Promise<void>;
  /** Idempotent. */
  end(): Promise<void>;
  close(): Promise<void>;
}

export interface Fault {
  /** As in `docs/failure-modes.md`. */
  readonly name: string;
  stage(): Promise<Stage>;
  /** Where the store is silent each of the first requests waits that long. */
  readonly storeTimeout?: string | number;
  /** It stands before the application starts. */
  readonly atBoot?: boolean;
  /** Refreshable tokens are renewed all the same. */
  readonly passes?: boolean;
}

/** For a store that is silent, and everything that is as slow. */
const SHORT = 200;

/** A server of its own, and a client that disturbs it. */
async function onServer(
  disturb: (admin: Redis, server: RedisServer) => Promise<{ begin(): unknown; end(): unknown }>,
  args: string[] = [],
  credentials = '',
): Promise<Stage> {
  const server = await startRedis({ args });
  const admin = adminOf(server.port);
  const { begin, end } = await disturb(admin, server);
  return {
    redis: server.url.replace('redis://', `redis://${credentials}`),
    async begin() {
      await begin();
    },
    end: endOnce(end),
    async close() {
      admin.disconnect();
      await server.stop();
    },
  };
}

/** Two settings of the server: that of the fault, and that of before. */
function setting(name: string, faulty: string, healthy: string): () => Promise<Stage> {
  return () =>
    onServer(async (admin) => ({
      begin: () => admin.config('SET', name, faulty),
      end: () => admin.config('SET', name, healthy),
    }));
}

/** A server behind a network that loses replies. */
async function onNetwork(replies: Replies): Promise<Stage> {
  const server = await startRedis();
  const proxy = await startTcpProxy(server.port);
  return {
    redis: proxy.url,
    async begin() {
      proxy.replies = replies;
    },
    end: endOnce(() => (proxy.replies = 'pass')),
    async close() {
      await proxy.close();
      await server.stop();
    },
  };
}

/** An error that no server gives when a test wants it, before and after which a real one answers. */
async function onStub(reply: string | undefined): Promise<Stage> {
  const [server, stub] = [await startRedis(), await startStubRedis(reply)];
  const proxy = await startTcpProxy(server.port);
  return {
    redis: proxy.url,
    async begin() {
      proxy.redirect(stub.port);
      // The application is there, and its last connection to the real one gone.
      await stub.asked();
    },
    end: endOnce(() => proxy.redirect(server.port)),
    async close() {
      await proxy.close();
      await Promise.all([stub.close(), server.stop()]);
    },
  };
}

export const FAULTS: Fault[] = [
  {
    name: 'down at boot',
    atBoot: true,
    storeTimeout: SHORT,
    stage: () => onServer(async (_, server) => ({ begin: () => server.kill(), end: () => server.restart() })),
  },
  {
    name: 'killed',
    storeTimeout: SHORT,
    stage: () => onServer(async (_, server) => ({ begin: () => server.kill(), end: () => server.restart() })),
  },
  {
    name: 'stopped (SIGSTOP) and continued',
    storeTimeout: SHORT,
    stage: () => onServer(async (_, server) => ({ begin: () => server.pause(), end: () => server.resume() })),
  },
  { name: 'slower than storeTimeout', storeTimeout: SHORT, stage: () => onNetwork('hold') },
  {
    name: 'half-open connection',
    storeTimeout: SHORT,
    async stage() {
      const server = await startRedis();
      const proxy = await startTcpProxy(server.port);
      return {
        redis: proxy.url,
        async begin() {
          proxy.vanish();
          // Nobody answers there, so that the new connection comes when the test wants it.
          proxy.redirect(1);
        },
        end: endOnce(() => proxy.redirect(server.port)),
        async close() {
          await proxy.close();
          await server.stop();
        },
      };
    },
  },
  { name: 'reply lost after the write was applied', storeTimeout: SHORT, stage: () => onNetwork('cut') },
  { name: 'connection reset', storeTimeout: SHORT, stage: () => onNetwork('reset') },
  { name: 'out of memory (OOM)', stage: setting('maxmemory', '1', '0') },
  {
    name: 'read-only replica after a failover (READONLY)',
    async stage() {
      const old = await startRedis();
      const promoted = await startRedis({ args: ['--replicaof', '127.0.0.1', String(old.port)] });
      const [oldAdmin, newAdmin] = [adminOf(old.port), adminOf(promoted.port)];
      await untilInfo(newAdmin, 'master_link_status:up');
      const proxy = await startTcpProxy(old.port);
      return {
        redis: proxy.url,
        async begin() {
          await newAdmin.replicaof('NO', 'ONE');
          await oldAdmin.replicaof('127.0.0.1', promoted.port);
          await untilInfo(oldAdmin, 'master_link_status:up');
        },
        end: endOnce(() => proxy.leadTo(promoted.port)),
        async close() {
          [oldAdmin, newAdmin].forEach((admin) => admin.disconnect());
          await proxy.close();
          await Promise.all([old.stop(), promoted.stop()]);
        },
      };
    },
  },
  {
    name: 'replica without its master (MASTERDOWN)',
    stage: () =>
      onServer(
        async (admin) => ({ begin: () => admin.replicaof('127.0.0.1', 1), end: () => admin.replicaof('NO', 'ONE') }),
        ['--replica-serve-stale-data', 'no'],
      ),
  },
  { name: 'too few replicas (NOREPLICAS)', stage: setting('min-replicas-to-write', '1', '0') },
  {
    name: 'password required (NOAUTH)',
    storeTimeout: SHORT,
    stage: () =>
      onServer(async (admin) => ({
        async begin() {
          await admin.config('SET', 'requirepass', 'new');
          for (const type of ['normal', 'pubsub']) await admin.call('CLIENT', 'KILL', 'TYPE', type);
        },
        end: () => admin.config('SET', 'requirepass', ''),
      })),
  },
  {
    name: 'permissions taken away (NOPERM)',
    stage: () =>
      onServer(
        async (admin) => {
          await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
          return {
            begin: () => admin.call('ACL', 'SETUSER', 'app', '-@scripting'),
            end: () => admin.call('ACL', 'SETUSER', 'app', '+@all'),
          };
        },
        [],
        'app:secret@',
      ),
  },
  {
    name: 'busy with a script (BUSY)',
    stage: () =>
      onServer(
        async (admin, server) => ({
          async begin() {
            const other = adminOf(server.port);
            other.eval('while true do end', 0).catch(() => other.disconnect());
            while (!(await refuses(admin, 'BUSY')));
          },
          end: () => admin.script('KILL'),
        }),
        ['--busy-reply-threshold', '1'],
      ),
  },
  {
    name: 'scripts forgotten (SCRIPT FLUSH)',
    passes: true,
    stage: () => onServer(async (admin) => ({ begin: () => admin.script('FLUSH'), end: () => undefined })),
  },
  {
    name: 'everything lost (FLUSHALL)',
    passes: true,
    stage: () => onServer(async (admin) => ({ begin: () => admin.flushall(), end: () => undefined })),
  },
  {
    name: 'cluster without one of its masters (CLUSTERDOWN)',
    storeTimeout: SHORT,
    async stage() {
      const cluster = await startRedisCluster({ args: ['--cluster-node-timeout', '1000'] });
      const client = new Cluster(cluster.nodes);
      client.on('error', () => undefined);
      const [lost, ...others] = cluster.servers;
      const admins = others.map(({ port }) => adminOf(port));
      const untilState = (state: string) => Promise.all(admins.map((admin) => untilCluster(admin, state)));
      return {
        redis: client,
        async begin() {
          await lost!.kill();
          await untilState('cluster_state:fail');
        },
        end: endOnce(async () => {
          await lost!.restart();
          await untilState('cluster_state:ok');
        }),
        async close() {
          admins.forEach((admin) => admin.disconnect());
          client.disconnect();
          await cluster.stop();
        },
      };
    },
  },
  {
    name: 'Sentinel failover',
    storeTimeout: SHORT,
    async stage() {
      const master = await startRedis();
      const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
      const admin = adminOf(replica.port);
      await untilInfo(admin, 'master_link_status:up');
      const sentinel = await startRedisSentinel(master);
      return {
        redis: { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: MASTER_NAME },
        begin: () => master.kill(),
        end: endOnce(async () => {
          while ((await sentinel.master()) !== replica.port);
          await untilInfo(admin, 'role:master');
        }),
        async close() {
          admin.disconnect();
          await sentinel.stop();
          await Promise.all([master.stop(), replica.stop()]);
        },
      };
    },
  },
  { name: 'loading its data (LOADING)', stage: () => onStub('LOADING Redis is loading the dataset in memory') },
  { name: 'resharding (TRYAGAIN)', stage: () => onStub('TRYAGAIN Multiple keys request during rehashing of slot') },
  { name: 'slot elsewhere, and no cluster client (MOVED)', stage: () => onStub('MOVED 3999 127.0.0.1:1') },
  { name: 'no scripts at all', stage: () => onStub("ERR unknown command 'EVALSHA', with args beginning with: 'x'") },
  { name: 'an answer that the scripts do not give', stage: () => onStub(undefined) },
];

function adminOf(port: number): Redis {
  const admin = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 20 });
  admin.on('error', () => undefined);
  return admin;
}

function endOnce(end: () => unknown): () => Promise<void> {
  let hasEnded = false;
  return async () => {
    if (hasEnded) return;
    hasEnded = true;
    await end();
  };
}

async function untilInfo(admin: Redis, line: string): Promise<void> {
  while (!(await admin.info('replication')).includes(line));
}

async function untilCluster(admin: Redis, state: string): Promise<void> {
  while (!String(await admin.call('CLUSTER', 'INFO')).includes(state));
}

async function refuses(admin: Redis, error: string): Promise<boolean> {
  return admin.ping().then(
    () => false,
    (reason: Error) => reason.message.startsWith(error),
  );
}
