import { LRUCache } from 'lru-cache';
import type { TokenClaims } from './claims.js';
import type { Clock } from './clock.js';
import { effectiveTimes, type Lifetimes } from './lifetimes.js';
import type { TokenVerifier } from './verifying.js';

/** 32 MiB: some 17,000 tokens of common size, and never more than 32,768. */
const MAX_BYTES = 32 * 1024 * 1024;
/** What an entry holds beside the text of its token: the claims as an object, and its place in the cache. */
const ENTRY_BYTES = 1024;
const SWEEP_INTERVAL = 60_000;

/**
 * Verifies every token once, and then knows it by its exact text. Only what was verified enters, so that nobody without a key can fill
 * it, and nothing stays past its `exp`. What changes with time is not known here: times and revocations are looked at on every use.
 */
export class VerifiedTokens {
  readonly #claims: LRUCache<string, TokenClaims>;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly verifier: Pick<TokenVerifier, 'verify'>,
    private readonly clock: Clock,
    private readonly lifetimes: Lifetimes,
  ) {
    this.#claims = new LRUCache({
      // By size alone: a number of entries would take the room for all of them at once.
      maxSize: MAX_BYTES,
      // The claims repeat what the token says, as objects and strings of their own.
      sizeCalculation: (_, token) => 3 * token.length + ENTRY_BYTES,
      perf: clock,
      // Whoever moves the clock is believed at once.
      ttlResolution: 0,
    });
  }

  /** How many are known. */
  get size(): number {
    return this.#claims.size;
  }

  /**
   * @returns the claims, frozen: the same object as long as the token is known
   * @throws RefreshAuthError `token_malformed` or `token_invalid`
   */
  verify(token: string): TokenClaims {
    return this.#claims.get(token) ?? this.#verifyNew(token);
  }

  #verifyNew(token: string): TokenClaims {
    const claims = this.verifier.verify(token);
    const left = Math.floor(effectiveTimes(claims, this.lifetimes).exp * 1000 - this.clock.now());
    if (left > 0) this.#keep(token, claims, left);
    return claims;
  }

  #keep(token: string, claims: TokenClaims, ttl: number): void {
    this.#claims.set(token, claims, { ttl });
    // One timer for all; unref'd, so that it keeps no process alive.
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL).unref();
  }

  #sweep(): void {
    this.#claims.purgeStale();
    if (this.#claims.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
