import type { Clock } from '../tokens/clock.js';
import { StoreError } from './session-store.js';

/** So many failures in a row, with no answer in between, and the store is known to be out. */
const MOST_FAILURES = 3;
/** How long a store that is out is left alone between two trials, in milliseconds: as long as clients are told to wait (`Retry-After`). */
const REST = 1000;

/**
 * Keeps calls away from a store that is known to be out, so that not each of them waits out its deadline. Then one call at a time is
 * let through as a trial, and any answer ends the outage.
 *
 * cockatiel and opossum do this too, but with clocks and timers of their own, and by rates over time, of which none is needed here.
 */
export class Breaker {
  #failures = 0;
  #failedAt = 0;
  #answers = 0;
  #isTrying = false;

  constructor(private readonly clock: Clock) {}

  /** Whether the store is known to be out. */
  get isOpen(): boolean {
    return this.#failures >= MOST_FAILURES;
  }

  /** Whether a call would be let through. */
  get admits(): boolean {
    return !this.isOpen || (!this.#isTrying && this.clock.monotonic() - this.#failedAt >= REST);
  }

  /** Makes a call, and learns from its end. */
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
      // While others were answered, one call that was not says nothing of the store: it may be one shard of many.
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
