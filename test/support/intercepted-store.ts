import { InMemorySessionStore } from '../../libs/refresh-auth/src/store/in-memory-session-store.js';
import type {
  RevocationTtl,
  RotationAnswer,
  RotationRequest,
  SessionOfToken,
  Cutoff,
  UsedGeneration,
} from '../../libs/refresh-auth/src/store/session-store.js';

/** What happens to a call on its way: `ask` is the store itself, to be asked never, once or more often. */
export type Interception = (ask: () => Promise<RotationAnswer>, request: RotationRequest) => Promise<RotationAnswer>;

/** A real store behind a network that the test can disturb. */
export class InterceptedStore extends InMemorySessionStore {
  /** Everything that was asked of `rotate`, in order. */
  readonly requests: RotationRequest[] = [];
  /** Everything that was asked of `revoke`, in order. */
  readonly revocations: { sid: string; ttl: RevocationTtl }[] = [];
  /** Everything that was asked of `recordUse`, in order. */
  readonly uses: (readonly UsedGeneration[])[] = [];
  /** What was only read about sessions and users, in order. */
  readonly reads: (SessionOfToken | { sub: string })[] = [];
  readonly #interceptions: Interception[] = [];

  /** Disturbs the next calls of `rotate`, each one once; those after them go through. */
  intercept(...interceptions: Interception[]): void {
    this.#interceptions.push(...interceptions);
  }

  override async rotate(request: RotationRequest): Promise<RotationAnswer> {
    this.requests.push(request);
    const ask = (): Promise<RotationAnswer> => super.rotate(request);
    const interception = this.#interceptions.shift();
    return interception ? interception(ask, request) : ask();
  }

  override async revoke(sid: string, ttl: RevocationTtl): Promise<void> {
    this.revocations.push({ sid, ttl });
    await super.revoke(sid, ttl);
  }

  override async recordUse(uses: readonly UsedGeneration[], revokeAfter: number): Promise<void> {
    this.uses.push(uses);
    await super.recordUse(uses, revokeAfter);
  }

  override async isRevoked(session: SessionOfToken): Promise<boolean> {
    this.reads.push(session);
    return super.isRevoked(session);
  }

  override async userCutoff(sub: string): Promise<Cutoff | undefined> {
    this.reads.push({ sub });
    return super.userCutoff(sub);
  }
}
