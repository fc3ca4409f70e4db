// wrapStore: changes some methods of a store, and leaves everything else as it is.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { newSession } from '../../../../test/support/session-of.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import type { SessionStore } from '../store/session-store.js';
import { TestClock } from './test-clock.js';
import { wrapStore } from './wrap-store.js';

const TTL = { record: 60_000, log: 60_000 };

describe('wrapStore', () => {
  let store: InMemorySessionStore;

  beforeEach(() => {
    store = new InMemorySessionStore(new TestClock());
  });

  test('asks the store itself where nothing was changed, without `this`', async () => {
    const session = newSession();
    const { revoke, isRevoked } = wrapStore(store, {});

    await revoke(session.sid, TTL);

    expect(await isRevoked(session)).toBe(true);
    expect(await store.isRevoked(session)).toBe(true);
  });

  test('has exactly the optional methods that the store has', () => {
    const { rotate, recordUse, revoke, isRevoked, userCutoff, revokeUser } = wrapStore(store, {});
    const small: SessionStore = { rotate, recordUse, revoke, isRevoked, userCutoff, revokeUser };

    expect(Object.keys(wrapStore(small, {})).sort()).toEqual(Object.keys(small).sort());
    expect(wrapStore(store, {}).listedSessions).toBeDefined();
  });

  test('puts a method in the place of the store’s own', async () => {
    const session = newSession();
    const wrapped = wrapStore(store, { isRevoked: async (asked) => asked.sid === session.sid });

    expect([await wrapped.isRevoked(session), await wrapped.isRevoked(newSession())]).toEqual([true, false]);
    expect(await store.isRevoked(session)).toBe(false);
  });

  test('gives a replaced method the object that it came with as `this`', async () => {
    const changes = {
      calls: 0,
      async recordUse(): Promise<void> {
        this.calls += 1;
      },
    };

    await wrapStore(store, changes).recordUse([], 1);

    expect(changes.calls).toBe(1);
  });

  test('lets `around` see every question by name, those to replaced methods too, and `onRevocation` and `close` never', async () => {
    const asked: string[] = [];
    const wrapped = wrapStore(store, {
      around(ask, method) {
        asked.push(method);
        return ask();
      },
      userCutoff: async () => ({ time: 7 }),
    });

    await wrapped.revoke(newSession().sid, TTL);
    expect(await wrapped.userCutoff('1')).toEqual({ time: 7 });
    await wrapped.onRevocation(() => undefined)();
    await wrapped.close();

    expect(asked).toEqual(['revoke', 'userCutoff']);
  });

  test('lets `around` ask never, or more than once', async () => {
    let times = 0;
    let calls = 0;
    const wrapped = wrapStore(store, {
      async around(ask) {
        if (times === 0) throw new Error('connection lost');
        for (let time = 1; time < times; time += 1) await ask();
        return ask();
      },
      async recordUse() {
        calls += 1;
      },
    });

    await expect(wrapped.recordUse([], 1)).rejects.toThrow('connection lost');
    expect(calls).toBe(0);

    times = 3;
    await wrapped.recordUse([], 1);
    expect(calls).toBe(3);
  });

  test('turns what a method throws into a rejection', async () => {
    const wrapped = wrapStore(store, {
      around: (ask) => ask(),
      isRevoked: () => {
        throw new Error('not asynchronous');
      },
    });

    await expect(wrapped.isRevoked(newSession())).rejects.toThrow('not asynchronous');
  });
});
