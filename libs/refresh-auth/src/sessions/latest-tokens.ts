import { LRUCache } from 'lru-cache';
import type { Events } from '../events/events.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { TokenSigner } from '../tokens/signing.js';
import type { TokenVerifier } from '../tokens/verifying.js';
import type { SealedPlace, Sealer } from './sealing.js';

/** A token, and what the store keeps of it. */
export interface LatestToken {
  readonly issued: IssuedToken;
  readonly sealed: Uint8Array;
}

/** About 2 MB. */
const MOST_SEEN = 1_000;

/** Mints tokens, and converts them to and from the sealed form that the store keeps. */
export class LatestTokens {
  /**
   * The tokens that this process saw last, by `sid`. They save opening the same bytes for each request of a race; the store still says which
   * bytes are the latest. Bounded by size, since `max` would take the memory for all at once.
   */
  readonly #seen = new LRUCache<string, LatestToken>({ maxSize: MOST_SEEN, sizeCalculation: () => 1 });

  constructor(
    private readonly signer: TokenSigner,
    private readonly sealer: Sealer,
    private readonly verifier: TokenVerifier,
    private readonly events: Events,
  ) {}

  /** Mints the successor of the token with these claims. */
  mint(claims: TokenClaims): LatestToken {
    const issued = this.signer.successor(claims);
    return { issued, sealed: this.sealer.seal(issued.token, issued.claims) };
  }

  /** Remembers a token that the store has now. */
  see(latest: LatestToken): void {
    this.#seen.set(latest.issued.claims.sid, latest);
  }

  /** Returns true if a newer generation of the session was seen in the store. */
  hasSeenSuccessorOf({ sid, gen }: TokenClaims): boolean {
    const seen = this.#seen.get(sid);
    return seen !== undefined && seen.issued.claims.gen > gen;
  }

  /** Opens a sealed latest token. Emits an event and returns `undefined` if it does not open for this session, generation and user. */
  open({ sid, sub }: TokenClaims, gen: number, sealed: Uint8Array): IssuedToken | undefined {
    const place = { sid, gen };
    const issued = this.#seenIn(place, sealed) ?? this.read(place, sealed);
    if (issued?.claims.sub === sub) {
      this.see({ issued, sealed });
      return issued;
    }
    this.events.emit('sealed-token-rejected', this.events.generation(place));
    return undefined;
  }

  /** Opens a sealed token, and verifies it like any token. Returns `undefined` if it is not of this session and generation. */
  read(place: SealedPlace, sealed: Uint8Array): IssuedToken | undefined {
    const token = this.sealer.open(sealed, place);
    const claims = token === undefined ? undefined : this.#verified(token);
    if (token === undefined || claims?.sid !== place.sid || claims.gen !== place.gen) return undefined;
    return { token, claims };
  }

  #seenIn({ sid, gen }: SealedPlace, sealed: Uint8Array): IssuedToken | undefined {
    const seen = this.#seen.get(sid);
    const isTheSame = seen?.issued.claims.gen === gen && Buffer.compare(seen.sealed, sealed) === 0;
    return isTheSame ? seen.issued : undefined;
  }

  #verified(token: string): TokenClaims | undefined {
    try {
      return this.verifier.verify(token);
    } catch {
      return undefined;
    }
  }
}
