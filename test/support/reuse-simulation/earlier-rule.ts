import {
  InMemorySessionStore,
  type ReuseRule,
  type RotationAnswer,
  type RotationRequest,
  type UsedGeneration,
} from 'nestjs-refresh-auth/store';
import type { TestClock } from '../clock.js';

interface Known {
  readonly latest: number;
  readonly mintedAt: number;
  readonly used: number;
}

/**
 * Judges superseded tokens by the rule that came before the one of `SessionStore.rotate`, to compare what that does to the same clients: once
 * something newer is in use, the predecessor of the latest token is handed over for the grace, counted from when that was minted, and older
 * ones for the grace after their expiry. Later the session is revoked at once. A request is judged when the guard runs.
 */
export class EarlierRuleStore extends InMemorySessionStore {
  readonly #known = new Map<string, Known>();

  constructor(private readonly time: TestClock) {
    super(time);
  }

  override async rotate(request: RotationRequest): Promise<RotationAnswer> {
    const { reuse, ...others } = request;
    const { sid, generation } = request;
    const known = this.#known.get(sid) ?? { latest: 0, mintedAt: 0, used: 0 };
    if (reuse && this.#isReused(known, generation, reuse) && !(await this.isRevoked(request))) {
      const { revokeFor } = reuse;
      if (revokeFor !== undefined) await this.revoke(sid, { record: revokeFor, log: revokeFor });
      return { outcome: 'reused', latest: known.latest };
    }
    const answer = await super.rotate(others);
    const isNew = answer.outcome === 'rotated' && generation + 1 > known.latest;
    this.#known.set(sid, {
      latest: isNew ? generation + 1 : known.latest,
      mintedAt: isNew ? this.time.now() : known.mintedAt,
      used: reuse?.isUse ? Math.max(known.used, generation) : known.used,
    });
    return answer;
  }

  override async recordUse(uses: readonly UsedGeneration[]): Promise<void> {
    for (const { sid, gen } of uses) {
      const known = this.#known.get(sid);
      if (known) this.#known.set(sid, { ...known, used: Math.max(known.used, gen) });
    }
  }

  #isReused({ latest, mintedAt, used }: Known, generation: number, { expiredFor, grace }: ReuseRule): boolean {
    if (latest <= generation || used <= generation) return false;
    const from = Math.max(this.time.now() - expiredFor, generation === latest - 1 ? mintedAt : 0);
    return this.time.now() >= from + grace;
  }
}
