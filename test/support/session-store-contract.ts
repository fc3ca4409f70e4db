import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { hashed } from '../../libs/refresh-auth/src/sessions/hashed.js';
import type {
  ReuseRule,
  Revocation,
  RotationAnswer,
  RotationRequest,
  SealedSuccessor,
  SessionStore,
  SubjectMark,
} from '../../libs/refresh-auth/src/sessions/session-store.js';
import type { TestClock } from './clock.js';

/** A store that can do all that one can but put back what its log has lost. */
export type WholeStore = SessionStore & Required<Omit<SessionStore, 'restoreRevocations' | 'close'>>;

/** What the contract needs to know of a store besides its interface. */
export interface StoresUnderTest {
  /** One for each process that shares the sessions. */
  readonly stores: readonly [WholeStore, ...WholeStore[]];
  /** The clock that all of them go by. */
  readonly clock: TestClock;
  /** Lets time pass on that clock and for all that is stored. */
  pass(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const ttl = { record: HOUR, log: HOUR };
/** A chain that is renewed every second gets there after 3,000 years. */
const LAST_GENERATION = 99_999_999_999;

const NOT_TEXT = Uint8Array.from({ length: 256 }, (_, index) => index);

/** Answers the bell of a store by reading the log, counts how often it rang, and lets the test wait for an entry. */
function listen(on: WholeStore) {
  let rings = 0;
  let reading = Promise.resolve();
  const awaited = new Map<string, () => void>();
  const read = async (): Promise<void> => {
    const { entries } = await on.revocationsSince(0);
    for (const entry of entries) if ('session' in entry) awaited.get(entry.session)?.();
  };
  const ring = (): void => {
    rings += 1;
    reading = reading.then(read);
  };
  const stop = on.onRevocation(ring, (reason) => {
    throw new Error(reason);
  });
  return {
    rings: () => rings,
    heard: (sid: string) => new Promise<void>((resolve) => void awaited.set(hashed(sid), resolve)),
    async stop() {
      await stop();
      await reading;
    },
  };
}

/** The doc comments of `SessionStore`, sentence by sentence: every store passes this one suite. */
export function itKeepsTheContract(open: () => Promise<StoresUnderTest>): void {
  let opened: StoresUnderTest;
  let store: WholeStore;
  let sid: string;
  let sub: string;

  beforeAll(async () => {
    opened = await open();
    [store] = opened.stores;
  });
  afterAll(() => opened.close());
  beforeEach(() => {
    sid = randomUUID();
    sub = randomUUID();
  });

  const successor = (text: string | Uint8Array, keep = HOUR): SealedSuccessor => ({
    sealed: Buffer.from(text),
    ttl: keep,
  });
  const rotate = (request: Omit<RotationRequest, 'sid'>): Promise<RotationAnswer> => store.rotate({ sid, ...request });
  const rotateTo = (text: string, generation: number, keep?: number): Promise<RotationAnswer> =>
    rotate({ generation, candidate: successor(text, keep) });
  /** What stands there, asked so that nothing is written. */
  const head = (): Promise<RotationAnswer> => rotate({ generation: 0 });
  const now = (): number => opened.clock.now();

  const superseded = (gen: number, sealed: string | Uint8Array) => ({
    outcome: 'superseded',
    head: gen,
    sealed: Buffer.from(sealed),
  });
  const ROTATED = { outcome: 'rotated', lostWrite: false };
  const ROTATED_AFTER_LOSS = { outcome: 'rotated', lostWrite: true };
  const CURRENT = { outcome: 'current' };
  const REVOKED = { outcome: 'revoked' };
  const reused = (gen: number) => ({ outcome: 'reused', head: gen });

  describe('rule 1: a revoked session', () => {
    test.each<[string, Omit<RotationRequest, 'sid'>]>([
      ['a candidate', { generation: 1, candidate: successor('two') }],
      ['the candidate that became its head', { generation: 0, candidate: successor('one') }],
      ['a candidate of a later generation', { generation: 7, candidate: successor('eight') }],
      ['no candidate', { generation: 0 }],
      ['a refused head', { generation: 1, candidate: successor('two'), refused: Buffer.from('one') }],
    ])('hands nothing over to %s', async (_, request) => {
      await rotateTo('one', 0);
      await store.revoke(sid, ttl);

      expect(await rotate(request)).toEqual(REVOKED);
      expect(await head()).toEqual(REVOKED);
    });
  });

  describe('rule 1: a tracked session', () => {
    test.each<[string, Omit<RotationRequest, 'sid'>]>([
      ['no candidate', { generation: 0 }],
      ['a candidate', { generation: 0, candidate: successor('one') }],
      ['a candidate of a later generation', { generation: 3, candidate: successor('four') }],
    ])('without a record has ended: with %s, and none is made [S7]', async (_, request) => {
      expect(await rotate({ ...request, tracked: true })).toEqual(REVOKED);
      expect(await head()).toEqual(CURRENT);
    });

    test('goes on where it has a record', async () => {
      await rotateTo('one', 0);

      const answer = await rotate({ generation: 1, candidate: successor('two'), tracked: true });

      expect(answer).toEqual(ROTATED);
      expect(await head()).toEqual(superseded(2, 'two'));
    });

    test('that was revoked has ended', async () => {
      await rotateTo('one', 0);
      await store.revoke(sid, ttl);

      expect(await rotate({ generation: 1, candidate: successor('two'), tracked: true })).toEqual(REVOKED);
    });

    test.each<[string, Partial<RotationRequest>]>([
      ['', {}],
      [', under the grace policy', { reuse: { grace: 0, expiredAt: 0 }, presented: -1 }],
    ])('begins with generation -1%s', async (_, more) => {
      expect(await rotate({ generation: -1, candidate: successor('zero'), ...more })).toEqual(ROTATED);

      expect(await rotate({ generation: -1, tracked: true })).toEqual(superseded(0, 'zero'));
      expect(await rotate({ generation: 0, candidate: successor('one'), tracked: true })).toEqual(ROTATED);
      expect(await head()).toEqual(superseded(1, 'one'));
    });

    test('that has begun is no lost write, and does not begin again', async () => {
      await rotateTo('zero', -1);

      expect(await rotateTo('other', -1)).toEqual(superseded(0, 'zero'));
    });
  });

  describe('rule 2 and 4: a head that is newer than the generation', () => {
    test.each([0, 1, 2])('is the answer to a candidate for generation %i', async (generation) => {
      await rotateTo('one', 0);
      await rotateTo('two', 1);
      await rotateTo('three', 2);

      expect(await rotateTo('fork', generation)).toEqual(superseded(3, 'three'));
      expect(await head()).toEqual(superseded(3, 'three'));
    });

    test('is the answer where no candidate is given', async () => {
      await rotateTo('one', 0);

      expect(await rotate({ generation: 0 })).toEqual(superseded(1, 'one'));
    });

    test('is the answer where another head was refused', async () => {
      await rotateTo('one', 0);
      await rotateTo('two', 1);

      const answer = await rotate({ generation: 1, candidate: successor('mend'), refused: Buffer.from('one') });

      expect(answer).toEqual(superseded(2, 'two'));
      expect(await head()).toEqual(superseded(2, 'two'));
    });

    test('is no lost race where its bytes are those of the candidate: the reply was lost [R3]', async () => {
      await rotateTo('one', 0);

      expect(await rotateTo('one', 0)).toEqual(ROTATED);
      expect(await rotateTo('one', 0)).toEqual(ROTATED);
      expect(await head()).toEqual(superseded(1, 'one'));
    });

    test('is the answer to the former head that comes again', async () => {
      await rotateTo('one', 0);
      await rotateTo('two', 1);

      expect(await rotateTo('one', 0)).toEqual(superseded(2, 'two'));
    });
  });

  describe('rule 4: a head that was refused', () => {
    test('is replaced where it still stands there byte for byte', async () => {
      await rotateTo('spoilt', 4);

      const answer = await rotate({ generation: 5, candidate: successor('mended'), refused: Buffer.from('spoilt') });

      expect(answer).toEqual(ROTATED);
      expect(await head()).toEqual(superseded(6, 'mended'));
    });

    test.each([
      ['with a candidate', { candidate: successor('mended') }],
      ['without a candidate', {}],
    ])('is the answer where it is another one by now, %s', async (_, candidate) => {
      await rotateTo('sound', 4);

      const answer = await rotate({ generation: 5, ...candidate, refused: Buffer.from('spoilt') });

      expect(answer).toEqual(superseded(5, 'sound'));
      expect(await head()).toEqual(superseded(5, 'sound'));
    });

    test('is gone: the candidate takes its place', async () => {
      const answer = await rotate({ generation: 5, candidate: successor('mended'), refused: Buffer.from('spoilt') });

      expect(answer).toEqual(ROTATED_AFTER_LOSS);
      expect(await head()).toEqual(superseded(6, 'mended'));
    });
  });

  describe('rule 5: without a candidate', () => {
    test('a session without a record is current, and stays without one', async () => {
      expect(await rotate({ generation: 0 })).toEqual(CURRENT);
      expect(await rotate({ generation: 3 })).toEqual(CURRENT);
      expect(await rotateTo('one', 0)).toEqual(ROTATED);
    });

    test.each([
      ['the head', 2],
      ['later than the head', 3],
    ])('a generation that is %s is current, and nothing is written', async (_, generation) => {
      await rotateTo('two', 1);

      expect(await rotate({ generation })).toEqual(CURRENT);
      expect(await head()).toEqual(superseded(2, 'two'));
    });

    test('the head is current where it is the refused one', async () => {
      await rotateTo('spoilt', 0);

      expect(await rotate({ generation: 1, refused: Buffer.from('spoilt') })).toEqual(CURRENT);
    });
  });

  describe('rule 6: the candidate becomes the head', () => {
    test.each([
      ['of a session without a record', undefined, 0, ROTATED],
      ['of a session whose record was lost', undefined, 1, ROTATED_AFTER_LOSS],
      ['after the head', 4, 5, ROTATED],
      ['after a generation that the store does not know', 4, 6, ROTATED_AFTER_LOSS],
      ['after the last but one generation', undefined, LAST_GENERATION - 1, ROTATED_AFTER_LOSS],
      ['after a head of eleven digits', LAST_GENERATION - 2, LAST_GENERATION - 1, ROTATED],
    ])('%s', async (_, before, generation, answer) => {
      if (before !== undefined) await rotateTo('before', before);

      expect(await rotateTo('after', generation)).toEqual(answer);
      expect(await head()).toEqual(superseded(generation + 1, 'after'));
    });
  });

  describe('rule 3: reuse', () => {
    const GRACE = 30 * SECOND;
    /** Of a token that has expired by now. */
    const rule = (more: Partial<ReuseRule> = {}): ReuseRule => ({ grace: GRACE, expiredAt: now(), ...more });

    /** Generations up to the third are there, each a minute after the one before, and a client has used the newest. */
    async function inUse(used = 3): Promise<void> {
      await rotateTo('one', 0);
      opened.clock.advance(MINUTE);
      await rotateTo('two', 1);
      opened.clock.advance(MINUTE);
      await rotateTo('three', 2);
      await store.markUsed([{ sid, gen: used }]);
    }

    test.each([0, 1])(
      'of an older generation, %i: from its expiry and the grace on, to the millisecond',
      async (gen) => {
        await inUse();
        const reuse = rule();

        opened.clock.advance(GRACE - 1);
        expect(await rotate({ generation: gen, reuse })).toEqual(superseded(3, 'three'));
        opened.clock.advance(1);
        expect(await rotate({ generation: gen, reuse })).toEqual(reused(3));
      },
    );

    test('of an older generation: whenever the head took its place', async () => {
      await inUse();

      expect(await rotate({ generation: 1, reuse: rule({ expiredAt: now() - GRACE }) })).toEqual(reused(3));
    });

    test('of the predecessor that expired before: from when the head took its place, to the millisecond', async () => {
      await inUse();
      const reuse = rule({ expiredAt: now() - HOUR });

      opened.clock.advance(GRACE - 1);
      expect(await rotate({ generation: 2, reuse })).toEqual(superseded(3, 'three'));
      opened.clock.advance(1);
      expect(await rotate({ generation: 2, reuse })).toEqual(reused(3));
    });

    test('of the predecessor that expires later: from its expiry on, to the millisecond', async () => {
      await inUse();
      const reuse = rule({ expiredAt: now() + MINUTE });

      opened.clock.advance(MINUTE + GRACE - 1);
      expect(await rotate({ generation: 2, reuse })).toEqual(superseded(3, 'three'));
      opened.clock.advance(1);
      expect(await rotate({ generation: 2, reuse })).toEqual(reused(3));
    });

    test.each([0, 1, 2])('is none where no client was seen with anything newer than %i [U2]', async (gen) => {
      await inUse(gen);
      opened.clock.advance(30 * MINUTE);

      expect(await rotate({ generation: gen, reuse: rule({ expiredAt: 0 }) })).toEqual(superseded(3, 'three'));
      await store.markUsed([{ sid, gen: gen + 1 }]);
      expect(await rotate({ generation: gen, reuse: rule({ expiredAt: 0 }) })).toEqual(reused(3));
    });

    test('is none without a rule', async () => {
      await inUse();
      opened.clock.advance(30 * MINUTE);

      expect(await rotate({ generation: 0 })).toEqual(superseded(3, 'three'));
    });

    test.each([3, 4])('is none of generation %i: nothing newer is there', async (generation) => {
      await inUse();
      await store.markUsed([{ sid, gen: 9 }]);
      opened.clock.advance(30 * MINUTE);

      expect(await rotate({ generation, reuse: rule({ expiredAt: 0 }) })).toEqual(CURRENT);
    });

    test('is none of the request that comes again after a lost reply [R3]', async () => {
      await inUse();
      opened.clock.advance(30 * MINUTE);

      const answer = await rotate({ generation: 2, candidate: successor('three'), reuse: rule({ expiredAt: 0 }) });

      expect(answer).toEqual(ROTATED);
    });

    test('with revokeFor ends the session in the same step [U1]', async () => {
      await inUse();

      const answer = await rotate({
        generation: 0,
        candidate: successor('fork'),
        presented: 0,
        reuse: rule({ expiredAt: 0, revokeFor: HOUR }),
      });

      expect(answer).toEqual(reused(3));
      expect(await head()).toEqual(REVOKED);
      expect(await store.isRevoked(sid)).toBe(true);
    });

    test('with revokeFor is one, however many come at once [U1]', async () => {
      await inUse();
      const reuse = rule({ expiredAt: 0, revokeFor: HOUR });

      const answers = await Promise.all(opened.stores.map((each) => each.rotate({ sid, generation: 0, reuse })));

      expect(answers.filter(({ outcome }) => outcome === 'reused')).toEqual([reused(3)]);
      expect(answers.filter(({ outcome }) => outcome !== 'reused')).toEqual(opened.stores.slice(1).map(() => REVOKED));
    });

    test.each([
      ['the time of revokeFor', SECOND, HOUR],
      ['no shorter than the record was', HOUR, SECOND],
    ])('with revokeFor leaves a tombstone for %s [L6]', async (_, keep, revokeFor) => {
      await rotateTo('one', 0, keep);
      await rotateTo('two', 1, keep);
      await store.markUsed([{ sid, gen: 2 }]);
      expect(await rotate({ generation: 0, reuse: rule({ grace: 0, revokeFor }) })).toEqual(reused(2));

      await opened.pass(HOUR - 10 * SECOND);
      expect(await head()).toEqual(REVOKED);
      await opened.pass(10 * SECOND);
      expect(await head()).toEqual(CURRENT);
    });

    test('without revokeFor writes nothing', async () => {
      await inUse();
      const reuse = rule({ expiredAt: 0 });

      expect(await rotate({ generation: 0, candidate: successor('fork'), reuse })).toEqual(reused(3));

      expect(await head()).toEqual(superseded(3, 'three'));
      expect(await rotate({ generation: 3, candidate: successor('four'), presented: 3, reuse })).toEqual(ROTATED);
      expect(await rotate({ generation: 0, reuse })).toEqual(reused(4));
    });
  });

  describe('presented', () => {
    /** Whether a client was seen with this generation or a newer one, asked so that nothing is written. */
    const isUsed = async (generation: number): Promise<boolean> =>
      (await rotate({ generation: generation - 1, reuse: { grace: 0, expiredAt: 0 } })).outcome === 'reused';

    test.each<[string, Omit<RotationRequest, 'sid'>, string]>([
      ['the head is renewed', { generation: 2, candidate: successor('three') }, 'rotated'],
      ['the head is handed over', { generation: 1, candidate: successor('fork') }, 'superseded'],
      ['the head is not the refused one', { generation: 2, refused: Buffer.from('spoilt') }, 'superseded'],
      ['the head is looked at', { generation: 2 }, 'current'],
      ['the reply was lost', { generation: 1, candidate: successor('two') }, 'rotated'],
    ])('raises `used` where %s', async (_, request, outcome) => {
      await rotateTo('one', 0);
      await rotateTo('two', 1);
      opened.clock.advance(SECOND);
      expect(await isUsed(1)).toBe(false);

      expect(await rotate({ ...request, presented: 2 })).toMatchObject({ outcome });

      // One more on top, so that the second is not the head itself.
      await rotateTo('nine', 8);
      opened.clock.advance(SECOND);
      expect([await isUsed(2), await isUsed(3)]).toEqual([true, false]);
    });

    test('lowers nothing', async () => {
      await rotateTo('three', 2);
      await store.markUsed([{ sid, gen: 3 }]);

      await rotate({ generation: 0, presented: 0 });
      await rotate({ generation: 3, candidate: successor('four'), presented: 1 });

      opened.clock.advance(SECOND);
      expect([await isUsed(3), await isUsed(4)]).toEqual([true, false]);
    });

    test('makes no record, and prolongs none', async () => {
      expect(await rotate({ generation: 3, presented: 3 })).toEqual(CURRENT);
      expect(await rotate({ generation: 0, tracked: true })).toEqual(REVOKED);

      await rotateTo('four', 3, HOUR);
      await opened.pass(HOUR - 10 * SECOND);
      await rotate({ generation: 3, presented: 3 });
      await opened.pass(10 * SECOND);
      expect(await head()).toEqual(CURRENT);
    });
  });

  describe('markUsed', () => {
    const isReused = async (generation: number): Promise<boolean> =>
      (await rotate({ generation, reuse: { grace: 0, expiredAt: 0 } })).outcome === 'reused';

    test('keeps the highest, in whatever order they come', async () => {
      await rotateTo('nine', 8);
      await store.markUsed([{ sid, gen: 3 }]);
      expect([await isReused(2), await isReused(3)]).toEqual([true, false]);

      await store.markUsed([
        { sid, gen: 5 },
        { sid, gen: 4 },
      ]);
      await store.markUsed([{ sid, gen: 2 }]);

      expect([await isReused(4), await isReused(5)]).toEqual([true, false]);
    });

    test('keeps it when the head is renewed', async () => {
      await rotateTo('five', 4);
      await store.markUsed([{ sid, gen: 5 }]);

      await rotateTo('six', 5);
      await rotateTo('seven', 6);

      expect([await isReused(4), await isReused(5)]).toEqual([true, false]);
    });

    test('leaves the head as it is', async () => {
      await rotateTo(NOT_TEXT.toString(), 0);

      await store.markUsed([{ sid, gen: 1 }]);

      expect(await head()).toEqual(superseded(1, NOT_TEXT.toString()));
    });

    test('is for many sessions at once, and for no other', async () => {
      const sids = [sid, randomUUID(), randomUUID()];
      for (const each of sids) await store.rotate({ sid: each, generation: 4, candidate: successor('five') });

      await store.markUsed(sids.slice(0, 2).map((each) => ({ sid: each, gen: 5 })));
      opened.clock.advance(SECOND);

      const reuse = { grace: 0, expiredAt: 0 };
      const answers = await Promise.all(sids.map((each) => store.rotate({ sid: each, generation: 4, reuse })));
      expect(answers.map(({ outcome }) => outcome)).toEqual(['reused', 'reused', 'superseded']);
    });

    test('of nothing is none', async () => {
      expect(await store.markUsed([])).toBeUndefined();
    });

    test('creates nothing', async () => {
      await store.markUsed([{ sid, gen: 3 }]);

      expect(await rotate({ generation: 0, tracked: true })).toEqual(REVOKED);
      expect(await head()).toEqual(CURRENT);
    });

    test('brings no session back', async () => {
      await rotateTo('one', 0);
      await store.revoke(sid, ttl);

      await store.markUsed([{ sid, gen: 1 }]);

      expect(await head()).toEqual(REVOKED);
    });

    test('prolongs nothing', async () => {
      await rotateTo('one', 0, HOUR);
      await opened.pass(HOUR - 10 * SECOND);

      await store.markUsed([{ sid, gen: 1 }]);
      expect(await head()).toEqual(superseded(1, 'one'));

      await opened.pass(10 * SECOND);
      expect(await head()).toEqual(CURRENT);
    });
  });

  describe('isRevoked', () => {
    test.each<[string, () => Promise<unknown>, boolean, boolean]>([
      ['of a session without a record', async () => undefined, false, true],
      ['of a renewed session', () => rotateTo('one', 0), false, false],
      ['of a session that has begun', () => rotateTo('zero', -1), false, false],
      ['of a revoked session', () => store.revoke(sid, ttl), true, true],
    ])('%s', async (_, prepare, untracked, tracked) => {
      await prepare();

      expect([await store.isRevoked(sid), await store.isRevoked(sid, false), await store.isRevoked(sid, true)]).toEqual(
        [untracked, untracked, tracked],
      );
    });

    test('is as long as the tombstone is kept', async () => {
      await store.revoke(sid, ttl);

      await opened.pass(HOUR - 10 * SECOND);
      expect(await store.isRevoked(sid)).toBe(true);
      await opened.pass(10 * SECOND);
      expect(await store.isRevoked(sid)).toBe(false);
    });
  });

  describe('revokeSubject', () => {
    const mark = (value: number, except?: { session: string; floor: number }): SubjectMark => ({
      mark: value,
      ...(except ? { except } : {}),
    });

    test('there is no mark before', async () => {
      expect(await store.subjectMark(sub)).toBeUndefined();
    });

    test('sets the mark to the store’s clock, for all processes', async () => {
      expect(await store.revokeSubject(sub, ttl)).toEqual(mark(now()));

      const marks = await Promise.all(opened.stores.map((each) => each.subjectMark(sub)));
      expect(marks).toEqual(marks.map(() => mark(now())));
      expect(await store.subjectMark(randomUUID())).toBeUndefined();
    });

    test('always grows, by one at least while the clock stands or goes back [L5]', async () => {
      const first = now();
      await store.revokeSubject(sub, ttl);
      expect(await store.revokeSubject(sub, ttl)).toEqual(mark(first + 1));

      opened.clock.advance(-MINUTE);
      expect(await store.revokeSubject(sub, ttl)).toEqual(mark(first + 2));

      opened.clock.advance(2 * MINUTE);
      expect(await store.revokeSubject(sub, ttl)).toEqual(mark(first + MINUTE));
    });

    test('of many at once: each has a mark of its own [L5]', async () => {
      const given = await Promise.all(
        Array.from({ length: 32 }, (_, index) =>
          (opened.stores[index % opened.stores.length] ?? store).revokeSubject(sub, ttl),
        ),
      );

      const marks = new Set(given.map((each) => each.mark));
      expect(marks).toEqual(new Set(Array.from({ length: 32 }, (_, index) => now() + index)));
      expect(await store.subjectMark(sub)).toEqual(mark(now() + 31));
    });

    test('excepts a session, from the mark before on', async () => {
      const session = hashed(sid);
      expect(await store.revokeSubject(sub, ttl, sid)).toEqual(mark(now(), { session, floor: 0 }));
      expect(await store.subjectMark(sub)).toEqual(mark(now(), { session, floor: 0 }));

      const before = await store.revokeSubject(sub, ttl);
      opened.clock.advance(MINUTE);
      expect(await store.revokeSubject(sub, ttl, sid)).toEqual(mark(now(), { session, floor: before.mark }));
      expect(await store.subjectMark(sub)).toEqual(mark(now(), { session, floor: before.mark }));
    });

    test('that excepts the same session again keeps its floor', async () => {
      const before = await store.revokeSubject(sub, ttl);
      for (let times = 0; times < 3; times++) {
        opened.clock.advance(MINUTE);
        const except = { session: hashed(sid), floor: before.mark };
        expect(await store.revokeSubject(sub, ttl, sid)).toEqual(mark(now(), except));
      }
    });

    test('that excepts another session replaces it: its floor is the mark before', async () => {
      const before = await store.revokeSubject(sub, ttl, randomUUID());
      opened.clock.advance(MINUTE);

      const except = { session: hashed(sid), floor: before.mark };
      expect(await store.revokeSubject(sub, ttl, sid)).toEqual(mark(now(), except));
      expect(await store.subjectMark(sub)).toEqual(mark(now(), except));
    });

    test('that excepts none ends the excepted one', async () => {
      await store.revokeSubject(sub, ttl, sid);
      opened.clock.advance(MINUTE);

      expect(await store.revokeSubject(sub, ttl)).toEqual(mark(now()));
      expect(await store.subjectMark(sub)).toEqual(mark(now()));
    });

    test('is kept for the time that it was given, and no shorter because of another one [L6]', async () => {
      await store.revokeSubject(sub, ttl);
      const last = await store.revokeSubject(sub, { record: SECOND, log: SECOND });

      await opened.pass(HOUR - 10 * SECOND);
      expect(await store.subjectMark(sub)).toEqual(last);
      await opened.pass(10 * SECOND);
      expect(await store.subjectMark(sub)).toBeUndefined();
    });

    test('ends no session by its record', async () => {
      await store.rotate({ sid: sub, generation: 0, candidate: successor('one') });

      await store.revokeSubject(sub, ttl);

      expect(await store.isRevoked(sub)).toBe(false);
    });

    test('keeps subjects apart, whatever their ids look like', async () => {
      const subs = ['a', 'A', 'a:b', '{a}', '{a', '', ' a', 'a\0', 'ä'].map((id) => `${sub}${id}`);
      for (const each of subs) {
        await store.revokeSubject(each, ttl);
        opened.clock.advance(SECOND);
      }

      const marks = await Promise.all(subs.map((each) => store.subjectMark(each)));
      expect(marks).toEqual(subs.map((_, index) => mark(now() - (subs.length - index) * SECOND)));
    });
  });

  describe('the log', () => {
    // Whatever stood in it before is forgotten.
    beforeEach(() => opened.pass(30 * DAY));

    test('is empty at first, and has the store’s clock', async () => {
      expect(await store.revocationsSince(0)).toEqual({ now: now(), size: 0, entries: [] });
    });

    test('has what was revoked, by hashes, with the moment', async () => {
      const at = now();
      await store.revoke(sid, ttl);
      opened.clock.advance(SECOND);
      const given = await store.revokeSubject(sub, ttl, sid);
      opened.clock.advance(SECOND);
      const other = await store.revokeSubject(`other ${sub}`, ttl);

      const entries: Revocation[] = [
        { session: hashed(sid), at },
        { subject: hashed(sub), mark: given, at: at + SECOND },
        { subject: hashed(`other ${sub}`), mark: other, at: at + 2 * SECOND },
      ];
      const pages = await Promise.all(opened.stores.map((each) => each.revocationsSince(0)));
      expect(pages).toEqual(pages.map(() => ({ now: now(), size: 3, entries })));
    });

    test('is read from a moment on, that moment included, and says how long it is', async () => {
      const sids = ['a', 'b', 'c'].map((name) => `${name} ${sid}`);
      const at = now();
      for (const each of sids) {
        await store.revoke(each, ttl);
        opened.clock.advance(SECOND);
      }
      const all = sids.map((each, index) => ({ session: hashed(each), at: at + index * SECOND }));

      expect(await store.revocationsSince(at)).toEqual({ now: now(), size: 3, entries: all });
      expect(await store.revocationsSince(at + 1)).toEqual({ now: now(), size: 3, entries: all.slice(1) });
      expect(await store.revocationsSince(at + 2 * SECOND)).toEqual({ now: now(), size: 3, entries: all.slice(2) });
      expect(await store.revocationsSince(now())).toEqual({ now: now(), size: 3, entries: [] });
    });

    test('names a session once, at the last moment at which it was revoked', async () => {
      await store.revoke(sid, ttl);
      opened.clock.advance(SECOND);
      await store.revoke(sid, ttl);

      const entries = [{ session: hashed(sid), at: now() }];
      expect(await store.revocationsSince(0)).toEqual({ now: now(), size: 1, entries });
    });

    test('has the newest mark of a subject', async () => {
      await store.revokeSubject(sub, ttl);
      opened.clock.advance(SECOND);
      const newest = await store.revokeSubject(sub, ttl);

      const { entries } = await store.revocationsSince(now());
      expect(entries).toEqual([{ subject: hashed(sub), mark: newest, at: now() }]);
    });

    test('keeps an entry as long as was asked', async () => {
      await store.revoke(sid, { record: HOUR, log: MINUTE });
      await store.revokeSubject(sub, { record: HOUR, log: MINUTE });
      await opened.pass(MINUTE - 5 * SECOND);
      expect(await store.revocationsSince(0)).toMatchObject({ size: 2, entries: [{}, {}] });

      await opened.pass(5 * SECOND);
      expect(await store.revocationsSince(0)).toEqual({ now: now(), size: 0, entries: [] });
    });

    test('is written after the tombstone: whoever finds an entry finds the session revoked', async () => {
      const found = new Promise<boolean>((resolve) => {
        const look = async (): Promise<void> => {
          const { entries } = await store.revocationsSince(0);
          if (entries.length > 0) resolve(await store.isRevoked(sid));
          else setImmediate(() => void look());
        };
        void look();
      });

      await (opened.stores.at(-1) ?? store).revoke(sid, ttl);

      expect(await found).toBe(true);
    });
  });

  describe('the bell', () => {
    test('rings for all processes whenever something was appended', async () => {
      const listeners = opened.stores.map(listen);

      for (const id of ['a', 'b', 'c'].map((name) => `${name} ${sid}`)) {
        const answers = Promise.all(listeners.map(({ heard }) => heard(id)));
        await store.revoke(id, ttl);
        await answers;
      }
      const before = listeners.map(({ rings }) => rings());
      expect(Math.min(...before)).toBeGreaterThanOrEqual(1);
      await Promise.all(listeners.map(({ stop }) => stop()));
    });

    test('rings no more after it was stopped', async () => {
      const [stopped, other] = [listen(store), listen(store)];
      const both = Promise.all([stopped.heard(`before ${sid}`), other.heard(`before ${sid}`)]);
      await store.revoke(`before ${sid}`, ttl);
      await both;

      await stopped.stop();
      const rings = stopped.rings();
      const heard = other.heard(sid);
      await store.revoke(sid, ttl);
      await heard;

      expect(stopped.rings()).toBe(rings);
      await other.stop();
    });
  });

  describe('listed sessions', () => {
    const details = (text: string | Uint8Array): Uint8Array => Buffer.from(text);
    const listed = async (by: SessionStore = store): Promise<string[]> =>
      ((await by.listedSessions?.(sub)) ?? []).map((each) => Buffer.from(each).toString('latin1'));

    test('there are none at first', async () => {
      expect(await store.listedSessions(sub)).toEqual([]);
    });

    test('are those of their subject, with their details byte for byte, in all processes', async () => {
      await store.listSession(sub, sid, HOUR, details(NOT_TEXT));
      await store.listSession(sub, `other ${sid}`, HOUR, details('other'));
      await store.listSession(`other ${sub}`, sid, HOUR, details('somebody else’s'));

      const expected = new Set([Buffer.from(NOT_TEXT).toString('latin1'), 'other']);
      const lists = await Promise.all(opened.stores.map((each) => listed(each)));
      expect(lists.map((list) => new Set(list))).toEqual(lists.map(() => expected));
    });

    test('are listed once, with the details that came last', async () => {
      await store.listSession(sub, sid, HOUR, details('one'));
      await store.listSession(sub, sid, HOUR, details('two'));

      expect(await listed()).toEqual(['two']);
    });

    test('are listed for the time that was given, each its own', async () => {
      await store.listSession(sub, sid, HOUR, details('long'));
      await store.listSession(sub, `other ${sid}`, MINUTE, details('short'));

      await opened.pass(MINUTE - 5 * SECOND);
      expect(new Set(await listed())).toEqual(new Set(['long', 'short']));
      await opened.pass(5 * SECOND);
      expect(await listed()).toEqual(['long']);
      await opened.pass(HOUR - MINUTE);
      expect(await listed()).toEqual([]);
    });

    test('can be listed for longer, with the details that they have, and for no shorter', async () => {
      await store.listSession(sub, sid, MINUTE, details('one'));
      await store.listSession(sub, sid, HOUR);
      await store.listSession(sub, sid, SECOND);

      await opened.pass(HOUR - 10 * SECOND);
      expect(await listed()).toEqual(['one']);
      await opened.pass(10 * SECOND);
      expect(await listed()).toEqual([]);
    });

    test.each([
      ['never was', async () => undefined],
      [
        'is no longer listed',
        async () => {
          await store.listSession(sub, sid, MINUTE, details('one'));
          await opened.pass(MINUTE);
        },
      ],
    ])('are not prolonged where one %s', async (_, prepare) => {
      await prepare();

      await store.listSession(sub, sid, HOUR);

      expect(await listed()).toEqual([]);
    });
  });

  describe('one atomic step', () => {
    const RACERS = 64;
    const storeOf = (racer: number): SessionStore => opened.stores[racer % opened.stores.length] ?? store;

    test('of 64 that renew one generation at once, one wins and all others get its successor [R2]; look-up and insert in two steps would have several winners', async () => {
      const answers = await Promise.all(
        Array.from({ length: RACERS }, (_, racer) =>
          storeOf(racer).rotate({ sid, generation: 0, candidate: successor(`racer ${racer}`) }),
        ),
      );

      const winner = answers.findIndex(({ outcome }) => outcome === 'rotated');
      expect(answers).toEqual(
        answers.map((_, racer) => (racer === winner ? ROTATED : superseded(1, `racer ${winner}`))),
      );
    });

    test('of 64 that replace one refused head at once, one wins', async () => {
      await rotateTo('spoilt', 0);

      const answers = await Promise.all(
        Array.from({ length: RACERS }, (_, racer) =>
          storeOf(racer).rotate({
            sid,
            generation: 1,
            candidate: successor(`racer ${racer}`),
            refused: Buffer.from('spoilt'),
          }),
        ),
      );

      const winner = answers.findIndex(({ outcome }) => outcome === 'rotated');
      expect(answers).toEqual(
        answers.map((_, racer) => (racer === winner ? ROTATED : superseded(2, `racer ${winner}`))),
      );
    });

    test('a revocation among rotations of many processes is the last word [L2]', async () => {
      const answers = await Promise.all(
        Array.from({ length: RACERS }, (_, racer) =>
          racer === RACERS / 2
            ? storeOf(racer).revoke(sid, ttl)
            : storeOf(racer).rotate({ sid, generation: racer, candidate: successor(`racer ${racer}`) }),
        ),
      );

      expect(answers).toHaveLength(RACERS);
      expect(await head()).toEqual(REVOKED);
    });
  });

  describe('revoke', () => {
    test.each([
      ['a session without a record', async () => undefined],
      ['a renewed session', () => rotateTo('one', 0)],
      ['a revoked session', () => store.revoke(sid, ttl)],
    ])('ends %s', async (_, prepare) => {
      await prepare();

      expect(await store.revoke(sid, ttl)).toBeUndefined();
      expect(await head()).toEqual(REVOKED);
    });

    test('ends no other session', async () => {
      const other = randomUUID();
      await store.rotate({ sid: other, generation: 0, candidate: successor('other') });

      await store.revoke(sid, ttl);

      expect(await store.rotate({ sid: other, generation: 0 })).toEqual(superseded(1, 'other'));
    });
  });

  describe('keeps a record', () => {
    test('for the time that it was given', async () => {
      await rotateTo('one', 0, HOUR);
      await opened.pass(HOUR - 10 * SECOND);
      expect(await head()).toEqual(superseded(1, 'one'));

      await opened.pass(10 * SECOND);
      expect(await head()).toEqual(CURRENT);
    });

    test('for milliseconds, not seconds', async () => {
      await rotateTo('one', 0, 20 * SECOND);

      await opened.pass(21 * SECOND);

      expect(await head()).toEqual(CURRENT);
    });

    test.each([
      ['a rotation', () => rotateTo('two', 1, SECOND), superseded(2, 'two')],
      ['a revocation', () => store.revoke(sid, { record: SECOND, log: SECOND }), REVOKED],
      ['a lost reply', () => rotateTo('one', 0, SECOND), superseded(1, 'one')],
      ['a lost race', () => rotateTo('fork', 0, SECOND), superseded(1, 'one')],
      ['a look', () => rotate({ generation: 1 }), superseded(1, 'one')],
    ])('no shorter because of %s', async (_, act, expected) => {
      await rotateTo('one', 0, HOUR);

      await act();
      await opened.pass(HOUR - 10 * SECOND);

      expect(await head()).toEqual(expected);
    });

    test.each([
      ['a rotation', () => rotateTo('two', 1, HOUR), superseded(2, 'two')],
      ['a revocation', () => store.revoke(sid, ttl), REVOKED],
    ])('longer because of %s', async (_, act, expected) => {
      await rotateTo('one', 0, 20 * SECOND);

      await act();
      await opened.pass(HOUR - 10 * SECOND);

      expect(await head()).toEqual(expected);
    });

    test('that is a tombstone for the time that it was given, and no shorter because of another revocation [L6]', async () => {
      await store.revoke(sid, ttl);
      await store.revoke(sid, { record: SECOND, log: SECOND });

      await opened.pass(HOUR - 10 * SECOND);
      expect(await head()).toEqual(REVOKED);

      await opened.pass(10 * SECOND);
      expect(await head()).toEqual(CURRENT);
    });
  });

  describe('returns the bytes of a successor exactly as they came', () => {
    test.each([
      ['every byte', NOT_TEXT],
      ['every byte, backwards', NOT_TEXT.map((byte) => 255 - byte)],
      ['no valid UTF-8', Uint8Array.of(0xc3, 0x28, 0xff, 0xfe)],
      ['zeros', new Uint8Array(32)],
      ['separators', Buffer.from(':::1:2:three')],
      ['digits in front', Buffer.from('12:34')],
      ['line breaks', Buffer.from('\r\none\n\ntwo\r\n')],
      ['the word for a tombstone', Buffer.from('revoked')],
      ['as much as the longest token', Buffer.alloc(9000, 0xa5)],
      ['a part of a larger buffer', new Uint8Array(NOT_TEXT.buffer, 100, 50)],
    ])('%s', async (_, sealed) => {
      expect(await rotate({ generation: 0, candidate: { sealed, ttl: HOUR } })).toEqual(ROTATED);

      const answer = await head();
      expect({ ...answer, sealed: 'sealed' in answer && Buffer.from(answer.sealed) }).toEqual(superseded(1, sealed));
      expect(await rotate({ generation: 0, candidate: { sealed, ttl: HOUR } })).toEqual(ROTATED);
      expect(await rotate({ generation: 1, candidate: successor('next'), refused: sealed })).toEqual(ROTATED);
    });
  });

  test('keeps sessions apart, whatever their ids look like', async () => {
    const sids = ['a', 'A', 'a:b', 'a:', ':a', '{a}', '{a', 'a}', '{}', ' a', 'a\n', 'a\0', 'ä', '*', 'subject:{a}'];
    const own = sids.map((id) => `${sid}${id}`);

    for (const id of own) {
      expect(await store.rotate({ sid: id, generation: 0, candidate: successor(id) })).toEqual(ROTATED);
    }

    const answers = await Promise.all(own.map((id) => store.rotate({ sid: id, generation: 0 })));
    expect(answers).toEqual(own.map((id) => superseded(1, id)));
  });
}

/** What only stores can do that outlive what they know: whatever a failover took from their log can be put back. */
export function itRestoresRevocations(open: () => Promise<StoresUnderTest>): void {
  let opened: StoresUnderTest;
  let store: WholeStore;

  beforeAll(async () => {
    opened = await open();
    [store] = opened.stores;
  });
  afterAll(() => opened.close());
  beforeEach(() => opened.pass(30 * DAY));

  const session = (name: string, at: number): Revocation => ({ session: hashed(name), at });
  const subject = (name: string, mark: SubjectMark, at: number): Revocation => ({ subject: hashed(name), mark, at });

  test('restoreRevocations writes entries again as of now, so that those who have read further see them', async () => {
    const at = opened.clock.now();
    const marks = { b: { mark: at - 1 }, c: { mark: at - 1, except: { session: hashed('a'), floor: 7 } } };

    await store.restoreRevocations?.(
      [session('a', at - MINUTE), subject('b', marks.b, at - 2000), subject('c', marks.c, 0)],
      ttl,
    );

    const { now, size, entries } = await store.revocationsSince(at);
    expect({ now, size }).toEqual({ now: at, size: 3 });
    expect(entries).toEqual(
      expect.arrayContaining([session('a', at), subject('b', marks.b, at), subject('c', marks.c, at)]),
    );
  });

  test('restoreRevocations writes tombstones and marks too, and lowers no mark', async () => {
    await store.rotate({ sid: 'a', generation: 0, candidate: { sealed: NOT_TEXT, ttl: HOUR } });
    const { mark } = await store.revokeSubject('b', ttl);

    await store.restoreRevocations?.(
      [session('a', 1), subject('b', { mark: mark - 1 }, 1), subject('c', { mark: 5 }, 1)],
      ttl,
    );

    expect(await store.isRevoked('a')).toBe(true);
    expect(await store.subjectMark('b')).toEqual({ mark });
    expect(await store.subjectMark('c')).toEqual({ mark: 5 });
  });

  test('restoreRevocations keeps them for the time that it was given, and ends nothing earlier', async () => {
    const at = opened.clock.now();
    await store.restoreRevocations?.([session('a', at)], ttl);
    await store.restoreRevocations?.([session('b', at)], { record: SECOND, log: SECOND });

    await opened.pass(HOUR - 10 * SECOND);
    expect(await store.revocationsSince(0)).toMatchObject({ size: 2 });
    await opened.pass(10 * SECOND);
    expect(await store.revocationsSince(0)).toMatchObject({ size: 0 });
  });

  test('restoreRevocations rings: others may never have seen them', async () => {
    const other = listen(opened.stores[1] ?? store);
    const at = opened.clock.now();

    for (const name of ['a', 'b', 'c']) {
      const heard = other.heard(name);
      await store.restoreRevocations?.([session(name, at)], ttl);
      expect(await heard).toBeUndefined();
    }
    await other.stop();
  });
}
