import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Clock } from '../tokens/clock.js';
import { Breaker } from './breaker.js';
import { within } from './deadline.js';
import type { Events } from '../events/events.js';
import { LateRevocation, type SessionStore, StoreError } from './session-store.js';

/**
 * Asks the store a question, within what is left of one `storeTimeout`. `deadline` is the end of it on the store's clock, in milliseconds
 * since 1970; `undefined` while that clock is not known.
 */
export type Ask<Store = SessionStore> = <T>(
  question: (store: Store, deadline: number | undefined) => Promise<T>,
) => Promise<T>;

/** The store did not decide. The option `onStoreFailure` is about this error, and about no other with its code. */
export class StoreOutage extends RefreshAuthError {
  constructor(reason: string) {
    super('store_unavailable', reason);
  }
}

/** A store that is full or read-only still answers reads. It counts as working again only this long after its last error, in milliseconds. */
const QUIET = 10_000;

/** Asks the store: within a deadline, not at all while the store is down, and with an event when it fails and when it works again. */
export class StoreAccess<Store extends SessionStore = SessionStore> {
  readonly #breaker: Breaker;
  #failure: string | undefined;
  #told: { readonly now: number; readonly at: number } | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly store: Store,
    /** `storeTimeout`, in milliseconds. */
    private readonly timeout: number,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {
    this.#breaker = new Breaker(clock);
  }

  /** The reason while the store fails, else `undefined`. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Learns the time of the store's clock, in milliseconds since 1970. */
  tell(now: number): void {
    this.#told = { now, at: this.clock.monotonic() };
  }

  /** The time of the store's clock as far as it is known, in milliseconds since 1970. It is early by the time that the last answer took. */
  get storeNow(): number | undefined {
    return this.#told && Math.floor(this.#told.now + this.clock.monotonic() - this.#told.at);
  }

  /** Starts one deadline for everything that is asked through the returned function. The deadline stands still while nothing is asked. */
  begin(): Ask<Store> {
    const ask = this.insist();
    return async (question) => {
      if (!this.#breaker.admits) throw new StoreOutage(`known to be down: ${this.#failure}`);
      return ask(question);
    };
  }

  /** Asks one question, within a `storeTimeout` of its own. */
  ask<T>(question: (store: Store, deadline: number | undefined) => Promise<T>): Promise<T> {
    return this.begin()(question);
  }

  /** Like `begin`, for questions that no request waits for. They are also asked while the store is down, and so notice first that it is back. */
  insist(): Ask<Store> {
    let left = this.timeout;
    let asking = 0;
    let since = 0;
    return async (question) => {
      const now = performance.now();
      if (asking++ === 0) since = now;
      // By default ioredis waits for ever for a server that hangs, so no client is trusted to bound its own commands.
      const most = left - (now - since);
      const ask = () => question(this.store, this.storeNow && this.storeNow + most - (performance.now() - now));
      try {
        const answer = await this.#breaker.watch(() => within(most, 'storeTimeout', () => this.#inTime(ask)));
        this.#answered();
        return answer;
      } catch (error) {
        throw this.#unavailable(error);
      } finally {
        if (--asking === 0) left -= performance.now() - since;
      }
    };
  }

  /** Asks again if the deadline was missed only because the store's clock was not known well. */
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
    // A record that cannot be read affects one session, and the event of its rejected token says so.
    if (!(isRefusal && error.isOfOneRecord)) this.#report(reason, isRefusal);
    return new StoreOutage(reason);
  }

  #report(reason: string, isRefusal: boolean): void {
    if (isRefusal) this.#refusedAt = this.clock.monotonic();
    if (this.#failure === undefined) this.events.emit('store-failed', { reason });
    this.#failure = reason;
  }
}

/** Returns the message without arguments: an error of ioredis holds those of its command, and "unknown command" quotes them. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unknown';
  return message.split(', with args')[0] ?? message;
}
