import type { TokenClaims } from '../tokens/claims.js';

type Generation = Pick<TokenClaims, 'sid' | 'gen'>;

/**
 * The latest generation of each session for which responses are under way: a slow response must not replace a newer token of the client
 * by an older one. Counts responses and holds none of them.
 */
export class LatestUnderway {
  readonly #sessions = new Map<string, { gen: number; responses: number }>();

  /** A response is to carry this generation. */
  add({ sid, gen }: Generation): void {
    const session = this.#sessions.get(sid) ?? { gen, responses: 0 };
    this.#sessions.set(sid, session);
    session.gen = Math.max(session.gen, gen);
    session.responses += 1;
  }

  /** A response that was added has gone out, or never will. */
  remove({ sid }: Generation): void {
    const session = this.#sessions.get(sid);
    if (session && --session.responses === 0) this.#sessions.delete(sid);
  }

  isLatest({ sid, gen }: Generation): boolean {
    return gen >= (this.#sessions.get(sid)?.gen ?? gen);
  }

  /** How many sessions have responses under way. */
  get size(): number {
    return this.#sessions.size;
  }
}
