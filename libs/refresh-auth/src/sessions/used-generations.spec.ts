import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents } from '../../../../test/support/core.js';
import { type InterceptedStore, interceptedStore } from '../../../../test/support/intercepted-store.js';
import { claims } from '../../../../test/support/signed-claims.js';
import { Events, type RefreshAuthEvent } from '../events/events.js';
import { sessionName } from '../tokens/session-id.js';
import { StoreAccess } from '../store/store-access.js';
import { UsedGenerations } from './used-generations.js';

const FLUSH_INTERVAL = 100;
const REVOKE_AFTER = 1_800_000;

describe('UsedGenerations', () => {
  let clock: TestClock;
  let store: InterceptedStore;
  let events: RefreshAuthEvent[];
  let uses: UsedGenerations;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    clock = new TestClock();
    store = interceptedStore(clock);
    const reported = new Events(clock);
    events = [];
    reported.observable.subscribe((event) => events.push(event));
    uses = new UsedGenerations(new StoreAccess(store, 500, reported, clock), reported, REVOKE_AFTER);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const see = (jti: string, gen = 1, sid = 'a') => uses.see({ ...claims, jti, sid, gen });
  const lost = (sid: string, gen: number) => ({
    type: 'use-not-recorded',
    at: clock.now(),
    session: sessionName(sid),
    gen,
  });

  test('flushes together, 100 ms after the first, what was seen by then', async () => {
    see('1', 1, 'a');
    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL - 1);
    see('2', 7, 'b');
    see('3', 2, 'a');
    expect(store.uses).toEqual([]);

    await jest.advanceTimersByTimeAsync(1);

    const all = [
      { sid: 'a', gen: 1 },
      { sid: 'b', gen: 7 },
      { sid: 'a', gen: 2 },
    ];
    expect(store.uses).toEqual([all]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('records each token once, however often it is presented', async () => {
    see('1');
    see('1');
    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL);
    see('1');
    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL);
    expect(store.uses).toEqual([[{ sid: 'a', gen: 1 }]]);

    see('2', 2);
    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL);
    expect(store.uses).toEqual([[{ sid: 'a', gen: 1 }], [{ sid: 'a', gen: 2 }]]);
  });

  test('uses each token once, however many there are [F35]', async () => {
    const TOKENS = 200_000;
    for (let index = 0; index < TOKENS; index++) see(`${index}`);
    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL);
    expect(store.uses.map((each) => each.length)).toEqual([TOKENS]);

    for (let index = 0; index < TOKENS; index++) see(`${index}`);
    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL);
    expect(store.uses).toHaveLength(1);
  });

  test('uses no token of generation 0: it supersedes nothing', async () => {
    see('1', 0);

    expect(jest.getTimerCount()).toBe(0);
    await uses.flush();
    expect(store.uses).toEqual([]);
  });

  test('writes at once when it is told to, as at shutdown', async () => {
    see('1');

    await uses.flush();

    expect([store.uses.length, jest.getTimerCount()]).toEqual([1, 0]);
  });

  test('reports each use that was lost, and fails nobody [G2]', async () => {
    store.recordUse = () => Promise.reject(new Error('connection lost'));
    see('1', 1, 'a');
    see('2', 2, 'b');

    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL);

    const failed = { type: 'store-failed', at: clock.now(), reason: 'connection lost' };
    expect(events).toEqual([failed, lost('a', 1), lost('b', 2)]);
  });

  test('reports what a store that never answers has lost', async () => {
    store.recordUse = () => new Promise(() => undefined);
    see('1', 1, 'a');
    await jest.advanceTimersByTimeAsync(FLUSH_INTERVAL + 500);
    await new Promise((resolve) => setImmediate(resolve));

    expect(events).toContainEqual(lost('a', 1));
  });
});

describe('A valid token', () => {
  test.each<[false | { grace: number }, number]>([
    [false, 0],
    [{ grace: 30 }, 1],
  ])('under reuseDetection %j of generation 1 is recorded %i times', async (reuseDetection, times) => {
    const clock = new TestClock();
    const store = interceptedStore(clock);
    const core = makeCore({ reuseDetection }, { store, clock });
    const events = recordEvents(core);
    const first = issue(core);
    await authenticate(core, first.token);
    clock.advance(EXPIRES_IN * 1000);
    const { refreshed } = await authenticate(core, first.token);

    for (let request = 0; request < 3; request++) await authenticate(core, refreshed?.token ?? '');
    await core.stop();

    expect(store.uses).toEqual(Array.from({ length: times }, () => [{ sid: first.claims.sid, gen: 1 }]));
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
  });
});
