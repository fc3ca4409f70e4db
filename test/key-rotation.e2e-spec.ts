// Keys are replaced step by step while processes of two steps run side by side.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { Redis } from 'ioredis';
import type { IssuedToken, KeyOptions } from 'nestjs-refresh-auth';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import type { SessionStore } from '../libs/refresh-auth/src/store/session-store.js';
import { TestClock } from './support/clock.js';
import { authenticate, EXPIRES_IN, makeCore, REFRESH_WINDOW, refusal, TEST_SECRET } from './support/core.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const single: KeyOptions = { algorithm: 'HS256', secret: TEST_SECRET };
const es: KeyOptions = { kid: 'es', algorithm: 'ES256', privateKey: EC.privateKey };
const rs: KeyOptions = { kid: 'rs', algorithm: 'RS256', privateKey: RSA.privateKey };

const CLIENTS = 6;

function kidOf(token: string): unknown {
  const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString();
  return (JSON.parse(header) as { kid?: string }).kid;
}

/** The procedure in docs/deployment.md. */
describe.each<[name: string, old: KeyOptions, next: KeyOptions]>([
  ['from a single secret to ES256', single, es],
  ['from ES256 to RS256', es, rs],
])('[K3] rotating keys, %s', (_, old, next) => {
  let server: RedisServer;
  let redis: Redis;
  let store: SessionStore;
  const clock = new TestClock();

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.port);
    store = new RedisSessionStore(await connectRedis(redis), 'refresh-auth', clock);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const deploy = (...keys: KeyOptions[]): RefreshAuthCore =>
    makeCore({ keys, sessionLifetime: '7d' }, { store, clock });

  test('in steps, with processes of two steps side by side: nobody is logged out, and tokens of the old key die with it', async () => {
    const clients = new Map<number, string>();

    /** Time goes by: every client refreshes at a process of one step, and uses what it got, and hands over what it had, at one of the other. */
    async function live(processes: readonly RefreshAuthCore[]): Promise<void> {
      clock.advance(EXPIRES_IN * 1000);
      for (const [client, token] of clients) {
        const one = processes[client % processes.length]!;
        const other = processes[(client + 1) % processes.length]!;
        const { state, refreshed } = await authenticate(one, token);
        expect(state).toBe('refreshable');
        expect(await authenticate(other, token)).toEqual({
          state: 'already-refreshed',
          claims: refreshed!.claims,
          refreshed,
        });
        expect(await authenticate(other, refreshed!.token)).toEqual({ state: 'valid', claims: refreshed!.claims });
        clients.set(client, refreshed!.token);
      }
    }
    const kids = (): Set<unknown> => new Set([...clients.values()].map(kidOf));

    const before = deploy(old);
    for (let client = 0; client < CLIENTS; client++) {
      clients.set(client, (await before.signIns.start({ sub: String(client) }, {})).token);
    }
    await live([before]);

    const added = deploy(old, next);
    await live([before, added]);
    await live([added]);
    expect(kids()).toEqual(new Set([old.kid]));

    const signing = deploy(next, old);
    await live([added, signing]);
    expect(kids()).toEqual(new Set([old.kid, next.kid]));
    const asleep: IssuedToken = await added.signIns.start({ sub: 'asleep' }, {});
    await live([signing]);
    expect(kids()).toEqual(new Set([next.kid]));
    for (let passed = EXPIRES_IN; passed < REFRESH_WINDOW - EXPIRES_IN; passed += EXPIRES_IN) await live([signing]);
    expect((await authenticate(signing, asleep.token)).state).toBe('refreshable');

    const removed = deploy(next);
    await live([signing, removed]);
    await live([removed]);
    expect(await refusal(authenticate(removed, asleep.token))).toMatchObject({
      code: 'token_invalid',
      statusCode: 401,
    });
  });
});
