import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { claims } from '../../../../test/support/signed-claims.js';
import { Events, type RefreshAuthEvent } from '../events/events.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import { UNSEEN } from '../store/session-store.js';
import { KnownRevocations } from './known-revocations.js';
import { RevocationEvents } from './revocation-events.js';
import { canPush, type PushingStore, RevocationLog } from './revocation-log.js';
import type { Revocation, RevocationPage, RevocationTtl } from '../store/session-store.js';
import { StoreAccess } from '../store/store-access.js';

const KEEP = 600_000;
const TTL = { record: 2 * KEEP, log: KEEP };
const MINUTE = 60_000;
const POLL_INTERVAL = 2000;
const PAGE = 1000;

/** A store whose log is what the test says, at the time that the test says. */
class LogUnderControl extends InMemorySessionStore {
  entries: Revocation[] = [];
  isOut = false;
  /** The longest times that any process has asked for. */
  longest: RevocationTtl = TTL;
  /** The positions from which on it was read, in milliseconds. */
  readonly asked: number[] = [];
  readonly restored: { entries: readonly Revocation[]; ttl: RevocationTtl }[] = [];
  readonly listeners = new Set<() => void>();
  /** How many of the next readings something is appended beside. */
  notificationsWhileRead = 0;

  constructor(readonly time: TestClock) {
    super(time);
  }

  override async revocationsAfter(position: number, countedFrom: number): Promise<RevocationPage> {
    this.asked.push(position / 1000);
    if (this.notificationsWhileRead-- > 0) queueMicrotask(() => this.notify());
    if (this.isOut) throw new Error('connection lost');
    const after = this.entries.filter(({ at }) => at > position).sort((one, other) => one.at - other.at);
    const entries = after.slice(0, PAGE);
    return {
      now: this.time.now(),
      entries,
      ...(after.length > PAGE ? { next: entries.at(-1)?.at ?? 0 } : {}),
      count: this.entries.filter(({ at }) => at > countedFrom).length,
      longest: this.longest,
    };
  }

  async restoreRevocations(entries: readonly Revocation[], ttl: RevocationTtl): Promise<void> {
    this.restored.push({ entries, ttl });
    this.entries.push(...entries.map((entry) => ({ ...entry, at: 1000 * this.time.now() })));
  }

  override onRevocation(
    listener: () => void,
    refused: (reason: string) => void = () => undefined,
  ): () => Promise<void> {
    this.listeners.add(listener);
    this.refuse = refused;
    return async () => void this.listeners.delete(listener);
  }

  /** A session is revoked by somebody. */
  append(sid: string, at = this.time.now()): Revocation {
    const entry = { session: sessionName(sid), at: 1000 * at };
    this.entries.push(entry);
    return entry;
  }

  /** Does not let itself be listened to. */
  refuse = (_reason: string): void => undefined;

  notify(): void {
    for (const listener of this.listeners) listener();
  }
}

let clock: TestClock;
let store: LogUnderControl;
let known: KnownRevocations;
let events: RefreshAuthEvent[];
let log: RevocationLog;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
  clock = new TestClock();
  store = new LogUnderControl(new TestClock());
  known = new KnownRevocations(clock, KEEP);
  log = follow(store);
});
afterEach(async () => {
  await log.stop();
  jest.useRealTimers();
});

function follow(pushing: PushingStore): RevocationLog {
  const reported = new Events(clock);
  events = [];
  reported.observable.subscribe((event) => events.push(event));
  const news = new RevocationEvents(reported);
  return new RevocationLog(new StoreAccess(pushing, 500, reported, clock), news, known, clock, TTL);
}

const ends = (sid: string): boolean => known.ends({ ...claims, sid });

function passTime(milliseconds: number): Promise<void> {
  clock.advance(milliseconds);
  store.time.advance(milliseconds);
  return jest.advanceTimersByTimeAsync(milliseconds);
}

/** Lets what was started come to its end. */
const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

describe('the log is read', () => {
  test('from its beginning at the start', async () => {
    store.append('a', 1);
    store.append('b');

    await log.start();

    expect(store.asked).toEqual([0]);
    expect([ends('b'), ends('c'), log.isFresh]).toEqual([true, false, true]);
  });

  test('on a notification', async () => {
    await log.start();
    store.append('a');
    expect(ends('a')).toBe(false);

    store.notify();
    await settle();

    expect(ends('a')).toBe(true);
  });

  test('on a notification, from a second before the last reading on: there may be many in a second', async () => {
    await log.start();
    const lastReading = store.time.now();
    store.notify();
    await settle();

    expect(store.asked).toEqual([0, lastReading - 1000]);
  });

  test('with all of the overlap, where that was asked for while a notification was answered', async () => {
    await log.start();
    const lastReading = store.time.now();
    store.notify();
    store.notify();
    void log.read();
    store.notify();
    await settle();

    expect(store.asked).toEqual([0, lastReading - 1000, lastReading - MINUTE]);
  });

  test('every 2 s, where the notification is not heard', async () => {
    await log.start();
    store.append('a');

    await passTime(POLL_INTERVAL - 1);
    expect([ends('a'), store.asked.length]).toEqual([false, 1]);
    await passTime(1);
    expect([ends('a'), store.asked.length]).toEqual([true, 2]);
  });

  test('from a minute before the last reading on: entries may become visible later than they are stamped', async () => {
    await log.start();
    const lastReading = store.time.now();
    await passTime(POLL_INTERVAL);
    expect(store.asked).toEqual([0, lastReading - MINUTE]);

    store.append('late', store.time.now() - MINUTE + 1);
    await passTime(POLL_INTERVAL);
    expect(ends('late')).toBe(true);
  });

  test('once at a time: notifications during a reading, however many, are answered by one more reading', async () => {
    await log.start();
    for (let times = 0; times < 5; times++) store.notify();
    await settle();

    expect(store.asked).toHaveLength(3);
  });

  test('while the notification keeps ringing, without the start waiting for the last time', async () => {
    store.notificationsWhileRead = 50;

    await log.start();
    expect([log.isFresh, store.asked.length < 10]).toEqual([true, true]);

    while (store.asked.length <= 50) await settle();
    await settle();
    expect(store.asked).toHaveLength(51);
  });

  test('no more after it was stopped, and no timer and no listener is left', async () => {
    await log.start();
    await log.stop();
    store.notify();
    await passTime(10 * POLL_INTERVAL);

    expect([store.asked.length, store.listeners.size, jest.getTimerCount()]).toEqual([1, 0, 0]);
  });

  test('by a process that starts while the store is down, as soon as it answers', async () => {
    store.isOut = true;
    store.append('a');
    await log.start();
    expect(log.isFresh).toBe(false);

    store.isOut = false;
    await passTime(POLL_INTERVAL);
    expect([log.isFresh, ends('a'), store.asked]).toEqual([true, true, [0, 0]]);
    expect(events.map(({ type }) => type)).toEqual(['store-failed', 'store-recovered']);
  });
});

test('a notification that is refused is told once for each reason, and the polls go on [G2]', async () => {
  await log.start();
  for (const reason of ['NOPERM', 'NOPERM', 'NOAUTH']) store.refuse(reason);
  await passTime(POLL_INTERVAL);

  const at = expect.any(Number);
  expect(events).toEqual([
    { type: 'subscription-failed', at, reason: 'NOPERM' },
    { type: 'subscription-failed', at, reason: 'NOAUTH' },
  ]);
  expect(store.asked).toHaveLength(2);
});

test('a store that is known to be down is polled all the same, and so noticed when it is back', async () => {
  store.isOut = true;
  await log.start();
  for (let polls = 0; polls < 5; polls++) await passTime(POLL_INTERVAL);
  expect(store.asked).toHaveLength(6);

  store.isOut = false;
  store.notify();
  await settle();
  expect(log.isFresh).toBe(true);
  expect(events.map(({ type }) => type)).toEqual(['store-failed', 'store-recovered']);
});

describe('what was read answers for the store', () => {
  test('not before the first reading', () => {
    expect(log.isFresh).toBe(false);
  });

  test('for 5 s, by the moment at which the store was asked', async () => {
    await log.start();
    store.isOut = true;

    await passTime(4999);
    expect(log.isFresh).toBe(true);
    await passTime(1);
    expect(log.isFresh).toBe(false);
  });

  test('not for longer because the store was slow', async () => {
    await log.start();
    let answer = (): void => undefined;
    const original = store.revocationsAfter.bind(store);
    store.revocationsAfter = async (...span) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return original(...span);
    };
    store.notify();
    clock.advance(4000);
    answer();
    await settle();

    clock.advance(999);
    expect(log.isFresh).toBe(true);
    clock.advance(1);
    expect(log.isFresh).toBe(false);
  });

  test.each([-3_600_000, -1_001, 1_001, 3_600_000])(
    'not once the clock of the machine was set by %i ms, until everything was read again; nothing is forgotten [F13]',
    async (step) => {
      store.append('a');
      await log.start();
      await passTime(POLL_INTERVAL);
      store.asked.length = 0;

      clock.step(step);

      expect([log.isFresh, ends('a')]).toEqual([false, true]);
      await passTime(POLL_INTERVAL);
      expect([log.isFresh, ends('a'), store.asked]).toEqual([true, true, [0]]);
    },
  );

  test('again after the next reading', async () => {
    await log.start();
    store.isOut = true;
    await passTime(10_000);
    store.isOut = false;
    await passTime(POLL_INTERVAL);

    expect(log.isFresh).toBe(true);
  });
});

describe('what was read is merged, never replaced', () => {
  test('an entry that the log has lost stays known, and is written back', async () => {
    const a = store.append('a');
    await log.start();
    await passTime(POLL_INTERVAL);

    store.entries = [];
    await passTime(POLL_INTERVAL);

    expect(ends('a')).toBe(true);
    expect(store.restored).toEqual([{ entries: [a], ttl: TTL }]);
    await passTime(POLL_INTERVAL);
    expect(store.restored).toHaveLength(1);
  });

  test('only what was lost is written back, and only while the log would keep it', async () => {
    const old = store.append('old', store.time.now() - KEEP + POLL_INTERVAL);
    const lost = store.append('lost', store.time.now() - 5 * MINUTE);
    const kept = store.append('kept', store.time.now() - 4 * MINUTE);
    await log.start();

    store.entries = [kept];
    await passTime(POLL_INTERVAL);

    expect(store.restored).toEqual([{ entries: [lost], ttl: TTL }]);
    expect(old.at).toBe(1000 * (store.time.now() - KEEP));
  });

  test('an entry that was lost while another one came is written back too', async () => {
    const a = store.append('a');
    await log.start();

    store.entries = [];
    store.append('b');
    await passTime(POLL_INTERVAL);

    expect(store.restored).toEqual([{ entries: [a], ttl: TTL }]);
    expect([ends('a'), ends('b')]).toEqual([true, true]);
  });

  test('a user’s cutoff that was lost is written back, with what it excepts', async () => {
    const cutoff = { time: 7, except: { session: sessionName('a'), floor: 3 } };
    const entry = { user: hashed('1'), cutoff, at: 1000 * store.time.now() };
    store.entries.push(entry);
    await log.start();

    store.entries = [];
    await passTime(POLL_INTERVAL);

    expect(store.restored).toEqual([{ entries: [entry], ttl: TTL }]);
  });

  test('where the store cannot put them back, they stay known and the readings go on', async () => {
    store.append('a');
    Object.defineProperty(store, 'restoreRevocations', { value: undefined });
    await log.start();

    store.entries = [];
    await passTime(POLL_INTERVAL);

    expect([ends('a'), log.isFresh]).toEqual([true, true]);
  });

  test('where putting them back fails, what was read is not trusted, and it is tried again', async () => {
    const a = store.append('a');
    await log.start();
    store.entries = [];
    const restore = store.restoreRevocations.bind(store);
    store.restoreRevocations = () => Promise.reject(new Error('connection lost'));
    await passTime(3 * POLL_INTERVAL);
    expect(log.isFresh).toBe(false);

    store.restoreRevocations = restore;
    await passTime(POLL_INTERVAL);
    expect(store.restored).toEqual([{ entries: [a], ttl: TTL }]);
    expect(log.isFresh).toBe(true);
  });
});

test('what this process has revoked itself, and the log has never shown, is written too', async () => {
  await log.start();
  known.add({ session: sessionName('own'), at: UNSEEN });

  await passTime(POLL_INTERVAL);
  expect(store.restored).toEqual([{ entries: [{ session: sessionName('own'), at: UNSEEN }], ttl: TTL }]);
  await passTime(POLL_INTERVAL);
  expect(store.restored).toHaveLength(1);
});

describe('the clock of the store goes back, as at a failover', () => {
  test('by more than the overlap: everything is read again, and what comes then is not missed', async () => {
    await log.start();
    store.time.step(-10 * MINUTE);
    store.append('a');

    store.notify();
    await settle();
    expect([ends('a'), log.isFresh]).toEqual([true, true]);
    expect(store.asked.at(-1)).toBe(0);

    store.append('b');
    store.notify();
    await settle();
    expect(ends('b')).toBe(true);
  });

  test('by less: the overlap sees it', async () => {
    await log.start();
    store.time.step(-MINUTE + 1);
    store.append('a');

    store.notify();
    await settle();

    expect(ends('a')).toBe(true);
  });

  test('entries from its future are known all the same', async () => {
    store.append('a', store.time.now() + MINUTE);
    await log.start();
    expect(ends('a')).toBe(true);
  });
});

describe('a log of many pages', () => {
  const MOST_ENTRIES = 100_000;
  const fill = (count: number): void => {
    const now = store.time.now();
    for (let index = 0; index < count; index++) store.append(`${index}`, now + index / 1000);
  };

  test('of 100,000 entries is read in one pass, each page within a deadline of its own, and is then fresh [F16] [F34]', async () => {
    fill(MOST_ENTRIES);

    await log.start();

    expect([log.isFresh, known.size, store.asked.length]).toEqual([true, MOST_ENTRIES, MOST_ENTRIES / PAGE]);
    expect([ends('0'), ends(`${MOST_ENTRIES - 1}`)]).toEqual([true, true]);
  });

  test('is read on from where a page has failed [F16]', async () => {
    fill(5 * PAGE);
    const read = store.revocationsAfter.bind(store);
    store.revocationsAfter = async (...span) => {
      if (store.asked.length === 3) {
        store.revocationsAfter = read;
        throw new Error('connection lost');
      }
      return read(...span);
    };
    await log.start();
    expect([log.isFresh, known.size]).toEqual([false, 3 * PAGE]);

    store.notify();
    await settle();

    expect([log.isFresh, known.size]).toEqual([true, 5 * PAGE]);
  });

  test('counts a page that comes too late for its deadline [F16]', async () => {
    fill(2 * PAGE);
    const read = store.revocationsAfter.bind(store);
    let arrive = (): void => undefined;
    store.revocationsAfter = async (...span) => {
      store.revocationsAfter = read;
      const page = await read(...span);
      await new Promise<void>((resolve) => (arrive = resolve));
      return page;
    };
    const started = log.start();
    await passTime(1000);
    jest.useRealTimers();
    await started;
    expect([log.isFresh, known.size]).toEqual([false, 0]);

    arrive();
    await new Promise(setImmediate);
    expect(known.size).toBe(PAGE);
    await log.read();
    expect([log.isFresh, known.size]).toEqual([true, 2 * PAGE]);
  });

  test('with more than can be kept lets go of the oldest, and is not fresh for as long as those can matter', async () => {
    fill(MOST_ENTRIES + 1);
    await log.start();
    expect([log.isFresh, known.size, ends('0'), ends(`${MOST_ENTRIES}`)]).toEqual([false, MOST_ENTRIES, false, true]);

    store.entries = [];
    Object.defineProperty(store, 'restoreRevocations', { value: undefined });
    await passTime(KEEP - POLL_INTERVAL);
    expect(log.isFresh).toBe(false);
    await passTime(2 * POLL_INTERVAL);
    expect(log.isFresh).toBe(true);
  });
});

describe('loss', () => {
  test('is seen although entries of long ago are still there: a store that was restored from a snapshot [F12]', async () => {
    for (let index = 0; index < 10; index++) store.append(`old ${index}`, store.time.now() - KEEP - MINUTE + index);
    const before = [...store.entries];
    const lost = ['a', 'b', 'c', 'd'].map((sid, index) => store.append(sid, store.time.now() - 3 * MINUTE + index));
    await log.start();

    store.entries = before;
    await passTime(POLL_INTERVAL);

    expect(store.restored).toEqual([{ entries: lost, ttl: TTL }]);
  });

  test('is not suspected where the log keeps entries for longer than this process needs them [F12]', async () => {
    for (let index = 0; index < 10; index++) store.append(`old ${index}`, store.time.now() - 2 * KEEP + index);
    store.append('a');
    await log.start();
    store.asked.length = 0;

    await passTime(POLL_INTERVAL);

    expect([store.restored, store.asked.length]).toEqual([[], 1]);
  });
});

describe('how long revocations are kept [F14]', () => {
  test('is as long as any process has asked for', async () => {
    store.longest = { record: TTL.record + 1, log: TTL.log - 1 };
    expect(log.longest).toEqual(TTL);

    await log.start();

    expect(log.longest).toEqual({ record: TTL.record + 1, log: TTL.log });
  });

  test('is made known to all others at the first reading, and whenever the store has forgotten it', async () => {
    store.longest = { record: 0, log: 0 };
    await log.start();
    expect(store.restored).toEqual([{ entries: [], ttl: TTL }]);

    store.longest = TTL;
    await passTime(POLL_INTERVAL);
    expect(store.restored).toHaveLength(1);

    store.longest = { record: TTL.record, log: TTL.log - 1 };
    await passTime(POLL_INTERVAL);
    expect(store.restored).toHaveLength(2);
  });
});

test.each<[string, object, boolean]>([
  ['both', { revocationsAfter: () => undefined, onRevocation: () => undefined }, true],
  ['no notification', { revocationsAfter: () => undefined }, false],
  ['no log', { onRevocation: () => undefined }, false],
])('a store with %s can push: %j %s', (_, methods, expected) => {
  expect(canPush(methods as PushingStore)).toBe(expected);
});
