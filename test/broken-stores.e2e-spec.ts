// The contract of stores notices each single clause that a store breaks.
import { afterAll, describe, expect, test } from '@jest/globals';
import type { SessionStore } from 'nestjs-refresh-auth/store';
import { type ContractCheck, sessionStoreContract, TestClock } from 'nestjs-refresh-auth/testing';
import { Redis } from 'ioredis';
import { BROKEN_RESTORING, BROKEN_STORES, breakRestoring, brokenStore } from './support/broken-stores.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { openRedisStores } from './support/redis-stores.js';

const PROCESSES = 3;

function contractOf(open: (clock: TestClock) => SessionStore): ContractCheck[] {
  return sessionStoreContract(
    () => {
      const clock = new TestClock();
      const store = open(clock);
      return {
        stores: [store, ...Array.from({ length: PROCESSES - 1 }, () => store)],
        clock,
        pass: async (milliseconds) => clock.advance(milliseconds),
        close: async () => store.close?.(),
      };
    },
    { restores: false },
  );
}

/** Returns name and reason of each check of one user that a store does not pass. */
async function failed(user: string, contract: readonly ContractCheck[]): Promise<string[]> {
  const checks = contract.filter(({ name }) => name.startsWith(`${user}: `));
  expect(checks).not.toEqual([]);
  const failures: string[] = [];
  // All at once, since some wait for a notification that never comes.
  await Promise.all(
    checks.map(async ({ name, check }) =>
      check().catch(({ name: kind, message }: Error) => failures.push(`${name}: ${kind}: ${message}`)),
    ),
  );
  return failures;
}

/** Matches the errors of checks and stores. Any other error would be a mistake in the broken store itself. */
const FAILED = /: (AssertionError|StoreError): |: Error: The store did not notify its listener/;

describe.each(Object.entries(BROKEN_STORES))('The contract, %s', (user, stores) => {
  test('passes for the store from which the broken ones are derived', async () => {
    expect(
      await failed(
        user,
        contractOf((clock) => brokenStore(() => ({}), clock)),
      ),
    ).toEqual([]);
  });

  test.concurrent.each(Object.entries(stores))('is not kept by a store that breaks: %s', async (_, breaks) => {
    const failures = await failed(
      user,
      contractOf((clock) => brokenStore(breaks, clock)),
    );

    expect(failures.some((failure) => FAILED.test(failure))).toBe(true);
  });
});

describe('The contract, restoreRevocations', () => {
  let starting: Promise<RedisServer> | undefined;
  /** Concurrent tests begin before any hook. */
  const start = (): Promise<RedisServer> => (starting ??= startRedis());

  afterAll(async () => (await starting)?.stop());

  test.concurrent.each(Object.entries(BROKEN_RESTORING))(
    'is not kept by a store that breaks: %s',
    async (_, breaks) => {
      const server = await start();
      const contract = sessionStoreContract(async () => {
        const opened = await openRedisStores(() => new Redis(server.port), [server.port]);
        for (const store of opened.stores) breakRestoring(store, breaks);
        return opened;
      });

      const failures = await failed('restoreRevocations', contract);

      expect(failures.some((failure) => FAILED.test(failure))).toBe(true);
    },
  );
});
