import {
  InMemorySessionStore,
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

/** A store that judges superseded tokens by another rule, and revokes at once: to compare what that does to the same clients. */
abstract class OtherRuleStore extends InMemorySessionStore {
  readonly #known = new Map<string, Known>();

  constructor(protected readonly time: TestClock) {
    super(time);
  }

  protected abstract isReused(known: Known, request: RotationRequest): boolean;

  override async rotate(request: RotationRequest): Promise<RotationAnswer> {
    const { reuse, ...others } = request;
    const { sid, generation } = request;
    const known = this.#known.get(sid) ?? { latest: 0, mintedAt: 0, used: 0 };
    const isReused = reuse !== undefined && known.latest > generation && this.isReused(known, request);
    if (isReused && !(await this.isRevoked(request))) {
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
}

/**
 * The rule that came before the one of `SessionStore.rotate`: once something newer is in use, the predecessor of the latest token is handed over
 * for the grace, counted from when that was minted, and older ones for the grace after their expiry. The request is judged when the guard runs.
 */
export class EarlierRuleStore extends OtherRuleStore {
  protected override isReused({ latest, mintedAt, used }: Known, { generation, reuse }: RotationRequest): boolean {
    if (!reuse || used <= generation) return false;
    const from = Math.max(reuse.expiredAt, generation === latest - 1 ? mintedAt : 0);
    return this.time.now() >= from + reuse.grace;
  }
}

/** The rule of the textbooks: only the immediate predecessor is handed over, and only for the grace. */
export class TextbookStore extends OtherRuleStore {
  protected override isReused({ latest, mintedAt }: Known, { generation, reuse }: RotationRequest): boolean {
    return reuse !== undefined && (generation < latest - 1 || this.time.now() >= mintedAt + reuse.grace);
  }
}
