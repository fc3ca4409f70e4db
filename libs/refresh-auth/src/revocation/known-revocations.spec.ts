import { beforeEach, describe, expect, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { claims } from '../../../../test/support/signed-claims.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import { isEndedBy, UNSEEN } from '../store/session-store.js';
import { KnownRevocations } from './known-revocations.js';
import type { Cutoff } from '../store/session-store.js';

const LIFETIME = 60_000;
const MOST_ENTRIES = 100_000;

let clock: TestClock;
let known: KnownRevocations;

beforeEach(() => {
  clock = new TestClock();
  known = new KnownRevocations(clock, LIFETIME);
});

const ends = (sid: string, sub = '1', rev = 0): boolean => known.ends({ ...claims, sid, sub, rev });
const addSession = (sid: string, at = clock.now(), age = 0) => known.add({ session: sessionName(sid), at }, age);
const addUser = (sub: string, cutoff: Cutoff, at = clock.now(), age = 0) =>
  known.add({ user: hashed(sub), cutoff, at }, age);

describe('a revoked session', () => {
  test('is known, and no other one', () => {
    expect(ends('a')).toBe(false);

    addSession('a');

    expect([ends('a'), ends('b')]).toEqual([true, false]);
  });

  test.each([0, 1000, LIFETIME - 1])(
    'that was revoked %i ms ago is known as long as tokens of that time live',
    (age) => {
      addSession('a', 0, age);

      clock.advance(LIFETIME - age - 1);
      expect(ends('a')).toBe(true);
      clock.advance(1);
      expect(ends('a')).toBe(false);
    },
  );

  test('that was revoked twice is known from the second time on', () => {
    addSession('a');
    clock.advance(LIFETIME - 1);
    addSession('a');
    clock.advance(LIFETIME - 1);

    expect(ends('a')).toBe(true);
  });
});

describe('a user’s cutoff', () => {
  test.each([
    [0, true],
    [99, true],
    [100, false],
    [101, false],
  ])('of 100 ends a session whose rev is %i: %s [L5]', (rev, isEnded) => {
    addUser('1', { time: 100 });

    expect(ends('a', '1', rev)).toBe(isEnded);
    expect(ends('a', '2', rev)).toBe(false);
  });

  test('only grows: an older one that comes late changes nothing [L5]', () => {
    addUser('1', { time: 100 });
    addUser('1', { time: 50, except: { session: sessionName('a'), floor: 0 } });
    expect(ends('a', '1', 75)).toBe(true);

    addUser('1', { time: 200 });
    expect(ends('a', '1', 150)).toBe(true);
  });

  test('excepts one session, from the floor on', () => {
    const cutoff = { time: 100, except: { session: sessionName('a'), floor: 50 } };
    addUser('1', cutoff);

    expect([ends('a', '1', 50), ends('a', '1', 49), ends('b', '1', 50)]).toEqual([false, true, true]);
    expect(isEndedBy(cutoff, { sid: 'a', rev: 50 })).toBe(false);
  });

  test('is known as long as tokens of that time live', () => {
    addUser('1', { time: 100 }, 0, 1000);

    clock.advance(LIFETIME - 1001);
    expect(ends('a')).toBe(true);
    clock.advance(1);
    expect(ends('a')).toBe(false);
  });
});

describe('what is known', () => {
  test('after a position in the log: with what this process has not yet seen in the log', () => {
    addSession('own', UNSEEN);
    addSession('before', 999);
    addSession('then', 1000);
    addSession('after', 1001);
    addUser('1', { time: 7 }, 1002);

    expect([...known.after(1000)]).toEqual([
      { session: sessionName('own'), at: UNSEEN },
      { session: sessionName('after'), at: 1001 },
      { user: hashed('1'), cutoff: { time: 7 }, at: 1002 },
    ]);
    expect([...known.after(0)]).toHaveLength(5);
  });

  test('of a cutoff that was refreshed counts from then on', () => {
    addUser('1', { time: 7 });
    clock.advance(LIFETIME / 2);
    addUser('1', { time: 7 });
    clock.advance(LIFETIME / 2);

    expect(ends('a', '1')).toBe(true);
  });

  test('is forgotten when it no longer matters, so that memory does not grow for ever', () => {
    for (let round = 0; round < 10; round++) {
      for (const index of [0, 1, 2]) addSession(`${round} ${index}`);
      addUser(`${round}`, { time: 1 });
      clock.advance(LIFETIME);
    }
    addSession('last');
    addUser('last', { time: 1 });

    expect(known.size).toBe(2);
  });

  test('is new only once, where it is seen again in the log or later', () => {
    const isNew = [
      addSession('a', UNSEEN),
      addSession('a', 5),
      addSession('a', 6),
      addUser('1', { time: 7 }, UNSEEN),
      addUser('1', { time: 7 }, 8),
      addUser('1', { time: 6 }, 9),
      addUser('1', { time: 8 }, 10),
    ];

    expect(isNew).toEqual([true, false, false, true, false, false, true]);
  });

  test('and was renewed does not keep in memory what has ended meanwhile', () => {
    addSession('renewed');
    addSession('ended');
    clock.advance(LIFETIME / 2);
    addSession('renewed');
    clock.advance(LIFETIME / 2);
    addSession('new');

    expect([known.size, ends('renewed'), ends('new')]).toEqual([2, true, true]);
  });

  test('is at most 100,000: the oldest make room, and it says so for as long as they can matter [F34]', () => {
    for (let index = 0; index < MOST_ENTRIES - 1; index++) addSession(`${index}`);
    addUser('1', { time: 1 });
    expect([known.isIncomplete, known.size]).toEqual([false, MOST_ENTRIES]);

    clock.advance(1000);
    addSession('one more');
    expect([known.isIncomplete, known.size]).toEqual([true, MOST_ENTRIES]);
    expect([ends('0', '2'), ends('1', '2'), ends('one more', '2'), ends('x')]).toEqual([false, true, true, true]);

    clock.advance(LIFETIME - 1001);
    expect(known.isIncomplete).toBe(true);
    clock.advance(1);
    expect(known.isIncomplete).toBe(false);
  });

  test('is incomplete for as long as any entry that was dropped can matter, in whatever order they came [F34]', () => {
    addSession('now');
    addSession('long since', 0, LIFETIME / 2);
    for (let index = 2; index < MOST_ENTRIES; index++) addSession(`${index}`);
    for (const name of ['one more', 'and another']) addSession(name);

    clock.advance(LIFETIME - 1);
    expect(known.isIncomplete).toBe(true);
    clock.advance(1);
    expect(known.isIncomplete).toBe(false);
  });

  test('may be kept for longer than valid tokens need it: then the oldest make room without a word [F34]', () => {
    known = new KnownRevocations(clock, LIFETIME, 100 * LIFETIME);
    for (let index = 0; index < MOST_ENTRIES; index++) addSession(`${index}`);
    clock.advance(LIFETIME);

    addSession('one more');

    expect([known.isIncomplete, known.size]).toEqual([false, MOST_ENTRIES]);
    expect([ends('0'), ends('1'), ends('one more')]).toEqual([false, true, true]);
  });

  test('has room for what comes when the oldest no longer matter', () => {
    for (let index = 0; index < MOST_ENTRIES; index++) addSession(`${index}`);
    clock.advance(LIFETIME);

    addSession('new');

    expect([known.isIncomplete, ends('new')]).toEqual([false, true]);
  });

  test('is known again when it is read again, after this process’s clock was set forward', () => {
    known.add({ session: sessionName('a'), at: 1 });
    known.add({ user: hashed('1'), cutoff: { time: 7 }, at: 1 });
    clock.advance(LIFETIME + 1);
    expect([ends('a', '2'), ends('b', '1')]).toEqual([false, false]);

    known.add({ user: hashed('1'), cutoff: { time: 7 }, at: 1 }, 1000);
    known.add({ session: sessionName('a'), at: 1 }, 1000);
    expect([ends('a', '2'), ends('b', '1')]).toEqual([true, true]);
  });
});
