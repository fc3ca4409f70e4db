import { randomUUID } from 'node:crypto';
import { type Cluster, Redis } from 'ioredis';
import { type StoresUnderTest, wrapStore } from 'nestjs-refresh-auth/testing';
import { connectRedis } from '../../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { TestClock } from './clock.js';

const PROCESSES = 4;

/** A connection for each process that shares the sessions. */
export async function openRedisStores(connect: () => Redis | Cluster, ports: number[]): Promise<StoresUnderTest> {
  const clients = Array.from({ length: PROCESSES }, connect);
  const admins = ports.map((port) => new Redis(port));
  const clock = new TestClock();
  // Each has a log of its own, and ages what it has written itself.
  const keyPrefix = `refresh-auth:${randomUUID()}`;
  const listening = new Set<() => Promise<void>>();
  const [store, ...others] = await Promise.all(
    clients.map(async (client) => {
      const own = new RedisSessionStore(await connectRedis(client), keyPrefix, clock);
      return wrapStore(own, {
        onRevocation(...listeners) {
          const stop = own.onRevocation(...listeners);
          listening.add(stop);
          return stop;
        },
      });
    }),
  );
  if (!store) throw new Error('No store was opened');
  return {
    stores: [store, ...others],
    clock,
    async pass(milliseconds) {
      clock.advance(milliseconds);
      await Promise.all(admins.map((admin) => age(admin, keyPrefix, milliseconds)));
    },
    async close() {
      // A check that failed may have left its listeners behind.
      await Promise.all(Array.from(listening, (stop) => stop()));
      [...clients, ...admins].forEach((client) => client.disconnect());
    },
  };
}

/** Redis has a clock of its own: what would be left after that time is what is left now. */
async function age(admin: Redis, keyPrefix: string, milliseconds: number): Promise<void> {
  const keys = await admin.keys(`*${keyPrefix}:*`);
  await Promise.all(
    keys.map(async (key) => {
      const left = await admin.pttl(key);
      if (left >= 0) await admin.pexpire(key, left - milliseconds);
    }),
  );
}
