// Each module says at boot where its sessions are kept: a typo in the name of an environment variable silently means memory.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RefreshAuthModule, type RefreshAuthOptions } from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { wrapStore } from 'nestjs-refresh-auth/testing';
import { storePlace } from '../libs/refresh-auth/src/options/store-place.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { RedisConnection, type RedisClient } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { type RunningApp, startApp } from './support/apps.js';
import { SECRET } from './support/auth-app.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { watchOutFor } from './support/leak-watch.js';

const PASSWORD = watchOutFor('pa55-of-the-redis-of-this-test');
const ADMIN_SECRET = watchOutFor('Xo3kqzVtB7mWnR5yLd0cUeG1pSaJ8fHi');

let server: RedisServer;
let app: RunningApp | undefined;
beforeAll(async () => {
  server = await startRedis();
});
afterEach(() => app?.close());
afterAll(() => server.stop());

async function linesOf(...modules: RefreshAuthOptions[]): Promise<string[]> {
  const imports = modules.map((options, index) =>
    RefreshAuthModule.forRoot(
      index === 0
        ? { secret: SECRET, ...options }
        : { name: 'admin', secret: ADMIN_SECRET, delivery: { cookie: { name: '__Host-admin' } }, ...options },
    ),
  );
  app = await startApp('express', { imports });
  return app.logs.filter((line) => line.includes('Sessions are kept'));
}

test('in memory', async () => {
  expect(await linesOf({})).toEqual(['log Sessions are kept in memory RefreshAuthModule']);
});

test('in Redis, by its address and database, without user and password', async () => {
  const url = `redis://default:${PASSWORD}@127.0.0.1:${server.port}/3`;

  expect(await linesOf({ redis: url })).toEqual([
    `log Sessions are kept in Redis at 127.0.0.1:${server.port} (database 3) RefreshAuthModule`,
  ]);
});

test('in a Redis that is down, and for each module', async () => {
  expect(await linesOf({ redis: 'redis://127.0.0.1:1' }, {})).toEqual([
    'log Sessions are kept in Redis at 127.0.0.1:1 (database 0) RefreshAuthModule',
    "log Sessions are kept in memory RefreshAuthModule 'admin'",
  ]);
});

test('in a client of the application', async () => {
  const redis = new Redis({ port: server.port, host: '127.0.0.1', db: 1 });
  const lines = await linesOf({ redis });
  redis.disconnect();

  expect(lines).toEqual([`log Sessions are kept in Redis at 127.0.0.1:${server.port} (database 1) RefreshAuthModule`]);
});

test('in a store of the application', async () => {
  expect(await linesOf({ store: wrapStore(new InMemorySessionStore(), {}) })).toEqual([
    "log Sessions are kept in the application's own store RefreshAuthModule",
  ]);
});

test.each<[options: RedisClient['options'], isCluster: boolean, place: string]>([
  [
    { host: 'cache.example', port: 6380, tls: {}, db: 0 },
    false,
    'in Redis at cache.example:6380 over TLS (database 0)',
  ],
  [{ path: '/run/redis.sock', db: 2 }, false, 'in Redis at /run/redis.sock (database 2)'],
  [{ sentinels: [{}], name: 'main', db: 0 }, false, "in Redis by the sentinels of 'main' (database 0)"],
  [{}, true, 'in a Redis Cluster'],
])('%j', (options, isCluster, place) => {
  const client = { options, isCluster } as RedisClient;

  expect(storePlace(new RedisSessionStore(new RedisConnection(client), 'prefix'))).toBe(place);
});
