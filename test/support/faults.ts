import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { MASTER_NAME, type RedisServer, startRedis, startRedisCluster, startRedisSentinel } from './redis-server.js';
import { startStubRedis } from './stub-redis.js';
import { type Replies, startTcpProxy } from '../../tools/support/tcp-proxy.mjs';

/** The servers and proxies of a fault, started and still working. */
export interface Stage<TRedis = RefreshAuthOptions['redis']> {
  readonly redis: TRedis;
  /** Resolves when the fault is in effect. It lasts until `end`. */
  begin(): Promise<void>;
  /** Idempotent. */
  end(): Promise<void>;
  close(): Promise<void>;
}

export interface Fault {
  /** As in `docs/failure-modes.md`. */
  readonly name: string;
  stage(): Promise<Stage>;
  /**
   * How soon a refreshable token is refused, if it is. `'bounded'`: the first ones after `storeTimeout`, because the store does not answer or
   * its client retries.
   */
  readonly soon?: 'at once' | 'bounded';
  /** The reason that the library receives, and reports in an event. */
  readonly heard?: RegExp;
  /** True if a stub gives the error, because no real server gives it on demand. */
  readonly isStub?: boolean;
  /** True if the fault is in effect before the application starts. */
  readonly atBoot?: boolean;
}

/** A server of its own, and a client that disturbs it. */
async function onServer(
  disturb: (admin: Redis, server: RedisServer) => Promise<{ begin(): unknown; end(): unknown }>,
  args: string[] = [],
  credentials = '',
): Promise<Stage<string>> {
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

/** A server that wants a password of everybody, from their next connection on. */
function withoutPassword(): Promise<Stage<string>> {
  return onServer(async (admin) => ({
    async begin() {
      await admin.config('SET', 'requirepass', 'new');
      for (const type of ['normal', 'pubsub']) await admin.call('CLIENT', 'KILL', 'TYPE', type);
    },
    end: () => admin.config('SET', 'requirepass', ''),
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

/** An error that no real server gives on demand, from a stub. Before and after it a real server answers. */
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

/** The errors of the library for a missing connection, and for a missing answer. */
const GONE = /no connection to Redis (at|by) .*: /;
const SILENT = /no answer within storeTimeout/;

const POLL_MS = 20;

export const FAULTS: Fault[] = [
  {
    name: 'down at boot',
    soon: 'at once',
    heard: GONE,
    atBoot: true,

    stage: () => onServer(async (_, server) => ({ begin: () => server.kill(), end: () => server.restart() })),
  },
  {
    name: 'killed',
    soon: 'at once',
    heard: GONE,

    stage: () => onServer(async (_, server) => ({ begin: () => server.kill(), end: () => server.restart() })),
  },
  {
    name: 'stopped (SIGSTOP) and continued',
    soon: 'bounded',
    heard: SILENT,

    stage: () => onServer(async (_, server) => ({ begin: () => server.pause(), end: () => server.resume() })),
  },
  { name: 'slower than storeTimeout', soon: 'bounded', heard: SILENT, stage: () => onNetwork('hold') },
  {
    name: 'half-open connection',
    soon: 'bounded',
    heard: SILENT,

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
  { name: 'connection lost with each reply', soon: 'bounded', heard: GONE, stage: () => onNetwork('cut') },
  { name: 'connection reset', soon: 'bounded', heard: GONE, stage: () => onNetwork('reset') },
  { name: 'out of memory (OOM)', soon: 'at once', heard: /^OOM /, stage: setting('maxmemory', '1', '0') },
  {
    name: 'read-only replica after a failover (READONLY)',
    soon: 'at once',
    // A read that hears it makes the library's client connect anew, and the next one may find it doing so.
    heard: /^READONLY |^no connection to Redis at /,
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
    soon: 'at once',
    heard: /^MASTERDOWN /,
    stage: () =>
      onServer(
        async (admin) => ({ begin: () => admin.replicaof('127.0.0.1', 1), end: () => admin.replicaof('NO', 'ONE') }),
        ['--replica-serve-stale-data', 'no'],
      ),
  },
  {
    name: 'too few replicas (NOREPLICAS)',
    soon: 'at once',
    heard: /^NOREPLICAS /,
    stage: setting('min-replicas-to-write', '1', '0'),
  },
  {
    name: 'password required at the next connection',
    soon: 'at once',
    heard: GONE,
    stage: withoutPassword,
  },
  {
    name: 'password required (NOAUTH)',
    soon: 'at once',
    heard: /^NOAUTH /,
    // A client that asks before it has looked whether it may: so the library hears what Redis says.
    async stage() {
      const { redis: url, ...stage } = await withoutPassword();
      const client = new Redis(url, { enableReadyCheck: false, retryStrategy: () => 20 });
      client.on('error', () => undefined);
      return {
        ...stage,
        redis: client,
        async close() {
          client.disconnect();
          await stage.close();
        },
      };
    },
  },
  {
    name: 'permissions taken away (NOPERM)',
    soon: 'at once',
    heard: /^NOPERM /,
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
    soon: 'at once',
    heard: /^BUSY /,
    stage: () =>
      onServer(
        async (admin, server) => ({
          async begin() {
            const other = adminOf(server.port);
            other.eval('while true do end', 0).catch(() => other.disconnect());
            while (!(await refuses(admin.ping(), 'BUSY')));
          },
          end: () => admin.script('KILL'),
        }),
        ['--busy-reply-threshold', '1'],
      ),
  },
  {
    name: 'scripts forgotten (SCRIPT FLUSH)',
    stage: () => onServer(async (admin) => ({ begin: () => admin.script('FLUSH'), end: () => undefined })),
  },
  {
    name: 'everything lost (FLUSHALL)',
    stage: () => onServer(async (admin) => ({ begin: () => admin.flushall(), end: () => undefined })),
  },
  {
    name: 'cluster without one of its masters (CLUSTERDOWN)',
    soon: 'bounded',
    heard: SILENT,

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
          await until(() => refuses(admins[0]!.eval('return 1', 1, 'any'), 'CLUSTERDOWN'));
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
    soon: 'at once',
    heard: GONE,

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
          await until(async () => (await sentinel.master()) === replica.port);
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
  {
    name: 'loading its data (LOADING)',
    soon: 'at once',
    heard: /^LOADING /,
    isStub: true,
    stage: () => onStub('LOADING Redis is loading the dataset in memory'),
  },
  {
    name: 'resharding (TRYAGAIN)',
    soon: 'at once',
    heard: /^TRYAGAIN /,
    isStub: true,
    stage: () => onStub('TRYAGAIN Multiple keys request during rehashing of slot'),
  },
  {
    name: 'slot elsewhere, and no cluster client (MOVED)',
    soon: 'at once',
    heard: /^MOVED /,
    isStub: true,
    stage: () => onStub('MOVED 3999 127.0.0.1:1'),
  },
  {
    name: 'no scripts at all',
    soon: 'at once',
    heard: /^ERR unknown command/,
    isStub: true,
    stage: () => onStub("ERR unknown command 'EVALSHA', with args beginning with: 'x'"),
  },
  {
    name: 'an answer that the scripts do not give',
    soon: 'at once',
    heard: /^Redis gave an answer that/,
    isStub: true,
    stage: () => onStub(undefined),
  },
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

/** Polls with pauses, which leave the processor to what it waits for. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(POLL_MS);
}

function untilInfo(admin: Redis, line: string): Promise<void> {
  return until(async () => (await admin.info('replication')).includes(line));
}

function untilCluster(admin: Redis, state: string): Promise<void> {
  return until(async () => String(await admin.call('CLUSTER', 'INFO')).includes(state));
}

async function refuses(command: Promise<unknown>, error: string): Promise<boolean> {
  return command.then(
    () => false,
    (reason: Error) => reason.message.startsWith(error),
  );
}
