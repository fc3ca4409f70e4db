import type { Clock } from '../tokens/clock.js';
import { StoreError } from './session-store.js';

/** The store counts as down after this many failures in a row. */
const MOST_FAILURES = 3;
/** The pause between two trials while the store is down, in milliseconds: as long as clients are told to wait (`Retry-After`). */
const REST = 1000;

/**
 * A circuit breaker: keeps calls away from a store that is down, so that they need not wait for their deadlines. One call at a time is let
 * through as a trial, and any answer ends the outage.
 *
 * cockatiel and opossum would do, but they have clocks and timers of their own, and count rates over time.
 */
export class Breaker {
  #failures = 0;
  #failedAt = 0;
  #answers = 0;
  #isTrying = false;

  constructor(private readonly clock: Clock) {}

  /** True while the store counts as down. */
  get isOpen(): boolean {
    return this.#failures >= MOST_FAILURES;
  }

  /** True if a call would be let through now. */
  get admits(): boolean {
    return !this.isOpen || (!this.#isTrying && this.clock.monotonic() - this.#failedAt >= REST);
  }

  /** Makes a call, and learns from its result. */
  async watch<T>(call: () => Promise<T>): Promise<T> {
    const isTrial = this.isOpen;
    const answersBefore = this.#answers;
    if (isTrial) this.#isTrying = true;
    try {
      const answer = await call();
      this.#answered();
      return answer;
    } catch (error) {
      if (error instanceof StoreError) this.#answered();
      // If other calls were answered meanwhile, this failure may be that of one shard of many.
      else if (this.#answers === answersBefore) this.#failed();
      throw error;
    } finally {
      if (isTrial) this.#isTrying = false;
    }
  }

  #answered(): void {
    this.#answers += 1;
    this.#failures = 0;
  }

  #failed(): void {
    this.#failures += 1;
    this.#failedAt = this.clock.monotonic();
  }
}
