import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Clock } from '../tokens/clock.js';
import { Breaker } from './breaker.js';
import { within } from './deadline.js';
import type { Events } from '../events/events.js';
import { LateRevocation, StoreError } from './session-store.js';

/** Asks the store something, before the deadline that was begun; that is on the store's clock, in milliseconds, if it has told its time. */
export type Ask = <T>(ask: (deadline: () => number | undefined) => Promise<T>) => Promise<T>;

/** The store itself did not decide: what `onStoreFailure` is about. Other refusals with this code are not. */
export class StoreOutage extends RefreshAuthError {
  constructor(reason: string) {
    super('store_unavailable', reason);
  }
}

/** A store that is full or read-only still answers reads: only so long after its last refusal, in milliseconds, does an answer mean that it works again. */
const QUIET = 10_000;

/** Asks the store within the library's own deadline, not at all while it is known to be out, and reports when it fails and when it works again. */
export class StoreAccess {
  readonly #breaker: Breaker;
  #failure: string | undefined;
  #told: { readonly now: number; readonly at: number } | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    /** `storeTimeout`, in milliseconds. */
    private readonly timeout: number,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {
    this.#breaker = new Breaker(clock);
  }

  /** Why the store fails, as long as it does. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The store has just told the time of its clock, in milliseconds since 1970. */
  tell(now: number): void {
    this.#told = { now, at: this.clock.monotonic() };
  }

  /** The store's clock in whole milliseconds, which may be a little later: by as long as it took to tell it. */
  get storeNow(): number | undefined {
    return this.#told && Math.floor(this.#told.now + this.clock.monotonic() - this.#told.at);
  }

  /** Starts a deadline for all that is asked through the returned function; it stands still while nothing is asked. */
  begin(): Ask {
    const ask = this.insist();
    return async (question) => {
      if (!this.#breaker.admits) throw new StoreOutage(`known to be out: ${this.#failure}`);
      return ask(question);
    };
  }

  /** As `begin`, for what no request waits for: it is asked of a store that is known to be out too, and so finds out first that it is back. */
  insist(): Ask {
    let left = this.timeout;
    let asking = 0;
    let since = 0;
    return async (question) => {
      const now = performance.now();
      if (asking++ === 0) since = now;
      try {
        // No client is trusted to bound its own commands: by default ioredis waits for ever for a server that hangs.
        const most = left - (now - since);
        const deadline = () => this.storeNow && this.storeNow + most - (performance.now() - now);
        const answer = await this.#breaker.watch(() =>
          within(most, 'storeTimeout', () => this.#inTime(() => question(deadline))),
        );
        this.#answered();
        return answer;
      } catch (error) {
        throw this.#unavailable(error);
      } finally {
        if (--asking === 0) left -= performance.now() - since;
      }
    };
  }

  /** What the store came to too late may only have been taken for late, by an old idea of its clock: it is asked once more. */
  async #inTime<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LateRevocation)) throw error;
      this.tell(error.now);
      return ask();
    }
  }

  #answered(): void {
    if (this.#failure === undefined || this.clock.monotonic() - this.#refusedAt < QUIET) return;
    this.#failure = undefined;
    this.events.emit('store-recovered', {});
  }

  #unavailable(error: unknown): StoreOutage {
    const reason = reasonOf(error);
    const isRefusal = error instanceof StoreError;
    // One record that cannot be read is the trouble of one session, whose refused token is reported.
    if (!(isRefusal && error.isOfOneRecord)) this.#report(reason, isRefusal);
    return new StoreOutage(reason);
  }

  #report(reason: string, isRefusal: boolean): void {
    if (isRefusal) this.#refusedAt = this.clock.monotonic();
    if (this.#failure === undefined) this.events.emit('store-failed', { reason });
    this.#failure = reason;
  }
}

/** The message alone: an error of ioredis holds the arguments of its command, and "unknown command" quotes them in its message. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unknown';
  return message.split(', with args')[0] ?? message;
}
