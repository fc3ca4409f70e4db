import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents, refusal } from '../../../../test/support/core.js';
import { interceptedStore } from '../../../../test/support/intercepted-store.js';
import { Events, type RefreshAuthEvent } from '../events/events.js';
import { LateRevocation, type SessionStore, StoreError } from './session-store.js';
import { InMemorySessionStore } from './in-memory-session-store.js';
import { StoreAccess } from './store-access.js';

const TIMEOUT = 500;
const NO_ANSWER = {
  code: 'store_unavailable',
  statusCode: 503,
  message: 'The session store is unavailable, try again',
  detail: 'no answer within storeTimeout',
};

/** Lets time pass, and the event loop go round once. */
async function advance(milliseconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(milliseconds);
  await new Promise((resolve) => setImmediate(resolve));
}

const never = () => new Promise<never>(() => undefined);
const fail = (message = 'connection lost') => Promise.reject(new Error(message));
const after = <T>(milliseconds: number, answer: T) =>
  new Promise<T>((resolve) => setTimeout(() => resolve(answer), milliseconds));

describe('StoreAccess', () => {
  let clock: TestClock;
  let access: StoreAccess;
  let events: RefreshAuthEvent[];

  beforeEach(() => {
    // An immediate is not a matter of time: what has arrived is read before a deadline counts.
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    clock = new TestClock();
    const reported = new Events(clock);
    events = [];
    reported.observable.subscribe((event) => events.push(event));
    access = new StoreAccess(new InMemorySessionStore(clock), TIMEOUT, reported, clock);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** The outcome by now, if there is one. */
  function follow(attempt: Promise<unknown>): { outcome?: unknown } {
    const followed: { outcome?: unknown } = {};
    refusal(attempt).then(
      (outcome) => (followed.outcome = outcome),
      (outcome) => (followed.outcome = outcome),
    );
    return followed;
  }

  test('hands on what the store answers, and leaves no timer behind', async () => {
    expect(await access.begin()(async () => 'answer')).toBe('answer');
    expect(jest.getTimerCount()).toBe(0);
  });

  test('waits for a store that never answers until the deadline, and no longer [S2]', async () => {
    const attempt = follow(access.begin()(never));

    await advance(TIMEOUT - 1);
    expect(attempt).toEqual({});

    await advance(1);
    expect(attempt).toEqual({ outcome: NO_ANSWER });
    expect(jest.getTimerCount()).toBe(0);
  });

  test('has one deadline for all that is asked of it', async () => {
    const ask = access.begin();
    const answer = ask(() => after(400, 'answer'));
    await advance(400);
    expect(await answer).toBe('answer');

    const attempt = follow(ask(never));
    await advance(99);
    expect(attempt).toEqual({});

    await advance(1);
    expect(attempt).toEqual({ outcome: NO_ANSWER });
  });

  test('has a deadline that stands still while nothing is asked', async () => {
    await advance(1);
    const ask = access.begin();
    const answer = ask(() => after(400, 'answer'));
    await advance(400);
    await answer;
    await advance(10 * TIMEOUT);

    const attempt = follow(ask(never));
    await advance(99);
    expect(attempt).toEqual({});

    await advance(1);
    expect(attempt).toEqual({ outcome: NO_ANSWER });
  });

  test('has the same deadline for what is asked meanwhile', async () => {
    const ask = access.begin();
    const first = follow(ask(never));
    await advance(400);
    const second = follow(ask(never));

    await advance(99);
    expect([first, second]).toEqual([{}, {}]);
    await advance(1);
    expect([first, second]).toEqual([{ outcome: NO_ANSWER }, { outcome: NO_ANSWER }]);
  });

  test('has another deadline for whoever begins later', async () => {
    await advance(10 * TIMEOUT);
    const answer = access.begin()(() => after(TIMEOUT - 1, 'answer'));
    await advance(TIMEOUT - 1);

    expect(await answer).toBe('answer');
  });

  test.each<[string, () => Promise<unknown>]>([
    ['an answer', () => after(TIMEOUT + 1, 'late')],
    ['an error', () => after(TIMEOUT + 1, 'late').then(() => fail('late'))],
  ])('%s that comes too late changes nothing', async (_, ask) => {
    const attempt = follow(access.begin()(ask));
    await advance(10 * TIMEOUT);

    expect(attempt).toEqual({ outcome: NO_ANSWER });
    expect(events).toEqual([{ type: 'store-failed', at: clock.now(), reason: 'no answer within storeTimeout' }]);
  });

  test('reports once that the store fails, and once that it answers again', async () => {
    const attempts = [fail, fail, never, fail, async () => 'answer', async () => 'answer', fail, async () => 'answer'];
    for (const ask of attempts) {
      const attempt = follow(access.insist()(() => ask()));
      await advance(TIMEOUT);
      expect(attempt).toHaveProperty('outcome');
    }

    const at = clock.now();
    expect(events).toEqual([
      { type: 'store-failed', at, reason: 'connection lost' },
      { type: 'store-recovered', at },
      { type: 'store-failed', at, reason: 'connection lost' },
      { type: 'store-recovered', at },
    ]);
  });

  describe('while the store is known to be down', () => {
    const KNOWN = { ...NO_ANSWER, detail: 'known to be down: connection lost' };
    const REST = 1000;
    let calls: number;

    /** Refused three times in a row. */
    beforeEach(async () => {
      calls = 0;
      for (let times = 0; times < 3; times++) await refusal(access.begin()(() => fail()));
    });

    const count = <T>(answer: () => Promise<T>) => {
      calls += 1;
      return answer();
    };

    test('refuses at once, and does not ask [S2]', async () => {
      expect(await refusal(access.begin()(() => count(never)))).toEqual(KNOWN);
      expect(calls).toBe(0);
    });

    test('lets one trial through after a rest, and one at a time', async () => {
      clock.advance(REST - 1);
      expect(await refusal(access.begin()(() => count(never)))).toEqual(KNOWN);
      clock.advance(1);
      const trial = follow(access.begin()(() => count(never)));
      expect(await refusal(access.begin()(() => count(never)))).toEqual(KNOWN);
      expect(calls).toBe(1);

      await advance(TIMEOUT);
      expect(trial).toEqual({ outcome: NO_ANSWER });
      clock.advance(REST);
      expect(await access.begin()(() => count(async () => 'answer'))).toBe('answer');
      expect(await access.begin()(() => count(async () => 'answer'))).toBe('answer');
    });

    test('asks what insists on it, whose answer ends the outage', async () => {
      expect(await access.insist()(async () => 'answer')).toBe('answer');
      expect(await access.begin()(async () => 'answer')).toBe('answer');
      expect(events.map(({ type }) => type)).toEqual(['store-failed', 'store-recovered']);
    });

    test('a clock that was set back keeps it away for no longer', async () => {
      clock.step(-3_600_000);
      clock.advance(1000);

      expect(await access.begin()(async () => 'answer')).toBe('answer');
    });

    test('reports the outage once, whatever is refused for it', async () => {
      for (let times = 0; times < 5; times++) await refusal(access.begin()(() => fail()));

      expect(events).toEqual([{ type: 'store-failed', at: clock.now(), reason: 'connection lost' }]);
      expect(access.failure).toBe('connection lost');
    });
  });

  describe('is not known to be down', () => {
    const refuse = (reason: string, isOfOneRecord?: boolean) => Promise.reject(new StoreError(reason, isOfOneRecord));
    const expectAsked = async () => expect(await access.begin()(async () => 'answer')).toBe('answer');

    test.each<[string, () => Promise<never>]>([
      ['refuses', () => refuse('OOM')],
      ['cannot read one record', () => refuse('WRONGTYPE', true)],
    ])('a store that %s, however often [S10]', async (_, ask) => {
      for (let times = 0; times < 10; times++) await refusal(access.begin()(ask));

      await expectAsked();
    });

    test('one that failed as often, but not in a row', async () => {
      for (const ask of [fail, fail, () => refuse('OOM'), fail, fail, async () => 'answer', fail, fail]) {
        await access
          .begin()(() => ask())
          .catch(() => undefined);
      }

      await expectAsked();
    });

    test('one that answered others meanwhile', async () => {
      const attempts = [1, 2, 3].map(() => follow(access.begin()(never)));
      await expectAsked();
      await advance(TIMEOUT);
      expect(attempts).toEqual([1, 2, 3].map(() => ({ outcome: NO_ANSWER })));

      await expectAsked();
    });
  });

  describe('a store that refuses', () => {
    const QUIET = 10_000;
    const ask = (outcome?: StoreError) =>
      access
        .begin()(() => (outcome ? Promise.reject(outcome) : Promise.resolve()))
        .catch(() => undefined);
    const types = () => events.map(({ type }) => type);

    test('is reported once, and works again when it has refused nothing for ten seconds: reads prove nothing', async () => {
      for (let times = 0; times < 3; times++) {
        await ask(new StoreError('OOM'));
        clock.advance(QUIET - 1);
        await ask();
      }
      expect(types()).toEqual(['store-failed']);
      expect(access.failure).toBe('OOM');

      clock.advance(1);
      await ask();
      expect(types()).toEqual(['store-failed', 'store-recovered']);
      expect(access.failure).toBeUndefined();
    });

    test('only one record is no failure of the store', async () => {
      await ask(new StoreError('WRONGTYPE', true));

      expect([types(), access.failure]).toEqual([[], undefined]);
    });
  });

  test.each([
    [
      'of ioredis, without its arguments',
      new Error("ERR unknown command 'X', with args beginning with: 'secret'"),
      "ERR unknown command 'X'",
    ],
    ['of a store of the application', new Error('disk full'), 'disk full'],
    ['that is none', 'secret', 'unknown'],
  ])('gives the reason of an error %s [G1]', async (_, error: unknown, reason) => {
    const attempt = access.begin()(async () => {
      throw error;
    });

    expect(await refusal(attempt)).toEqual({ ...NO_ANSWER, detail: reason });
    expect(events).toEqual([{ type: 'store-failed', at: clock.now(), reason }]);
  });

  test.each([
    ['once more, by the clock that it was told', 1],
    ['not for ever', 2],
  ])('asks a store that came to a revocation too late %s [F30]', async (_, times) => {
    access.tell(1_000_000);
    const deadlines: (number | undefined)[] = [];
    const attempt = access.begin()(async (_store, deadline) => {
      deadlines.push(deadline);
      if (deadlines.length <= times) throw new LateRevocation(3_000_000);
      return 'written';
    });

    const outcome = times === 1 ? await attempt : await refusal(attempt);

    expect(outcome).toEqual(
      times === 1 ? 'written' : { ...NO_ANSWER, detail: 'the store came to the revocation too late' },
    );
    const isWithinTimeout = (time = 0, told: number) => time > told && time <= told + TIMEOUT;
    expect(deadlines.map((time, index) => isWithinTimeout(time, [1_000_000, 3_000_000][index]!))).toEqual([true, true]);
  });

  test('takes a store that throws for one that fails', async () => {
    const attempt = access.begin()(() => {
      throw new Error('not connected');
    });

    expect(await refusal(attempt)).toEqual({ ...NO_ANSWER, detail: 'not connected' });
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('A store whose methods throw instead of rejecting [F38]', () => {
  const broken = new Proxy({} as Required<SessionStore>, {
    get: () => () => {
      throw new TypeError('this.rows is undefined');
    },
  });
  const unavailable = { code: 'store_unavailable', detail: 'this.rows is undefined' };
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);

  beforeEach(() => void process.on('unhandledRejection', note));
  afterEach(() => void process.off('unhandledRejection', note));

  test('is a store that is down: 503, and no rejection that nobody handles', async () => {
    const clock = new TestClock();
    const options = { sessions: 'tracked', reuseDetection: { grace: 30 }, revocation: 'every-request' } as const;
    // One for each, as a process that is known to be without its store says so.
    const open = () => makeCore(options, { store: broken, clock });
    const { token } = issue(open());

    expect(await refusal(authenticate(open(), token))).toMatchObject(unavailable);
    clock.advance(EXPIRES_IN * 1000);
    expect(await refusal(authenticate(open(), token))).toMatchObject(unavailable);
    expect(await refusal(open().authenticator.inspect(token))).toMatchObject(unavailable);
    expect(await refusal(open().signIns.start({ sub: '1' }, {}))).toMatchObject(unavailable);
    expect(await refusal(open().revocations.revokeSession('x'.repeat(30)))).toMatchObject(unavailable);
    expect(await refusal(open().revocations.revokeUser('1'))).toMatchObject(unavailable);
    expect(await refusal(open().tracked?.list('1') ?? Promise.resolve())).toMatchObject(unavailable);
    const pushed = makeCore({}, { store: broken, clock });
    const events = recordEvents(pushed);
    await pushed.start();
    await pushed.stop();
    expect(events.map(({ type }) => type)).toEqual(['subscription-failed', 'store-failed']);

    await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
  });
});

describe('A request whose store never answers', () => {
  beforeEach(() => {
    // An immediate is not a matter of time: what has arrived is read before a deadline counts.
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test.each([
    ['a refresh', 1],
    ['the second call of a refresh', 2],
  ])('%s: is refused as 503 within storeTimeout, and the next one goes through', async (_, calls) => {
    const clock = new TestClock();
    const store = interceptedStore(clock);
    const core = makeCore({ storeTimeout: `${TIMEOUT}ms` }, { store, clock });
    const events = recordEvents(core);
    const { token } = issue(core);
    clock.advance(EXPIRES_IN * 1000);
    await authenticate(core, token);
    clock.advance(EXPIRES_IN * 1000);
    if (calls === 2) store.intercept((ask) => ask());
    store.intercept(never);

    const refused = refusal(authenticate(core, token));
    await advance(TIMEOUT);
    expect(await refused).toEqual(NO_ANSWER);

    expect((await authenticate(core, token)).state).toBe('already-refreshed');
    expect(events.map(({ type }) => type)).toEqual([
      'refreshed',
      'store-failed',
      'token-rejected',
      'store-recovered',
      'already-refreshed',
    ]);
  });

  test.each(['inspect', 'revokeSession'] as const)('%s: is refused as 503 within storeTimeout', async (method) => {
    const clock = new TestClock();
    const store = interceptedStore(clock);
    store.intercept(never);
    store.revoke = never;
    const core = makeCore({ storeTimeout: `${TIMEOUT}ms` }, { store, clock });
    const { token, claims } = issue(core);
    clock.advance(EXPIRES_IN * 1000);

    const refused = refusal(
      method === 'inspect' ? core.authenticator.inspect(token) : core.revocations.revokeSession(claims.sid),
    );
    await advance(TIMEOUT);

    expect(await refused).toEqual(NO_ANSWER);
  });
});
