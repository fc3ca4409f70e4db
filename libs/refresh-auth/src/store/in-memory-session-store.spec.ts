import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents } from '../../../../test/support/core.js';
import { itKeepsTheContract } from '../../../../test/support/session-store-contract.js';
import { InMemorySessionStore } from './in-memory-session-store.js';
import { sessionName } from '../tokens/session-id.js';

const MAX_SESSIONS = 3;
const TTL = 600_000;
const REVOCATION_TTL = { record: TTL, log: TTL };
const SWEEP_INTERVAL = 60_000;
const FULL = 'The in-memory store is full: it holds 3 sessions. Use Redis.';

describe('InMemorySessionStore, as every store,', () => {
  itKeepsTheContract(
    async () => {
      const clock = new TestClock();
      const store = new InMemorySessionStore(clock);
      return {
        stores: [store],
        clock,
        pass: async (milliseconds) => clock.advance(milliseconds),
        close: () => store.close(),
      };
    },
    // It outlives nothing of what it knows.
    { restores: false },
  );
});

describe('InMemorySessionStore', () => {
  let clock: TestClock;
  let store: InMemorySessionStore;

  beforeEach(() => {
    jest.useFakeTimers();
    clock = new TestClock();
    store = new InMemorySessionStore(clock, MAX_SESSIONS);
  });
  afterEach(async () => {
    await store.close();
    jest.useRealTimers();
  });

  const refresh = (sid: string, generation = 0, ttl = TTL) =>
    store.rotate({
      sid,
      sub: '1',
      rev: 0,
      generation,
      candidate: { sealed: Buffer.from(`${sid} ${generation + 1}`), ttl },
    });

  async function fill(): Promise<void> {
    await Promise.all(['a', 'b', 'c'].map((sid) => refresh(sid)));
  }

  function passTime(milliseconds: number): void {
    clock.advance(milliseconds);
    jest.advanceTimersByTime(milliseconds);
  }

  describe('that is full', () => {
    beforeEach(fill);

    test('refuses one more session, and lets go of none [S11]', async () => {
      await expect(refresh('d')).rejects.toThrow(new Error(FULL));

      expect(await store.rotate({ sid: 'd', sub: '1', rev: 0, generation: 0 })).toEqual({ outcome: 'current' });
      for (const sid of ['a', 'b', 'c']) {
        expect(await store.rotate({ sid, sub: '1', rev: 0, generation: 0 })).toEqual({
          outcome: 'handed-over',
          latest: 1,
          sealed: Buffer.from(`${sid} 1`),
        });
      }
    });

    test('goes on with the sessions that it has', async () => {
      expect(await refresh('a', 1)).toEqual({ outcome: 'rotated', lostWrite: false });
    });

    test('keeps revoked records beyond the limit: a revocation is never dropped', async () => {
      const others = Array.from({ length: 10 }, (_, index) => `revoked ${index}`);
      await Promise.all(['a', ...others].map((sid) => store.revoke(sid, REVOCATION_TTL)));

      const answers = await Promise.all(['a', ...others].map((sid) => refresh(sid)));
      expect(answers).toEqual(answers.map(() => ({ outcome: 'revoked' })));
      expect(await refresh('b', 1)).toEqual({ outcome: 'rotated', lostWrite: false });
    });

    test('has room again once sessions have ended and were swept away', async () => {
      passTime(TTL + SWEEP_INTERVAL);

      expect(await refresh('d')).toEqual({ outcome: 'rotated', lostWrite: false });
    });

    test('sweeps away no session that can still be presented', async () => {
      passTime(TTL - SWEEP_INTERVAL);

      await expect(refresh('d')).rejects.toThrow(new Error(FULL));
      expect(await refresh('a', 1)).toEqual({ outcome: 'rotated', lostWrite: false });
    });

    test('answers a refresh with 503 and an event, and keeps nobody from signing in', async () => {
      const core = makeCore({}, { store, clock });
      const events = recordEvents(core);
      const { token, claims } = issue(core);
      clock.advance(EXPIRES_IN * 1000);

      await expect(authenticate(core, token)).rejects.toMatchObject({
        code: 'store_unavailable',
        message: 'The session store is unavailable, try again',
        detail: FULL,
      });
      const at = clock.now();
      expect(events).toEqual([
        { type: 'store-failed', at, reason: FULL },
        {
          type: 'token-rejected',
          at,
          code: 'store_unavailable',
          detail: FULL,
          session: sessionName(claims.sid),
          gen: 0,
        },
      ]);
    });
  });

  describe('its timer', () => {
    test('is not there before there is anything to sweep', () => {
      expect(jest.getTimerCount()).toBe(0);
    });

    test('is one for all sessions, and stops with the store', async () => {
      await fill();
      await store.revoke('d', REVOCATION_TTL);
      expect(jest.getTimerCount()).toBe(1);

      await store.close();
      expect(jest.getTimerCount()).toBe(0);
    });
  });
});
