import { LRUCache } from 'lru-cache';
import type { Revocations } from '../revocation/revocations.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { TokenTimes } from '../tokens/token-times.js';
import type { Rotation } from './rotation.js';

/** When a valid token is refreshed: in the last part of its life, as a fraction of it or in seconds. The option `refreshAhead`. */
export type RefreshAheadRule = { readonly fraction: number } | { readonly seconds: number };

const MOST_REMEMBERED = 10_000;

/** Refreshes valid tokens that are in the last part of their life. */
export class RefreshAhead {
  /** Successors, by the `jti` of the tokens that were refreshed. Bounded by size, since `max` would take the room for all at once. */
  readonly #successors = new LRUCache<string, IssuedToken>({ maxSize: MOST_REMEMBERED, sizeCalculation: () => 1 });

  constructor(
    private readonly rotation: Rotation,
    private readonly revocations: Revocations,
    private readonly times: TokenTimes,
    private readonly rule: RefreshAheadRule,
  ) {}

  /**
   * Refreshes a valid token. No request waits for it: if it fails, the next request tries again.
   *
   * @returns `undefined` if it is too early; else a promise, never rejected, of the token to use from now on, if it worked
   */
  refresh(claims: TokenClaims): Promise<IssuedToken | undefined> | undefined {
    return this.#isInLastPart(claims) ? this.#refresh(claims) : undefined;
  }

  async #refresh(claims: TokenClaims): Promise<IssuedToken | undefined> {
    const known = this.#successors.get(claims.jti);
    // It is not yet in its own last part, so nobody had a reason to refresh it. It is still the latest token, unless its session has ended.
    if (known && !this.#isInLastPart(known.claims) && this.revocations.knowsAsLive(known.claims)) return known;
    try {
      const { refreshed } = await this.rotation.refresh(claims, { waited: 0, isUse: true });
      this.#successors.set(claims.jti, refreshed);
      return refreshed;
    } catch {
      return undefined;
    }
  }

  #isInLastPart(claims: TokenClaims): boolean {
    const { exp } = this.times.of(claims);
    const life = exp - claims.iat;
    // Limits of a sign-in can make a life shorter than `seconds`. At most half of it counts, or a new token would be refreshed at once.
    const last = 'seconds' in this.rule ? Math.min(this.rule.seconds, life / 2) : life * this.rule.fraction;
    return this.times.now / 1000 - this.times.lifetimes.clockTolerance >= exp - last;
  }
}
