// How many commands Redis is sent for each thing that the library does.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import type { RefreshAuthOptions } from '../libs/refresh-auth/src/options/refresh-auth-options.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { TestClock } from './support/clock.js';
import { authenticate, EXPIRES_IN, makeCore } from './support/core.js';
import { keyFor } from './support/key-material.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { type RedisWatch, watchRedis } from './support/redis-watch.js';

let server: RedisServer;
let client: Redis;
let watch: RedisWatch;
let clock: TestClock;
const running: RefreshAuthCore[] = [];

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.port);
  watch = await watchRedis(client);
  // Redis knows all scripts from then on: otherwise each would be sent twice, the first time.
  clock = new TestClock();
  for (const sessions of ['untracked', 'tracked'] as const) {
    const core = await start({ sessions, revocation: 'every-request' });
    const { token } = await signIn(core);
    await authenticate(core, token);
    clock.advance(EXPIRES_IN * 1000);
    await authenticate(core, token);
    await core.revocations.revokeUser('1');
    await core.revocations.revokeSession('x'.repeat(30));
  }
});
beforeEach(async () => {
  await client.flushdb();
  clock = new TestClock();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((core) => core.stop()));
});
afterAll(async () => {
  watch.stop();
  client.disconnect();
  await server.stop();
});

async function start(options: RefreshAuthOptions = {}): Promise<RefreshAuthCore> {
  const store = new RedisSessionStore(await connectRedis(client), 'refresh-auth');
  const core = makeCore({ storeTimeout: '1m', ...options }, { store, clock });
  running.push(core);
  await core.start();
  return core;
}

const signIn = (core: RefreshAuthCore) => core.signIns.start({ sub: '1' }, {});
const sentDuring = (act: () => Promise<unknown>): Promise<string[]> => watch.sessionCommandsSentDuring(act);

describe('Redis is sent', () => {
  test.each<[string, RefreshAuthOptions, number]>([
    ['with HS256', {}, 1],
    ['of tracked sessions', { sessions: 'tracked' }, 1],
    ['under the grace policy', { reuseDetection: { grace: 30 } }, 1],
    ['with RS256', { keys: [keyFor('RS256')] }, 2],
    ['with reloadClaims', { reloadClaims: ({ sub }) => ({ sub }) }, 2],
  ])('for a refresh %s: %j', async (_, options, commands) => {
    const core = await start(options);
    const { token } = await signIn(core);
    clock.advance(EXPIRES_IN * 1000);

    const sent = await sentDuring(async () => expect((await authenticate(core, token)).state).toBe('refreshable'));

    expect(sent).toEqual(Array.from({ length: commands }, () => 'evalsha'));
  });

  test('[F31] a second command for a refresh only if the details of a tracked session are sealed with another key', async () => {
    const former = keyFor('HS256');
    const current = { ...keyFor('HS512'), kid: 'current' };
    const before = await start({ sessions: 'tracked', keys: [former] });
    const after = await start({ sessions: 'tracked', keys: [current, former] });
    const { token } = await signIn(before);
    const refresh = async (presented: string): Promise<[string, string[]]> => {
      clock.advance(EXPIRES_IN * 1000);
      let next: string | undefined;
      const sent = await sentDuring(async () => (next = (await authenticate(after, presented)).refreshed?.token));
      return [next ?? '', sent];
    };

    // Redis knows the scripts of the library from then on.
    const warmUp = await signIn(before);
    await refresh(warmUp.token);

    const [second, first] = await refresh(token);
    expect(first).toEqual(['evalsha', 'evalsha']);
    const [third, next] = await refresh(second);
    expect(next).toEqual(['evalsha']);
    expect((await authenticate(after, third)).state).toBe('valid');
  });

  test('one command for a list of fewer than 500 sessions, and ten for one of 5,000, of which none is missing', async () => {
    const core = await start({ sessions: 'tracked', storeTimeout: '1m' });
    const sids = new Set<string>();
    const signInMany = async (count: number): Promise<void> => {
      const issued = await Promise.all(Array.from({ length: count }, () => signIn(core)));
      issued.forEach(({ claims }) => sids.add(claims.sid));
    };
    const list = async (): Promise<string[]> => (await core.tracked?.list('1'))?.map(({ sid }) => sid) ?? [];

    await list();
    await signInMany(499);
    expect(await sentDuring(async () => expect(new Set(await list())).toEqual(sids))).toEqual(['evalsha']);

    for (let hundreds = 0; hundreds < 45; hundreds++) await signInMany(100);
    await signInMany(1);
    const sent = await sentDuring(async () => expect(new Set(await list())).toEqual(sids));
    expect(sent).toEqual(Array.from({ length: 10 }, () => 'evalsha'));

    await signInMany(1);
    expect(await list()).toHaveLength(5_000);
  });

  test('one command for a token that another request has refreshed', async () => {
    const [core, elsewhere] = [await start(), await start()];
    const { token } = await signIn(core);
    clock.advance(EXPIRES_IN * 1000);
    await authenticate(elsewhere, token);

    const sent = await sentDuring(async () =>
      expect((await authenticate(core, token)).state).toBe('already-refreshed'),
    );

    expect(sent).toEqual(['evalsha']);
  });

  test.each<[string, RefreshAuthOptions, string[]]>([
    ['nothing for a valid token', {}, []],
    ['one command for a valid token under every-request', { revocation: 'every-request' }, ['evalsha']],
    [
      'one command for a valid token of a tracked session under every-request',
      { revocation: 'every-request', sessions: 'tracked' },
      ['evalsha'],
    ],
  ])('%s', async (_, options, commands) => {
    const core = await start(options);
    const { token } = await signIn(core);

    const sent = await sentDuring(async () => expect((await authenticate(core, token)).state).toBe('valid'));

    expect(sent).toEqual(commands);
  });

  test.each<[string, RefreshAuthOptions, boolean, number]>([
    ['a sign-in', {}, false, 1],
    ['a tracked sign-in', { sessions: 'tracked' }, false, 1],
    ['a tracked sign-in of a user whose sessions were ended elsewhere', { sessions: 'tracked' }, true, 2],
  ])('for %s only the necessary commands', async (_, options, wasRevoked, commands) => {
    const elsewhere = await start();
    if (wasRevoked) await elsewhere.revocations.revokeUser('1');
    // It does not follow the revocation log, so it does not know of the revocation.
    const core = makeCore({ storeTimeout: '1m', ...options }, { store: elsewhere.store, clock });

    const sent = await sentDuring(() => signIn(core));

    expect(sent).toEqual(Array.from({ length: commands }, () => 'evalsha'));
  });
});
