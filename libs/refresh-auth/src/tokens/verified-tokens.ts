import { LRUCache } from 'lru-cache';
import type { TokenClaims } from './claims.js';
import type { TokenTimes } from './token-times.js';
import type { TokenVerifier } from './verifying.js';

/** 32 MiB, which is enough for about 17,000 tokens of typical size, and never holds more than 32,768. */
const MAX_BYTES = 32 * 1024 * 1024;
/** The size of an entry without the text of its token, in bytes: the claims as an object, and the cache's own data. */
const ENTRY_BYTES = 1024;
const SWEEP_INTERVAL = 60_000;
/** How long a token stays in the cache after it has expired, in milliseconds: requests that race to refresh it need not verify it again. */
const KEPT_EXPIRED = 60_000;

/**
 * Verifies every token once, and then recognizes it by its exact text. The cache holds only verified tokens, so nobody without a key can fill
 * it. Callers check times and revocations at every use, because these change.
 */
export class VerifiedTokens {
  readonly #claims: LRUCache<string, TokenClaims>;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly verifier: Pick<TokenVerifier, 'verify'>,
    readonly times: TokenTimes,
  ) {
    this.#claims = new LRUCache({
      // Only by size: with a maximum number of entries, the cache would allocate memory for all of them at once.
      maxSize: MAX_BYTES,
      // The claims repeat the content of the token, as separate objects and strings.
      sizeCalculation: (_, token) => 3 * token.length + ENTRY_BYTES,
      perf: times.clock,
      // No caching of the time, so that a clock that was set is noticed at once.
      ttlResolution: 0,
    });
  }

  /** The number of tokens in the cache. */
  get size(): number {
    return this.#claims.size;
  }

  /** The claims of a token that is in the cache; `undefined` for any other. */
  recall(token: string): TokenClaims | undefined {
    return this.#claims.get(token);
  }

  /**
   * Returns the verified claims of a token, frozen. Returns the same object for as long as the token is in the cache.
   *
   * @throws RefreshAuthError `token_malformed` or `token_invalid`
   */
  verify(token: string): TokenClaims {
    return this.#claims.get(token) ?? this.#verifyNew(token);
  }

  #verifyNew(token: string): TokenClaims {
    const claims = this.verifier.verify(token);
    const left = Math.floor(this.times.of(claims).exp * 1000 - this.times.now);
    this.#claims.set(token, claims, { ttl: Math.max(0, left) + KEPT_EXPIRED });
    // One timer for all tokens. `unref()`, so that it does not keep the process alive.
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL).unref();
    return claims;
  }

  #sweep(): void {
    this.#claims.purgeStale();
    if (this.#claims.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
