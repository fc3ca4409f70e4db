import type { TokenClaims } from '../tokens/claims.js';

type Generation = Pick<TokenClaims, 'sid' | 'gen'>;

/**
 * Knows the latest generation of each session that responses in progress are going to carry. A slow response must not replace the client's
 * token by an older one. It counts responses and keeps no reference to them.
 */
export class LatestUnderway {
  readonly #sessions = new Map<string, { gen: number; responses: number }>();

  /** Adds a response that is going to carry this generation. */
  add({ sid, gen }: Generation): void {
    const session = this.#sessions.get(sid) ?? { gen, responses: 0 };
    this.#sessions.set(sid, session);
    session.gen = Math.max(session.gen, gen);
    session.responses += 1;
  }

  /** Removes a response that was added, because it was sent or never will be. */
  remove({ sid }: Generation): void {
    const session = this.#sessions.get(sid);
    if (session && --session.responses === 0) this.#sessions.delete(sid);
  }

  /** Returns true if no response in progress carries a newer generation of the session. */
  isLatest({ sid, gen }: Generation): boolean {
    return gen >= (this.#sessions.get(sid)?.gen ?? gen);
  }

  /** The number of sessions with responses in progress. */
  get size(): number {
    return this.#sessions.size;
  }
}
