// The ACL rule of the documentation is enough, and no more than that.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import type { RedisOption } from '../libs/refresh-auth/src/store/redis/redis-option.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { hashed, sessionName } from '../libs/refresh-auth/src/tokens/session-id.js';
import { TestClock } from './support/clock.js';
import { type RedisServer, startRedis, startRedisCluster } from './support/redis-server.js';
import { newSession } from './support/session-of.js';

const HOUR = 3_600_000;
const ttl = { record: HOUR, log: HOUR };

/** The rules of the documentation, which readers copy. */
const docs = readFileSync(new URL('../docs/failure-modes.md', import.meta.url), 'utf8');
const [, rule = ''] = /^ACL SETUSER (app on >password .+)$/m.exec(docs) ?? [];
const [, rulesOfCluster = ''] = /for a `Cluster` add `(.+?)`/.exec(docs) ?? [];
const RULES = rule.split(' ');
const COMMANDS = RULES.filter((part) => part.startsWith('+'));
const USER = { username: 'app', password: 'password' };

let server: RedisServer;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** Everything that the library ever asks of Redis. Goes on where something is refused. */
async function askEverything(redis: RedisOption): Promise<void> {
  const connection = await connectRedis(redis);
  const clock = new TestClock();
  const store = new RedisSessionStore(connection, 'refresh-auth', clock);
  const session = { ...newSession('1'), tracked: true };
  const other = { ...newSession('1'), tracked: true };
  const begin = { generation: -1, candidate: { sealed: Buffer.from('zero'), ttl: HOUR }, details: Buffer.from('one') };
  const stop = await new Promise<() => Promise<void>>((resolve) => {
    const stopListening = store.onRevocation(
      () => setImmediate(() => resolve(stopListening)),
      () => setImmediate(() => resolve(stopListening)),
    );
  });
  const reuse = { grace: HOUR, revokeAfter: HOUR, expiredFor: 0, waited: 0, isUse: true };
  const questions: (() => Promise<unknown>)[] = [
    () => store.warnings({ now: clock.now(), leeway: 60_000 }),
    () => store.rotate({ ...session, ...begin, candidate: { ...begin.candidate, ttl: 1000 } }),
    async () => clock.advance(2000),
    () => store.rotate({ ...other, ...begin }),
    () => store.rotate({ ...other, generation: 0, reuse, candidate: { sealed: Buffer.from('one'), ttl: HOUR } }),
    () => store.rotate({ ...other, generation: 0 }),
    () => store.recordUse([{ sid: other.sid, gen: 1 }], HOUR),
    () => store.listedSessions('1'),
    // The page after the one that ends with this session.
    () => store.listedSessions('1', `${clock.now() + HOUR}:${sessionName(other.sid)}`),
    () => store.replaceDetails(other, Buffer.from('before'), Buffer.from('details')),
    () => store.announceKeys('keys', HOUR),
    () => store.isRevoked(other),
    () => store.revokeUser('1', ttl, other.sid),
    () => store.userCutoff('1'),
    () => store.revokeUser('1', ttl),
    () => store.revoke(session.sid, ttl),
    () => new RedisSessionStore(connection, 'refresh-auth').revoke(other.sid, ttl),
    () => store.revocationsAfter(0, 0),
    () =>
      store.restoreRevocations(
        [
          { session: sessionName(session.sid), at: 0 },
          { user: hashed('2'), cutoff: { time: 1 }, at: 0 },
        ],
        ttl,
      ),
  ];
  for (const ask of questions) await ask().catch(() => undefined);
  await stop();
  await store.close();
}

async function restrict(to: Redis, rules: readonly string[]): Promise<void> {
  await to.flushall();
  await to.script('FLUSH');
  await to.call('ACL', 'DELUSER', 'app');
  await to.call('ACL', 'SETUSER', ...rules);
  await to.call('ACL', 'LOG', 'RESET');
}

/** Returns the commands that Redis has refused since then. */
async function refused(by: Redis): Promise<string[]> {
  const entries = (await by.call('ACL', 'LOG')) as unknown[];
  return entries.map((entry) => {
    const fields = Array.isArray(entry) ? entry : Object.entries(entry as object).flat();
    return String(fields[fields.indexOf('object') + 1]);
  });
}

async function refusedUnder(rules: readonly string[]): Promise<string[]> {
  await restrict(admin, rules);
  await askEverything({ port: server.port, ...USER });
  return refused(admin);
}

test('the documented ACL rule allows every command of the library [F29]', async () => {
  expect(COMMANDS).not.toEqual([]);
  expect(await refusedUnder(RULES)).toEqual([]);
});

test.each([...COMMANDS, '~refresh-auth:*', '&refresh-auth:*'])(
  'the ACL rule of the documentation needs %s [F29]',
  async (part) => {
    expect(await refusedUnder(RULES.filter((each) => each !== part))).not.toEqual([]);
  },
);

test('the documented rule for a cluster allows every command there [F29]', async () => {
  const cluster = await startRedisCluster();
  const admins = cluster.nodes.map(({ port }) => new Redis(port));
  await Promise.all(admins.map((each) => restrict(each, [...RULES, ...rulesOfCluster.split(' ')])));
  const client = new Cluster(cluster.nodes, { redisOptions: USER });

  await askEverything(client);

  expect(await Promise.all(admins.map(refused))).toEqual([[], [], []]);
  // Nothing was refused, since something was asked.
  const kept = await Promise.all(admins.map((each) => each.dbsize()));
  expect(kept.reduce((sum, keys) => sum + keys)).toBeGreaterThan(0);
  [client, ...admins].forEach((each) => each.disconnect());
  await cluster.stop();
});
