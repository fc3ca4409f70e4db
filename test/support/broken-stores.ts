import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  InMemorySessionStore,
  LateRevocation,
  type Revocation,
  type RevocationPage,
  type RevocationTtl,
  type RotationAnswer,
  type RotationRequest,
  type SealedToken,
  type SessionOfToken,
  type SessionStore,
  StoreError,
  type Cutoff,
} from 'nestjs-refresh-auth/store';
import { type TestClock, wrapStore } from 'nestjs-refresh-auth/testing';
import { hashed, sessionName } from '../../libs/refresh-auth/src/tokens/session-id.js';

type WholeStore = Required<Omit<SessionStore, 'restoreRevocations'>>;

/** The store that the breaks of restoring change, with methods that need no `this`. */
type RestoringStore = Required<
  Pick<SessionStore, 'restoreRevocations' | 'isRevoked' | 'userCutoff' | 'revocationsAfter'>
>;

/** The whole store, with methods that need no `this`, and what a break needs besides. */
interface Sound extends WholeStore {
  readonly clock: TestClock;
  /** Sets the clock of the store back, in milliseconds: it keeps everything for so much longer. */
  lag(by: number): void;
  /** Asks what stands there, even if the session has ended. Writes nothing. */
  look(session: SessionOfToken): Promise<RotationAnswer>;
}

/** Returns methods that break a clause of the contract, to replace those that keep it. */
type Break = (sound: Sound) => Partial<SessionStore>;

const HOUR = 3_600_000;
const ALL = Number.MAX_SAFE_INTEGER;
const ROTATED: RotationAnswer = { outcome: 'rotated', lostWrite: false };
const CURRENT: RotationAnswer = { outcome: 'current' };
const REVOKED: RotationAnswer = { outcome: 'revoked' };

const sameBytes = (one: Uint8Array | undefined, other: Uint8Array | undefined): boolean =>
  one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;

/** Changes the request of each rotation. */
const asking =
  (change: (request: RotationRequest) => RotationRequest): Break =>
  ({ rotate }) => ({ rotate: (request) => rotate(change(request)) });

/** Changes the answer of each rotation, given what the store held before. */
const answering =
  (
    change: (
      answer: RotationAnswer,
      request: RotationRequest,
      before: RotationAnswer,
      sound: Sound,
    ) => RotationAnswer | Promise<RotationAnswer>,
  ): Break =>
  (sound) => ({
    async rotate(request) {
      const before = await sound.look(request);
      return change(await sound.rotate(request), request, before, sound);
    },
  });

const reading =
  (change: (page: RevocationPage) => RevocationPage): Break =>
  ({ revocationsAfter }) => ({
    revocationsAfter: async (position, countedFrom) => change(await revocationsAfter(position, countedFrom)),
  });

const entries =
  (change: (entry: Revocation) => Revocation): Break =>
  (sound) =>
    reading((page) => ({ ...page, entries: page.entries.map(change) }))(sound);

/** Omits some entries of the log. */
const logging =
  (isKept: (entry: Revocation) => boolean): Break =>
  (sound) =>
    reading((page) => {
      const kept = page.entries.filter(isKept);
      return { ...page, entries: kept, count: kept.length };
    })(sound);

/** Changes the cutoff wherever the store returns it. */
const changing =
  (change: (cutoff: Cutoff, before: Cutoff | undefined) => Cutoff): Break =>
  ({ revokeUser, userCutoff }) => {
    const told = new Map<string, Cutoff>();
    return {
      async revokeUser(sub, ttl, except) {
        const cutoff = change(await revokeUser(sub, ttl, except), told.get(sub));
        told.set(sub, cutoff);
        return cutoff;
      },
      userCutoff: async (sub) => ((await userCutoff(sub)) ? told.get(sub) : undefined),
    };
  };

/** Keeps a record for the last `ttl` that was given, or for the first, instead of the longest. */
const keepingRecords =
  (isLast: boolean): Break =>
  ({ rotate, clock }) => {
    const ends = new Map<string, number>();
    return {
      async rotate(request) {
        if (clock.now() >= (ends.get(request.sid) ?? ALL)) return CURRENT;
        const answer = await rotate(request);
        const { sid, candidate } = request;
        if (answer.outcome === 'rotated' && candidate && (isLast || !ends.has(sid))) {
          ends.set(sid, clock.now() + candidate.ttl);
        }
        return answer;
      },
    };
  };

/** Takes the generation that came last as the one in use, instead of the highest. */
const lowering =
  (by: 'isUse' | 'recordUse'): Break =>
  ({ rotate, recordUse }) => {
    const used = new Map<string, number>();
    const raise = (sid: string, gen: number) => used.set(sid, Math.max(gen, used.get(sid) ?? 0));
    const lower = (sid: string, gen: number) => used.set(sid, gen);
    return {
      async rotate({ reuse, ...request }) {
        const { sid, generation } = request;
        const isSeen = reuse && (used.get(sid) ?? 0) > generation;
        if (reuse?.isUse) (by === 'isUse' ? lower : raise)(sid, generation);
        return rotate(isSeen ? { ...request, reuse } : request);
      },
      async recordUse(uses, revokeAfter) {
        for (const { sid, gen } of uses) (by === 'recordUse' ? lower : raise)(sid, gen);
        await recordUse(uses, revokeAfter);
      },
    };
  };

/** Counts both times from when the successor was minted, once something newer is in use. */
const countingFromMinting: Break = ({ rotate, recordUse }) => {
  const used = new Map<string, number>();
  return {
    async rotate({ reuse, ...request }) {
      const { sid, generation, candidate } = request;
      const isSeen = reuse && (used.get(sid) ?? 0) > generation;
      const answer = await rotate(isSeen ? { ...request, reuse } : request);
      if (answer.outcome === 'rotated' && candidate) await recordUse([{ sid, gen: generation + 1 }], HOUR);
      return answer;
    },
    async recordUse(uses) {
      for (const { sid, gen } of uses) used.set(sid, Math.max(gen, used.get(sid) ?? 0));
    },
  };
};

/** Counts uses from when their requests arrived, instead of from when the store is told. */
const countingFromArrival: Break = ({ rotate }) => {
  const arrivals = new Map<string, number>();
  return {
    async rotate(request) {
      const { sid, reuse } = request;
      if (reuse?.isUse) arrivals.set(sid, reuse.waited);
      return rotate(
        reuse ? { ...request, reuse: { ...reuse, waited: reuse.waited - (arrivals.get(sid) ?? 0) } } : request,
      );
    },
  };
};

/** Changes the distance between checkpoints of use. */
const checkpointing =
  (distance: number): Break =>
  ({ recordUse }) => ({ recordUse: (uses) => recordUse(uses, distance) });

/** Remembers something between two uses, and so forgets the last but one. */
const forgettingLastButOne: Break = ({ recordUse }) => ({
  recordUse: (uses, revokeAfter) =>
    recordUse(
      uses.flatMap((use) => [{ ...use, gen: use.gen - 0.5 }, use]),
      revokeAfter,
    ),
});

const withReuse = (
  change: (reuse: NonNullable<RotationRequest['reuse']>) => RotationRequest['reuse'] | undefined,
): Break =>
  asking(({ reuse, ...request }) => {
    const changed = reuse && change(reuse);
    return changed ? { ...request, reuse: changed } : request;
  });

const withCandidate = (change: (candidate: SealedToken) => SealedToken): Break =>
  asking((request) => ({ ...request, ...(request.candidate ? { candidate: change(request.candidate) } : {}) }));

/** Changes the time to live of both kinds of revocation. */
const revoking =
  (change: (ttl: RevocationTtl) => RevocationTtl): Break =>
  ({ revoke, revokeUser }) => ({
    revoke: (sid, ttl) => revoke(sid, change(ttl)),
    revokeUser: (sub, ttl, except) => revokeUser(sub, change(ttl), except),
  });

const without = <T extends object, K extends keyof T>(value: T, name: K): Omit<T, K> => {
  const { [name]: _, ...rest } = value;
  return rest;
};

/** Changes what a late revocation does, in addition to its rejection or instead of it. */
const lateRevoking =
  (react: (error: LateRevocation, again: () => Promise<void>) => unknown): Break =>
  ({ revoke }) => ({
    revoke: async (sid, ttl) => {
      try {
        await revoke(sid, ttl);
      } catch (error) {
        await react(error as LateRevocation, () => revoke(sid, without(ttl, 'before')));
      }
    },
  });

/** The breaks, by the topic of the checks that find them, then by the clause that they break and how. */
export const BROKEN_STORES: Record<string, Record<string, Break>> = {
  'rule 1: a revoked session': {
    'rule 1 comes before rule 2': ({ rotate }) => {
      const last = new Map<string, Uint8Array>();
      return {
        async rotate(request) {
          const answer = await rotate(request);
          const { sid, candidate } = request;
          if (answer.outcome === 'rotated' && candidate) last.set(sid, candidate.sealed);
          return answer.outcome === 'revoked' && sameBytes(last.get(sid), candidate?.sealed) ? ROTATED : answer;
        },
      };
    },
  },
  'rule 1: a tracked session': {
    'a tracked session without a record has ended': answering(async (answer, request, _, { rotate, isRevoked }) =>
      answer.outcome === 'revoked' && !(await isRevoked(without(request, 'tracked')))
        ? rotate(without(request, 'tracked'))
        : answer,
    ),
    'a tracked session begins without a record': ({ rotate, look }) => ({
      async rotate(request) {
        const begins = request.tracked && request.generation < 0 && request.candidate;
        return begins && (await look(request)).outcome === 'current' ? REVOKED : rotate(request);
      },
    }),
  },
  'a cutoff': {
    'a rotation is ended by the cutoff of its user': asking((request) => ({ ...request, rev: ALL })),
    'a rev that equals the cutoff lives': asking((request) => ({ ...request, rev: request.rev - 1 })),
    'the cutoff is told': answering((answer) => (answer.outcome === 'revoked' ? REVOKED : answer)),
    'the cutoff is told only where it is why': answering(async (answer, { sub }, _, { userCutoff }) => {
      const cutoff = await userCutoff(sub);
      return answer.outcome === 'revoked' && cutoff ? { ...answer, cutoff: cutoff.time } : answer;
    }),
    'the excepted session lives': answering(async (answer, { sid, sub, rev }, _, { userCutoff }) => {
      const cutoff = await userCutoff(sub);
      return cutoff?.except?.session === sessionName(sid) && rev < cutoff.time
        ? { outcome: 'revoked', cutoff: cutoff.time }
        : answer;
    }),
    'the excepted session has ended below the floor': ({ rotate, userCutoff }) => ({
      async rotate(request) {
        const isExcepted = (await userCutoff(request.sub))?.except?.session === sessionName(request.sid);
        return rotate(isExcepted ? { ...request, rev: ALL } : request);
      },
    }),
    'isRevoked knows cutoffs': ({ isRevoked }) => ({ isRevoked: (session) => isRevoked({ ...session, rev: ALL }) }),
    'a cutoff ends by time': ({ revokeUser, isRevoked }) => {
      const ended = new Set<string>();
      return {
        async revokeUser(sub, ttl, except) {
          ended.add(sub);
          return revokeUser(sub, ttl, except);
        },
        isRevoked: async (session) => (ended.has(session.sub) && session.rev === 0) || isRevoked(session),
      };
    },
  },
  'rule 2 and 4: a latest token that is newer than the generation': {
    'the same bytes again are rotated': answering((answer, { generation }, before) =>
      answer.outcome === 'rotated' && before.outcome === 'handed-over' && before.latest > generation ? before : answer,
    ),
    'only the same bytes are the same request': answering((answer, { candidate }) =>
      answer.outcome === 'handed-over' && answer.sealed.length === candidate?.sealed.length ? ROTATED : answer,
    ),
    'a newer latest is kept': answering((answer, request, _, { rotate }) =>
      answer.outcome === 'handed-over' ? rotate({ ...request, generation: answer.latest }) : answer,
    ),
    'the latest token is told by its own generation': answering((answer, { generation }) =>
      answer.outcome === 'handed-over' ? { ...answer, latest: generation + 1 } : answer,
    ),
  },
  'rule 3: a superseded token': {
    'a superseded token is judged': withReuse(() => undefined),
    'it is superseded after the grace': withReuse((reuse) => ({ ...reuse, grace: reuse.revokeAfter })),
    'it is reused after revokeAfter': withReuse((reuse) => ({ ...reuse, revokeAfter: ALL })),
    'it is reused only after revokeAfter': withReuse((reuse) => ({ ...reuse, revokeAfter: reuse.grace })),
    'rule 2 comes before rule 3': ({ rotate }) => ({
      async rotate(request) {
        const first = await rotate(without(request, 'candidate'));
        return first.outcome === 'reused' ? first : rotate(request);
      },
    }),
    'a newer generation must be in use': answering(async (answer, { sid, generation }, _, { recordUse }) => {
      if (answer.outcome === 'rotated') await recordUse([{ sid, gen: generation + 1 }], HOUR);
      return answer;
    }),
    'both times count from use': countingFromMinting,
    'both times count from the expiry where that is later': withReuse((reuse) => ({
      ...reuse,
      expiredFor: Number.MAX_SAFE_INTEGER,
    })),
    'the request is judged by when it arrived': withReuse((reuse) => ({ ...reuse, waited: 0 })),
    'a request that is held is no voucher': answering((answer, { reuse }, before) =>
      answer.outcome === 'superseded' && (reuse?.waited ?? 0) > (reuse?.revokeAfter ?? 0) ? before : answer,
    ),
    'the grace is over to the millisecond': withReuse((reuse) => ({ ...reuse, grace: reuse.grace + 1 })),
    'the grace lasts to the millisecond': withReuse((reuse) => ({ ...reuse, grace: reuse.grace - 1 })),
    'revokeAfter is over to the millisecond': withReuse((reuse) => ({ ...reuse, revokeAfter: reuse.revokeAfter + 1 })),
    'revokeAfter lasts to the millisecond': withReuse((reuse) => ({ ...reuse, revokeAfter: reuse.revokeAfter - 1 })),
    'revokeFor ends the session': withReuse((reuse) => without(reuse, 'revokeFor')),
    'revokeFor ends the session in the same step': ({ rotate, revoke }) => ({
      async rotate({ reuse, ...request }) {
        const answer = await rotate({ ...request, ...(reuse ? { reuse: without(reuse, 'revokeFor') } : {}) });
        await nextTurn();
        const { revokeFor } = reuse ?? {};
        if (answer.outcome === 'reused' && revokeFor) await revoke(request.sid, { record: revokeFor, log: revokeFor });
        return answer;
      },
    }),
    'revokeFor is how long': withReuse((reuse) => ({ ...reuse, ...(reuse.revokeFor ? { revokeFor: 1 } : {}) })),
    'revokeFor ends nothing where it is late': withReuse((reuse) => without(reuse, 'before')),
    'nothing is written without revokeFor': withReuse((reuse) => ({ ...reuse, revokeFor: HOUR })),
    'a superseded token ends nothing': answering(async (answer, { sid, reuse }, _, { revoke }) => {
      if (answer.outcome === 'superseded' && reuse?.revokeFor) await revoke(sid, { record: HOUR, log: HOUR });
      return answer;
    }),
  },
  'rule 4: a latest token that was rejected': {
    'a rejected latest token is replaced': ({ rotate, look }) => ({
      async rotate(request) {
        const before = await look(request);
        const isRefused = before.outcome === 'handed-over' && sameBytes(before.sealed, request.rejected);
        return isRefused ? before : rotate(request);
      },
    }),
    'another latest token than the rejected one is kept': asking((request) => without(request, 'rejected')),
  },
  'rule 5: without a candidate': {
    'nothing is written without a candidate': answering(async (answer, request, _, { rotate }) => {
      if (answer.outcome === 'current') await rotate({ ...request, candidate: { sealed: Buffer.of(), ttl: HOUR } });
      return answer;
    }),
    'the latest token itself is current': answering((answer, { generation }, before) =>
      answer.outcome === 'current' && before.outcome === 'handed-over' && before.latest === generation
        ? before
        : answer,
    ),
  },
  'rule 6: the candidate becomes the latest token': {
    'the candidate is kept': ({ rotate, look }) => ({
      async rotate(request) {
        const isFirst = request.candidate && (await look(request)).outcome === 'current';
        return isFirst ? ROTATED : rotate(request);
      },
    }),
    'an older latest is replaced': ({ rotate, look }) => ({
      async rotate(request) {
        const before = await look(request);
        return before.outcome === 'handed-over' && before.latest < request.generation ? before : rotate(request);
      },
    }),
    'a lost write is told': answering((answer) => (answer.outcome === 'rotated' ? ROTATED : answer)),
    'the first rotation is no lost write': answering((answer, _, before) =>
      answer.outcome === 'rotated' && before.outcome === 'current' ? { ...answer, lostWrite: true } : answer,
    ),
  },
  'one atomic step': {
    'a rotation is one step': ({ rotate, look }) => ({
      async rotate(request) {
        const before = await look(request);
        await nextTurn();
        const answer = await rotate(request);
        return before.outcome === 'current' && request.candidate && answer.outcome === 'handed-over' ? ROTATED : answer;
      },
    }),
  },
  'returns the bytes of a successor exactly as they came': {
    'bytes are no text': answering((answer) =>
      answer.outcome === 'handed-over'
        ? { ...answer, sealed: Buffer.from(Buffer.from(answer.sealed).toString('utf8')) }
        : answer,
    ),
    'no byte is cut off': withCandidate((candidate) => ({ ...candidate, sealed: candidate.sealed.subarray(0, 1024) })),
  },
  'checkpoints of use': {
    'checkpoints are kept': checkpointing(0),
    'checkpoints move on': checkpointing(ALL),
    'the last but one use is exact': forgettingLastButOne,
  },
  isUse: {
    'isUse records a use': withReuse((reuse) => ({ ...reuse, isUse: false })),
    'isUse records a use where nothing is written besides': asking((request) =>
      request.candidate || !request.reuse ? request : { ...request, reuse: { ...request.reuse, isUse: false } },
    ),
    'without isUse nothing is recorded': withReuse((reuse) => ({ ...reuse, isUse: true })),
    'uses count by the clock of the store': countingFromArrival,
    'isUse lowers nothing': lowering('isUse'),
    'isUse makes no record': answering(async (answer, request, _, { rotate }) => {
      const isFirst = request.reuse?.isUse && request.generation === 3 && answer.outcome === 'current';
      if (isFirst) await rotate({ ...request, candidate: { sealed: Buffer.of(), ttl: HOUR } });
      return answer;
    }),
    'isUse prolongs nothing': answering((answer, { reuse }, before, { lag }) => {
      if (reuse?.isUse && before.outcome === 'handed-over') lag(HOUR);
      return answer;
    }),
  },
  recordUse: {
    'recordUse records a use': () => ({ recordUse: async () => undefined }),
    'recordUse records each': ({ recordUse }) => ({
      recordUse: (uses, revokeAfter) => recordUse(uses.slice(0, 1), revokeAfter),
    }),
    'recordUse lowers nothing': lowering('recordUse'),
    'recordUse creates nothing': ({ recordUse, rotate, look }) => ({
      async recordUse(uses, revokeAfter) {
        for (const { sid, gen } of uses) {
          const session = { sid, sub: '', rev: 0 };
          const isNew = (await look(session)).outcome === 'current';
          if (isNew) await rotate({ ...session, generation: gen - 1, candidate: { sealed: Buffer.of(), ttl: HOUR } });
        }
        await recordUse(uses, revokeAfter);
      },
    }),
    'recordUse brings no session back': ({ recordUse, rotate }) => {
      const marked = new Set<string>();
      return {
        async recordUse(uses, revokeAfter) {
          for (const { sid } of uses) marked.add(sid);
          await recordUse(uses, revokeAfter);
        },
        async rotate(request) {
          const answer = await rotate(request);
          return answer.outcome === 'revoked' && marked.has(request.sid) ? CURRENT : answer;
        },
      };
    },
    'recordUse prolongs nothing': ({ recordUse, lag }) => ({
      async recordUse(uses, revokeAfter) {
        lag(HOUR);
        await recordUse(uses, revokeAfter);
      },
    }),
  },
  revoke: {
    'revoke ends a session': () => ({ revoke: async () => undefined }),
    'revoke ends a session that has no record': ({ revoke, look }) => ({
      async revoke(sid, ttl) {
        if ((await look({ sid, sub: '', rev: 0 })).outcome === 'handed-over') await revoke(sid, ttl);
      },
    }),
    'revoke is fulfilled when it is written': ({ revoke }) => ({
      revoke: async (sid, ttl) => void setImmediate(() => void revoke(sid, ttl)),
    }),
    'revoke is idempotent': ({ revoke, look }) => ({
      async revoke(sid, ttl) {
        if ((await look({ sid, sub: '', rev: 0 })).outcome === 'revoked') throw new StoreError('revoked already');
        await revoke(sid, ttl);
      },
    }),
    'revoke ends no other session': ({ revoke, rotate }) => {
      const tags = new Set<string>();
      return {
        async revoke(sid, ttl) {
          tags.add(sid.slice(0, 8));
          await revoke(sid, ttl);
        },
        rotate: async (request) => (tags.has(request.sid.slice(0, 8)) ? REVOKED : rotate(request)),
      };
    },
  },
  isRevoked: {
    'isRevoked knows revoked records': ({ isRevoked }) => ({
      isRevoked: async ({ sid, ...session }) => isRevoked({ ...session, sid: `${sid.slice(0, 8)}${'x'.repeat(22)}` }),
    }),
    'isRevoked knows tracked sessions': ({ isRevoked }) => ({
      isRevoked: (session) => isRevoked(without(session, 'tracked')),
    }),
    'a revoked record ends by time': ({ revoke, isRevoked }) => {
      const ended = new Set<string>();
      return {
        async revoke(sid, ttl) {
          ended.add(sid);
          await revoke(sid, ttl);
        },
        isRevoked: async (session) => ended.has(session.sid) || isRevoked(session),
      };
    },
  },
  revokeUser: {
    'userCutoff tells the cutoff': () => ({ userCutoff: async () => undefined }),
    'a cutoff is greater than the one before': changing((cutoff, before) => ({
      ...cutoff,
      time: before?.time ?? cutoff.time,
    })),
    'a cutoff is the store’s clock': changing((cutoff) => ({ ...cutoff, time: cutoff.time + 1 })),
    'except is kept': changing((cutoff) => without(cutoff, 'except')),
    'the floor is the cutoff before': changing((cutoff) =>
      cutoff.except ? { ...cutoff, except: { ...cutoff.except, floor: 0 } } : cutoff,
    ),
    'the floor is 0 without a cutoff before': changing((cutoff) =>
      cutoff.except?.floor === 0 ? { ...cutoff, except: { ...cutoff.except, floor: cutoff.time } } : cutoff,
    ),
    'the floor stays where the same session is excepted again': changing((cutoff, before) =>
      cutoff.except && before ? { ...cutoff, except: { ...cutoff.except, floor: before.time } } : cutoff,
    ),
    'the floor of another session does not stay': changing((cutoff, before) =>
      cutoff.except && before?.except
        ? { ...cutoff, except: { ...cutoff.except, floor: before.except.floor } }
        : cutoff,
    ),
    'an exception ends with the next cutoff': changing((cutoff, before) =>
      before?.except && !cutoff.except ? { ...cutoff, except: before.except } : cutoff,
    ),
    'a cutoff is of one user': ({ revokeUser, isRevoked }) => {
      let any = false;
      return {
        async revokeUser(sub, ttl, except) {
          any = true;
          return revokeUser(sub, ttl, except);
        },
        isRevoked: async (session) => any || isRevoked(session),
      };
    },
    'users are told apart byte for byte': ({ revokeUser, userCutoff }) => ({
      revokeUser: (sub, ttl, except) => revokeUser(sub.trim().toLowerCase(), ttl, except),
      userCutoff: (sub) => userCutoff(sub.trim().toLowerCase()),
    }),
    'a cutoff is kept no shorter because of another one': ({ revokeUser, userCutoff, clock }) => {
      const ends = new Map<string, number>();
      return {
        async revokeUser(sub, ttl, except) {
          ends.set(sub, clock.now() + ttl.record);
          return revokeUser(sub, ttl, except);
        },
        userCutoff: async (sub) => (clock.now() < (ends.get(sub) ?? 0) ? userCutoff(sub) : undefined),
      };
    },
    'a cutoff is kept no longer': revoking((ttl) => ({ ...ttl, record: 2 * ttl.record })),
  },
  'a revocation that is late': {
    'a late revocation of a session is not written': ({ revoke }) => ({
      revoke: (sid, ttl) => revoke(sid, without(ttl, 'before')),
    }),
    'a late revocation of a user is not written': ({ revokeUser }) => ({
      revokeUser: (sub, ttl, except) => revokeUser(sub, without(ttl, 'before'), except),
    }),
    'before is late to the millisecond': revoking((ttl) => ({ ...ttl, before: (ttl.before ?? ALL) + 1 })),
    'before is in time to the millisecond': revoking((ttl) => ({ ...ttl, before: (ttl.before ?? ALL) - 1 })),
    'a late revocation is refused as one': lateRevoking(() => {
      throw new StoreError('late');
    }),
    'a late revocation is refused': lateRevoking(() => undefined),
    'a late revocation tells the store’s clock': lateRevoking(({ now }) => {
      throw new LateRevocation(now + 1000);
    }),
    'a late revocation is refused before it is written': lateRevoking(async (error, again) => {
      await again();
      throw error;
    }),
  },
  'keeps a record': {
    'a record ends by time': withCandidate((candidate) => ({ ...candidate, ttl: 2 * candidate.ttl })),
    'times are milliseconds': withCandidate((candidate) => ({ ...candidate, ttl: 1000 * candidate.ttl })),
    'a record is kept for its time': withCandidate((candidate) => ({ ...candidate, ttl: candidate.ttl / 2 })),
    'a record is kept no shorter because of another time': keepingRecords(true),
    'a record is kept longer by a longer time': keepingRecords(false),
    'a revoked record is kept no shorter because of another one': ({ revoke, rotate, clock }) => {
      const ends = new Map<string, number>();
      return {
        async revoke(sid, ttl) {
          ends.set(sid, clock.now() + ttl.record);
          await revoke(sid, ttl);
        },
        rotate: async (request) => (clock.now() < (ends.get(request.sid) ?? ALL) ? rotate(request) : CURRENT),
      };
    },
  },
  'the log': {
    'the log has sessions': logging((entry) => !('session' in entry)),
    'the log has users': logging((entry) => 'session' in entry),
    'the log names sessions with their tag': entries((entry) =>
      'session' in entry ? { ...entry, session: entry.session.slice(9) } : entry,
    ),
    'the log names users by 22 characters': entries((entry) =>
      'session' in entry ? entry : { ...entry, user: entry.user.slice(0, 8) },
    ),
    'the log has the exception of a cutoff': entries((entry) =>
      'session' in entry ? entry : { ...entry, cutoff: without(entry.cutoff, 'except') },
    ),
    'a page has the store’s clock in milliseconds': reading((page) => ({ ...page, now: page.now / 1000 })),
    'positions are microseconds': entries((entry) => ({ ...entry, at: entry.at / 1000 })),
    'positions are unique': entries((entry) => ({ ...entry, at: Math.floor(entry.at / 1000) * 1000 })),
    'positions go on from the clock where those before are far ahead': ({ revocationsAfter, revoke, clock }) => {
      const positions = new Map<string, number>();
      let last = 0;
      return {
        async revoke(sid, ttl) {
          last = Math.max(last + 1, clock.now() * 1000);
          positions.set(sessionName(sid), last);
          await revoke(sid, ttl);
        },
        async revocationsAfter(position, countedFrom) {
          const page = await revocationsAfter(0, countedFrom);
          const found = page.entries.map((entry) =>
            'session' in entry ? { ...entry, at: positions.get(entry.session) ?? entry.at } : entry,
          );
          return { ...page, entries: found.filter(({ at }) => at > position).sort((one, other) => one.at - other.at) };
        },
      };
    },
    'entries come in the order of their positions': reading((page) => ({
      ...page,
      entries: [...page.entries].sort((one, other) => other.at - one.at),
    })),
    'a page has at most 1,000': ({ revocationsAfter }) => ({
      async revocationsAfter(position, countedFrom) {
        const first = await revocationsAfter(position, countedFrom);
        if (first.next === undefined) return first;
        const second = await revocationsAfter(first.next, countedFrom);
        return { ...second, entries: [...first.entries, ...second.entries] };
      },
    }),
    'a page tells where the next one begins': reading((page) => without(page, 'next')),
    'the last page tells of no next one': reading((page) => ({
      ...page,
      next: page.next ?? page.entries.at(-1)?.at ?? 0,
    })),
    'a page begins after its position': ({ revocationsAfter }) => ({
      revocationsAfter: (position, countedFrom) => revocationsAfter(position - 1, countedFrom),
    }),
    'entries are counted from a position of their own': ({ revocationsAfter }) => ({
      revocationsAfter: (position) => revocationsAfter(position, position),
    }),
    'the whole log is counted': reading((page) => ({ ...page, count: page.entries.length })),
    'the longest times are told': reading((page) => ({ ...page, longest: { record: 0, log: 0 } })),
    'the longest times are those of any process': ({ revoke, revocationsAfter }) => {
      let last: RevocationTtl = { record: 0, log: 0 };
      return {
        async revoke(sid, ttl) {
          last = ttl;
          await revoke(sid, ttl);
        },
        revocationsAfter: async (position, countedFrom) => ({
          ...(await revocationsAfter(position, countedFrom)),
          longest: last,
        }),
      };
    },
    'an entry is kept as long as any process has asked for': (sound) => {
      const ends = new Map<string, number>();
      return {
        async revoke(sid, ttl) {
          ends.set(sessionName(sid), sound.clock.now() + ttl.log);
          await sound.revoke(sid, ttl);
        },
        ...logging((entry) => !('session' in entry) || sound.clock.now() < (ends.get(entry.session) ?? 0))(sound),
      };
    },
    'an entry is kept no longer': revoking((ttl) => ({ ...ttl, log: 2 * ttl.log })),
    'a late revocation is not in the log': ({ revoke, revocationsAfter }) => {
      const late: Revocation[] = [];
      return {
        async revoke(sid, ttl) {
          await revoke(sid, ttl).catch((error: LateRevocation) => {
            late.push({ session: sessionName(sid), at: error.now * 1000 });
            throw error;
          });
        },
        async revocationsAfter(position, countedFrom) {
          const page = await revocationsAfter(position, countedFrom);
          return { ...page, entries: [...page.entries, ...late], count: page.count + late.length };
        },
      };
    },
    'the revoked record is written before the entry': ({ revoke, isRevoked }) => {
      const early = new Set<string>();
      return {
        async revoke(sid, ttl) {
          early.add(sid);
          await revoke(sid, ttl);
          for (let turns = 0; turns < 5; turns++) await nextTurn();
          early.delete(sid);
        },
        isRevoked: async (session) => !early.has(session.sid) && isRevoked(session),
      };
    },
  },
  'the notification': {
    'a listener is called for sessions': ({ revoke, onRevocation }) => {
      let isSession = false;
      return {
        async revoke(sid, ttl) {
          isSession = true;
          await revoke(sid, ttl).finally(() => (isSession = false));
        },
        onRevocation: (listener, refused) => onRevocation(() => isSession || listener(), refused),
      };
    },
    'a listener is called for users': ({ revokeUser, onRevocation }) => {
      let isUser = false;
      return {
        async revokeUser(sub, ttl, except) {
          isUser = true;
          return revokeUser(sub, ttl, except).finally(() => (isUser = false));
        },
        onRevocation: (listener, refused) => onRevocation(() => isUser || listener(), refused),
      };
    },
    'a listener is called after the entry was appended': ({ revoke }) => {
      const listeners = new Set<() => void>();
      return {
        async revoke(sid, ttl) {
          for (const listener of listeners) listener();
          await nextTurn();
          await revoke(sid, ttl);
        },
        onRevocation(listener) {
          listeners.add(listener);
          return async () => void listeners.delete(listener);
        },
      };
    },
    'a listener is not called after it was stopped': ({ onRevocation }) => ({
      onRevocation(listener, refused) {
        onRevocation(listener, refused);
        return async () => undefined;
      },
    }),
  },
  'listed sessions': {
    'details are listed': asking((request) => without(request, 'details')),
    'what has no details is not listed': asking((request) =>
      request.tracked ? { details: Buffer.from('none'), ...request } : request,
    ),
    'a listed session is listed for longer when it is rotated': ({ rotate }) => ({
      async rotate(request) {
        const { tracked, generation } = request;
        return rotate(tracked && generation >= 0 ? without(request, 'tracked') : request);
      },
    }),
  },
};

/** As `BROKEN_STORES`, for stores that can lose data and have it restored. */
export const BROKEN_RESTORING: Record<string, (whole: RestoringStore) => Partial<SessionStore>> = {
  'sessions are written again': ({ restoreRevocations }) => ({
    restoreRevocations: (all, ttl) =>
      restoreRevocations(
        all.filter((entry) => !('session' in entry)),
        ttl,
      ),
  }),
  'users are written again': ({ restoreRevocations }) => ({
    restoreRevocations: (all, ttl) =>
      restoreRevocations(
        all.filter((entry) => 'session' in entry),
        ttl,
      ),
  }),
  'cutoffs are written again with their exceptions': ({ restoreRevocations }) => ({
    restoreRevocations: (all, ttl) =>
      restoreRevocations(
        all.map((entry) => ('session' in entry ? entry : { ...entry, cutoff: without(entry.cutoff, 'except') })),
        ttl,
      ),
  }),
  'no cutoff is lowered': ({ restoreRevocations, userCutoff }) => {
    const restored = new Map<string, Cutoff>();
    return {
      async restoreRevocations(all, ttl) {
        for (const entry of all) if (!('session' in entry)) restored.set(entry.user, entry.cutoff);
        await restoreRevocations(all, ttl);
      },
      userCutoff: async (sub) => restored.get(hashed(sub)) ?? userCutoff(sub),
    };
  },
  'revoked records are written again': ({ restoreRevocations, isRevoked }) => {
    const restored = new Set<string>();
    return {
      async restoreRevocations(all, ttl) {
        for (const entry of all) if ('session' in entry) restored.add(entry.session);
        await restoreRevocations(all, ttl);
      },
      isRevoked: async (session) => !restored.has(sessionName(session.sid)) && isRevoked(session),
    };
  },
  'entries are as of now': ({ restoreRevocations, revocationsAfter }) => {
    const former = new Map<string, number>();
    return {
      async restoreRevocations(all, ttl) {
        for (const entry of all) if ('session' in entry) former.set(entry.session, entry.at);
        await restoreRevocations(all, ttl);
      },
      async revocationsAfter(position, countedFrom) {
        const page = await revocationsAfter(position, countedFrom);
        const at = (entry: Revocation) => ('session' in entry && former.get(entry.session)) || entry.at;
        return { ...page, entries: page.entries.filter((entry) => at(entry) > position) };
      },
    };
  },
  'entries are kept no longer': ({ restoreRevocations }) => ({
    restoreRevocations: (all, ttl) => restoreRevocations(all, { ...ttl, log: 2 * ttl.log }),
  }),
  'entries are kept for their time': ({ restoreRevocations }) => ({
    restoreRevocations: (all, ttl) => restoreRevocations(all, { ...ttl, log: ttl.log / 2 }),
  }),
  'the longest times are made known without entries': ({ restoreRevocations }) => ({
    async restoreRevocations(all, ttl) {
      if (all.length > 0) await restoreRevocations(all, ttl);
    },
  }),
  'a listener is called': () => ({ onRevocation: () => async () => undefined }),
};

/** A store that passes all checks, with the methods of a break. Changed in place, since it has a class of its own. */
export function breakRestoring<T extends SessionStore>(
  whole: T,
  breaks: (whole: RestoringStore) => Partial<SessionStore>,
): T {
  return Object.assign(whole, breaks(wrapStore(whole as T & RestoringStore, {})));
}

/** The whole store with the methods of a break. */
export function brokenStore(breaks: Break, clock: TestClock): SessionStore {
  let behind = 0;
  const whole = new InMemorySessionStore({ now: () => clock.now() - behind, monotonic: () => clock.monotonic() });
  const sound: Sound = {
    ...wrapStore(whole, {}),
    clock,
    lag: (by) => (behind += by),
    look: ({ sid, sub }) => whole.rotate({ sid, sub, rev: ALL, generation: -1 }),
  };
  return wrapStore(whole, breaks(sound));
}
