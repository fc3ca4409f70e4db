// Redis comes back from a snapshot that is older than a logout.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import type { IssuedToken } from '../libs/refresh-auth/src/tokens/claims.js';
import { TestClock } from './support/clock.js';
import { authenticate, EXPIRES_IN, makeCore, REFRESH_WINDOW, refusal } from './support/core.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const REVOKED = expect.objectContaining({ code: 'session_revoked' });

let server: RedisServer;
let admin: Redis;
let clock: TestClock;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.port, { retryStrategy: () => 20 });
  admin.on('error', () => undefined);
});
beforeEach(async () => {
  clock = new TestClock();
  await admin.flushall();
});
afterEach(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** A process whose commands wait until Redis is back. It follows the log of revocations from its `start()` on. */
async function startProcess(): Promise<RefreshAuthCore> {
  const client = new Redis(server.port, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  closing.push(() => client.disconnect());
  const store = new RedisSessionStore(await connectRedis(client), 'refresh-auth', clock);
  return makeCore({ sessions: 'tracked', storeTimeout: '1m' }, { store, clock });
}

const signIn = (core: RefreshAuthCore): Promise<IssuedToken> => core.signIns.start({ sub: '1' }, {});
const refresh = (core: RefreshAuthCore, { token }: IssuedToken) => authenticate(core, token);

/** Redis crashes, and starts again with what it saved last. */
async function restoreSnapshot(): Promise<void> {
  await server.restart();
  await admin.ping();
}

describe('[F10] A snapshot that is older than a logout, under sessions: ‘tracked’', () => {
  test('revives a session of which it has a record, in processes that do not know of the logout', async () => {
    const session = await signIn(await startProcess());
    await admin.save();
    await (await startProcess()).revocations.revokeSession(session.claims.sid);
    clock.advance(EXPIRES_IN * 1000);
    expect(await refusal(refresh(await startProcess(), session))).toEqual(REVOKED);

    await restoreSnapshot();

    expect((await refresh(await startProcess(), session)).state).toBe('refreshable');
  });

  test('revives no session once a process that knows of the logout has read the log', async () => {
    const session = await signIn(await startProcess());
    await admin.save();
    const witness = await startProcess();
    await witness.start();
    await witness.revocations.revokeSession(session.claims.sid);
    await witness.stop();
    clock.advance(EXPIRES_IN * 1000);

    await restoreSnapshot();
    expect(await refusal(refresh(witness, session))).toEqual(REVOKED);
    // Settled after the first reading of the log.
    await witness.start();
    await witness.stop();

    expect(await refusal(refresh(await startProcess(), session))).toEqual(REVOKED);
  });

  test('revives a session whose logout is older than the log, except in a process that knows of it', async () => {
    const session = await signIn(await startProcess());
    await admin.save();
    await (await startProcess()).revocations.revokeSession(session.claims.sid);
    const witness = await startProcess();
    await witness.start();
    await witness.stop();
    clock.advance((REFRESH_WINDOW - EXPIRES_IN) * 1000);

    await restoreSnapshot();
    await witness.start();
    await witness.stop();

    expect(await refusal(refresh(witness, session))).toEqual(REVOKED);
    expect((await refresh(await startProcess(), session)).state).toBe('refreshable');
  });

  test('ends a session of which it has no record', async () => {
    await admin.save();
    const session = await signIn(await startProcess());
    clock.advance(EXPIRES_IN * 1000);

    await restoreSnapshot();

    expect(await refusal(refresh(await startProcess(), session))).toEqual(REVOKED);
  });
});
