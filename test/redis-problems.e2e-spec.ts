// A Redis that cannot be used: the log says why, with host and port. A wrong option `redis` does not boot.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import { Redis as Redis5, type RedisOptions as Redis5Options } from 'ioredis-5';
import { createClient } from 'redis';
import { generate } from 'selfsigned';
import { ConnectionProblem } from '../libs/refresh-auth/src/store/redis/connection-problem.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import type { IOREDIS_OPTIONS, RedisOption } from '../libs/refresh-auth/src/store/redis/redis-option.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { watchOutFor } from './support/leak-watch.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { optionsErrorOf } from './support/refusals.js';
import { checkRedisOption } from '../libs/refresh-auth/src/store/redis/redis-option.js';

const PASSWORD = watchOutFor('S8wq2JtxmE5pVbR0nKcYdZ7u');
const WRONG = watchOutFor('Jm41xLqT9vYcAeWbHs6Kd0Pf');

let server: RedisServer;
let admin: Redis;
let secured: Server;
const sockets = new Set<{ destroy(): unknown }>();
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port);
  await admin.config('SET', 'requirepass', PASSWORD);
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }]);
  secured = createServer({ cert, key }, (socket) => {
    const upstream = connect(server.port, '127.0.0.1');
    sockets.add(socket).add(upstream);
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  secured.listen(0, '127.0.0.1');
  await once(secured, 'listening');
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  secured.close();
  // The server is searched for secrets when it stops.
  await admin.config('SET', 'requirepass', '');
  admin.disconnect();
  await server.stop();
});

/** By default ioredis keeps a timer after it was closed. */
const at = () => ({ host: '127.0.0.1', port: server.port, disconnectTimeout: 0 });
const securedPort = (): number => (secured.address() as AddressInfo).port;

const ignore = (): void => undefined;

/** Not `once` of node:events, which an error of the client would reject. */
const next = (client: Pick<Redis, 'once'>, event: 'close' | 'reconnecting'): Promise<void> =>
  new Promise((resolve) => void client.once(event, () => resolve()));

/** Returns what the store's operations fail with. */
async function reasonOf(redis: RedisOption): Promise<string> {
  const store = new RedisSessionStore(await connectRedis(redis), 'refresh-auth');
  closing.push(() => store.close());
  const reason = await store.userCutoff('1').then(
    () => new Error('It works'),
    (error: unknown) => error as Error,
  );
  return reason.message.replaceAll(String(server.port), 'PORT').replaceAll(String(securedPort()), 'TLS_PORT');
}

describe('[F72] the reason for which Redis cannot be used', () => {
  test.each<[what: string, redis: () => RedisOption, reason: RegExp]>([
    [
      'a port on which nobody listens',
      () => 'redis://127.0.0.1:1',
      /^no connection to Redis at 127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1$/,
    ],
    ['an address of IPv6', () => ({ host: '::1', port: 1 }), /^no connection to Redis at \[::1\]:1: connect E\w+ /],
    [
      'a host that does not exist',
      () => 'redis://no-such-host.invalid:6379',
      /^no connection to Redis at no-such-host\.invalid:6379: getaddrinfo \w+ no-such-host\.invalid$/,
    ],
    [
      'a password that is missing',
      () => `redis://127.0.0.1:${server.port}`,
      /^no connection to Redis at 127\.0\.0\.1:PORT: NOAUTH .*\. Write redis: 'redis:\/\/:password@host:6379'$/,
    ],
    [
      'a wrong password',
      () => `redis://:${WRONG}@127.0.0.1:${server.port}`,
      /^no connection to Redis at 127\.0\.0\.1:PORT: WRONGPASS /,
    ],
    [
      'a wrong user',
      () => ({ ...at(), username: 'nobody', password: PASSWORD }),
      /^no connection to Redis at 127\.0\.0\.1:PORT: WRONGPASS /,
    ],
    [
      'TLS for a port without it',
      () => ({ ...at(), password: PASSWORD, tls: {}, connectTimeout: 300 }),
      /^no connection to Redis at 127\.0\.0\.1:PORT over TLS: connect ETIMEDOUT$/,
    ],
    [
      'no TLS for a port that expects it',
      () => `redis://:${PASSWORD}@127.0.0.1:${securedPort()}`,
      /^no connection to Redis at 127\.0\.0\.1:TLS_PORT: it closed the connection without an answer, as a port does that expects TLS \(rediss:\/\/\)$/,
    ],
    [
      'a certificate that nobody trusts',
      () => `rediss://:${PASSWORD}@127.0.0.1:${securedPort()}`,
      /^no connection to Redis at 127\.0\.0\.1:TLS_PORT over TLS: self-signed certificate$/,
    ],
    [
      'a socket that does not exist',
      () => ({ path: '/nowhere/redis.sock' }),
      /^no connection to Redis at \/nowhere\/redis\.sock: connect ENOENT /,
    ],
    [
      'sentinels that cannot be reached',
      () => ({ name: 'primary', sentinels: [{ host: '127.0.0.1', port: 1 }] }),
      /^no connection to Redis by the sentinels of 'primary': failed to connect to sentinel 127\.0\.0\.1:1 because /,
    ],
    [
      'sentinels that are none',
      () => ({ name: 'primary', sentinels: [at()], sentinelPassword: PASSWORD }),
      /^no connection to Redis by the sentinels of 'primary': failed to connect to sentinel 127\.0\.0\.1:PORT because ERR unknown command 'sentinel'$/,
    ],
  ])('%s', async (_, redis, reason) => {
    expect(await reasonOf(redis())).toMatch(reason);
  });

  test('is named for a client of the application too, once the subscriber has found it out', async () => {
    const client = new Redis({ ...at(), password: WRONG, enableOfflineQueue: false, retryStrategy: () => 1 });
    client.on('error', () => undefined);
    closing.push(() => client.disconnect());
    const store = new RedisSessionStore(await connectRedis(client), 'refresh-auth');
    closing.push(store.onRevocation(() => undefined));

    let reason = '';
    while (!reason.includes('WRONGPASS')) {
      await next(client, 'close');
      reason = await store.userCutoff('1').then(
        () => 'It works',
        (error: Error) => error.message,
      );
    }
    expect(reason).toBe(
      `no connection to Redis at 127.0.0.1:${server.port}: WRONGPASS invalid username-password pair or user is disabled.`,
    );
  });

  test('shows no password that the application gave its own client as a part of the host', async () => {
    const client = new Redis({ host: `user:${WRONG}@no-such-host.invalid`, retryStrategy: null, disconnectTimeout: 0 });
    closing.push(() => client.disconnect());
    client.on('error', () => undefined);
    const problem = new ConnectionProblem(client);
    await next(client, 'close');

    expect((problem.explain(new Error('Connection is closed.')) as Error).message).toMatch(
      /^no connection to Redis at no-such-host\.invalid:6379: getaddrinfo \w+ no-such-host\.invalid$/,
    );
  });

  test('shows no password that Redis repeats, as it does with the arguments of an unknown command', async () => {
    const without = await startRedis({ args: ['HELLO', 'AUTH'].flatMap((name) => ['--rename-command', name, '']) });
    const redis = `redis://:${WRONG}@127.0.0.1:${without.port}`;
    const store = new RedisSessionStore(await connectRedis(redis), 'refresh-auth');
    closing.push(
      () => store.close(),
      () => without.stop(),
    );

    await expect(store.userCutoff('1')).rejects.toThrow(
      new RegExp(`^no connection to Redis at 127\\.0\\.0\\.1:${without.port}: ERR unknown command 'auth'$`),
    );
  });

  test('does not hide an error that Redis has answered on the client of the application', async () => {
    const client = new Redis({ ...at(), password: PASSWORD, retryStrategy: () => 1 });
    closing.push(() => client.disconnect());
    await client.ping();
    const connection = await connectRedis(client);
    client.options.password = WRONG;
    const subscriber = connection.subscribe('channel', ignore, ignore) as Redis;
    closing.push(() => subscriber.disconnect());
    await next(subscriber, 'close');

    const script = { source: "return redis.error_reply('ERR own')", sha1: '0'.repeat(40) };
    await expect(connection.run(script, [], [])).rejects.toThrow(/^ERR own/);
  });

  test('is that of the last attempt, and no error of a single command', async () => {
    const client = new Redis({ ...at(), password: WRONG, retryStrategy: () => 1 });
    closing.push(() => client.disconnect());
    const problem = new ConnectionProblem(client);
    const lost = new Error('Connection is closed.');
    const reason = () => (problem.explain(lost) as Error).message;

    await next(client, 'close');
    client.emit('error', lost);
    expect(reason()).toMatch(/: WRONGPASS /);

    client.options.port = securedPort();
    await next(client, 'close');
    await next(client, 'close');
    expect(reason()).toMatch(/: it closed the connection without an answer/);

    Object.assign(client.options, { port: server.port, password: PASSWORD });
    await new Promise<void>((resolve) => void client.once('ready', () => resolve()));
    client.emit('error', new Error('of one command'));
    expect(problem.explain(new Error('Command timed out'))).toEqual(new Error('Command timed out'));
    client.disconnect();
    await next(client, 'close');
    expect(reason()).toMatch(/: the connection is closed$/);
  });

  test('stands in the log at boot, with the name of the module', async () => {
    const apps: AuthApp[] = [];
    closing.push(() => Promise.all(apps.map((app) => app.close())));
    const app = await startAuthApp('express', { options: { redis: 'redis://127.0.0.1:1' } });
    apps.push(app);

    expect(app.logs).toContainEqual(
      'warn The session store failed: no connection to Redis at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1 RefreshAuthModule',
    );
  });

  test.each([
    ['ioredis 6', Redis],
    ['ioredis 5', Redis5 as unknown as typeof Redis],
  ])('is known with %s, again after each attempt, and forgotten when it is ready', async (_, Client) => {
    const client = new Client({ ...at(), password: WRONG, retryStrategy: () => 1 });
    closing.push(() => client.disconnect());
    const problem = new ConnectionProblem(client);
    const error = new Error("Stream isn't writeable and enableOfflineQueue options is false");
    const reason = () => (problem.explain(error) as Error).message;

    await next(client, 'close');
    expect(reason()).toMatch(/: WRONGPASS /);
    await next(client, 'reconnecting');
    await next(client, 'close');
    expect(reason()).toMatch(/: WRONGPASS /);

    client.options.password = PASSWORD;
    client.disconnect();
    await client.connect();
    expect(problem.explain(new Error('Command timed out'))).toEqual(new Error('Command timed out'));
    client.disconnect();
    await next(client, 'close');
    expect(reason()).toMatch(/: the connection is closed$/);
  });
});

describe('[F73] the option redis', () => {
  const REMEDY =
    "Write a URL such as 'redis://localhost:6379', options of ioredis, or a Redis or Cluster instance of ioredis. Leave it out to keep sessions in memory.";
  const LEAVE_OUT =
    'Leave it out, or write options of ioredis, such as host, port, username, password, db and tls. If your ioredis is newer and knows it, write a client: redis: new Redis({ … }).';
  const ENCODE =
    "is not a complete URL. Write 'redis://user:password@host:6379', and write user name and password as encodeURIComponent() returns them.";

  test.each<[redis: unknown, option: string, says: string]>([
    [
      { url: 'redis://localhost' },
      'redis.url',
      "is not an option of ioredis. Write the URL itself: redis: 'redis://localhost:6379'.",
    ],
    [
      { socket: { host: 'localhost' } },
      'redis.socket',
      'is not an option of ioredis. Write host, port and tls without it: redis: { host, port, tls: {} }.',
    ],
    [{ host: 'redis', database: 2 }, 'redis.database', 'is not an option of ioredis. Write `db`.'],
    [{ hostname: 'redis' }, 'redis.hostname', `is not an option of ioredis. ${LEAVE_OUT}`],
    [{ toString: 1 }, 'redis.toString', `is not an option of ioredis. ${LEAVE_OUT}`],
    [
      { host: `redis://:${WRONG}@localhost:6379` },
      'redis.host',
      "is a URL or part of one. Write the name of the host alone, or the URL itself: redis: 'redis://localhost:6379'.",
    ],
    [
      { host: `user:${WRONG}@localhost` },
      'redis.host',
      "is a URL or part of one. Write the name of the host alone, or the URL itself: redis: 'redis://localhost:6379'.",
    ],
    [
      { name: 'primary', sentinels: [{ host: 'one' }, { host: `:${WRONG}@two` }] },
      'redis.sentinels[1].host',
      'is a URL or part of one. Write the name of the host alone.',
    ],
    [
      { path: `redis://:${WRONG}@localhost:6379` },
      'redis.path',
      "is a URL. Write the path of a socket, or the URL itself: redis: 'redis://localhost:6379'.",
    ],
    [createClient(), 'redis', `is a client of another library than ioredis. ${REMEDY}`],
    [new URL('redis://localhost'), 'redis', `is not a way to reach Redis. ${REMEDY}`],
    [new Map([['url', 'redis://localhost']]), 'redis', `is not a way to reach Redis. ${REMEDY}`],
    [
      new (class Keys {
        readonly host = 'redis';
        readonly region = 1;
      })(),
      'redis',
      `is not a way to reach Redis. ${REMEDY}`,
    ],
    ['', 'redis', `is an empty string. ${REMEDY}`],
    ['localhost:6379', 'redis', `is not a way to reach Redis. ${REMEDY}`],
    ['http://localhost:6379', 'redis', `is not a way to reach Redis. ${REMEDY}`],
    // ioredis takes the beginning of such a password for the host, which error messages show.
    [`redis://${WRONG}/x@localhost`, 'redis', ENCODE],
    [`redis://${WRONG}?x@localhost`, 'redis', ENCODE],
    [`redis://${WRONG}#x`, 'redis', ENCODE],
    [`redis://:${WRONG}/x@localhost`, 'redis', ENCODE],
    [`redis://:${WRONG}%@localhost`, 'redis', ENCODE],
    ['redis://localhost:99999', 'redis', ENCODE],
    // ioredis would connect to localhost.
    ['redis://', 'redis', ENCODE],
    ['redis:///2', 'redis', ENCODE],
  ])('is not %p', (redis, option, says) => {
    expect(optionsErrorOf(() => checkRedisOption(redis))).toEqual({ option, says });
  });

  test.each<[what: string, redis: RedisOption]>([
    [
      'a password with every character, encoded',
      `rediss://user:${encodeURIComponent('/?#@:%[ ä')}@localhost:6379/2?family=6`,
    ],
    [
      'an instance of a class',
      new (class RedisConfig {
        readonly host = 'redis';
        readonly port = 6379;
      })(),
    ],
    ['sentinels', { name: 'primary', sentinels: [{ host: 'one', port: 26379 }], lazyConnect: true, tls: {} }],
    ['nothing but defaults', {}],
  ])('may be %s', (_, redis) => {
    expect(checkRedisOption(redis)).toBe(redis);
  });

  test.each([
    [{ sentinels: [] }, 'is refused by ioredis (Requires at least one sentinel to connect to.)'],
    [{ sentinels: [{ host: '127.0.0.1' }] }, 'is refused by ioredis (Requires the name of master.)'],
  ])('is not %j, which ioredis refuses', async (redis, says) => {
    await expect(connectRedis(redis)).rejects.toMatchObject({
      option: 'redis',
      message: expect.stringContaining(says),
    });
  });

  test('does not boot as { url }', async () => {
    await expect(startAuthApp('express', { options: { redis: { url: 'redis://localhost' } } })).rejects.toThrow(
      "RefreshAuthModule: option `redis.url` is not an option of ioredis. Write the URL itself: redis: 'redis://localhost:6379'.",
    );
  });

  test('may be every option of ioredis 5 and 6', () => {
    type Known = (typeof IOREDIS_OPTIONS)[number];
    const missing: Exclude<keyof RedisOptions | keyof Redis5Options, Known>[] = [];

    expect(missing).toEqual([]);
  });
});
