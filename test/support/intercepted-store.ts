import { wrapStore, type WrappedStore } from 'nestjs-refresh-auth/testing';
import { InMemorySessionStore } from '../../libs/refresh-auth/src/store/in-memory-session-store.js';
import type {
  RevocationTtl,
  RotationAnswer,
  RotationRequest,
  SessionOfToken,
  UsedGeneration,
} from '../../libs/refresh-auth/src/store/session-store.js';
import type { Clock } from '../../libs/refresh-auth/src/tokens/clock.js';

/** Replaces a call. `ask` asks the store itself, and may be called never, once or more often. */
export type Interception = (ask: () => Promise<RotationAnswer>, request: RotationRequest) => Promise<RotationAnswer>;

/** A real store behind a network that the test can disturb. */
export interface InterceptedStore extends WrappedStore<InMemorySessionStore> {
  /** Everything that was asked of `rotate`, in order. */
  readonly requests: RotationRequest[];
  /** Everything that was asked of `revoke`, in order. */
  readonly revocations: { sid: string; ttl: RevocationTtl }[];
  /** Everything that was asked of `recordUse`, in order. */
  readonly uses: (readonly UsedGeneration[])[];
  /** Everything that was only read about sessions and users, in order. */
  readonly reads: (SessionOfToken | { sub: string })[];
  /** Disturbs the next calls of `rotate`, each one once; those after them go through. */
  intercept(...interceptions: Interception[]): void;
}

export function interceptedStore(clock?: Clock): InterceptedStore {
  const store = new InMemorySessionStore(clock);
  const interceptions: Interception[] = [];
  const seen: Pick<InterceptedStore, 'requests' | 'revocations' | 'uses' | 'reads'> = {
    requests: [],
    revocations: [],
    uses: [],
    reads: [],
  };
  const wrapped = wrapStore(store, {
    async rotate(request) {
      seen.requests.push(request);
      const ask = (): Promise<RotationAnswer> => store.rotate(request);
      const interception = interceptions.shift();
      return interception ? interception(ask, request) : ask();
    },
    async revoke(sid, ttl) {
      seen.revocations.push({ sid, ttl });
      await store.revoke(sid, ttl);
    },
    async recordUse(uses, revokeAfter) {
      seen.uses.push(uses);
      await store.recordUse(uses, revokeAfter);
    },
    async isRevoked(session) {
      seen.reads.push(session);
      return store.isRevoked(session);
    },
    async userCutoff(sub) {
      seen.reads.push({ sub });
      return store.userCutoff(sub);
    },
  });
  return { ...wrapped, ...seen, intercept: (...next) => void interceptions.push(...next) };
}
