import { LRUCache } from 'lru-cache';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import type { Rotated } from './rotation.js';

/** How long an answer of the store is handed on after it came, in milliseconds: browsers send the rest of a page's requests right after the first. */
const KEPT_FOR = 1_000;
const MOST_KEPT = 10_000;

/**
 * Requests of one process that bring the same generation share one answer of the store: those that come while it is asked, and those
 * that come right after. The first counts as the one that renewed.
 */
export class SharedRotations {
  /** By the generation and session that was presented. */
  readonly #underway = new Map<string, Promise<Rotated>>();
  readonly #settled: LRUCache<string, IssuedToken>;

  constructor(
    clock: Clock,
    /** Whether the store would answer the same now, as far as time and what is known of revocations tell. */
    private readonly isStillTrue: (presented: TokenClaims, renewed: IssuedToken) => boolean,
  ) {
    this.#settled = new LRUCache({ max: MOST_KEPT, ttl: KEPT_FOR, perf: clock, ttlResolution: 0 });
  }

  share(presented: TokenClaims, rotate: () => Promise<Rotated>): Promise<Rotated> {
    const generation = `${presented.gen}:${presented.sid}`;
    const settled = this.#settled.get(generation);
    if (settled && this.isStillTrue(presented, settled)) return Promise.resolve(alreadyRefreshed(settled));
    return (
      this.#underway.get(generation)?.then(({ renewed }) => alreadyRefreshed(renewed)) ??
      this.#begin(generation, rotate)
    );
  }

  #begin(generation: string, rotate: () => Promise<Rotated>): Promise<Rotated> {
    const rotation = rotate()
      .then((rotated) => {
        this.#settled.set(generation, rotated.renewed);
        return rotated;
      })
      .finally(() => this.#underway.delete(generation));
    this.#underway.set(generation, rotation);
    return rotation;
  }
}

function alreadyRefreshed(renewed: IssuedToken): Rotated {
  return { state: 'already-refreshed', renewed };
}
