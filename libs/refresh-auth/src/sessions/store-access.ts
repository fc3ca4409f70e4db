import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { within } from './deadline.js';
import type { Events } from './events.js';

/** Asks the store something, before the deadline that was begun. */
export type Ask = <T>(ask: () => Promise<T>) => Promise<T>;

/** The store itself did not decide: what `onStoreFailure` is about. Other refusals with this code are not. */
export class StoreOutage extends RefreshAuthError {
  constructor(reason: string) {
    super('store_unavailable', reason);
  }
}

/** Asks the store within the library's own deadline, and reports when it stops answering and when it answers again. */
export class StoreAccess {
  #failed = false;

  constructor(
    /** `storeTimeout`, in milliseconds. */
    private readonly timeout: number,
    private readonly events: Events,
  ) {}

  /** Starts a deadline for all that is asked through the returned function; it stands still while nothing is asked. */
  begin(): Ask {
    let left = this.timeout;
    let asking = 0;
    let since = 0;
    return async (ask) => {
      const now = performance.now();
      if (asking++ === 0) since = now;
      try {
        // No client is trusted to bound its own commands: by default ioredis waits for ever for a server that hangs.
        const answer = await within(left - (now - since), 'storeTimeout', ask);
        this.#recovered();
        return answer;
      } catch (error) {
        throw this.#unavailable(error);
      } finally {
        if (--asking === 0) left -= performance.now() - since;
      }
    };
  }

  #recovered(): void {
    if (!this.#failed) return;
    this.#failed = false;
    this.events.emit('store-recovered', {});
  }

  #unavailable(error: unknown): StoreOutage {
    const reason = reasonOf(error);
    if (!this.#failed) {
      this.#failed = true;
      this.events.emit('store-failed', { reason });
    }
    return new StoreOutage(reason);
  }
}

/** The message alone: an error of ioredis holds the arguments of its command, and "unknown command" quotes them in its message. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unknown';
  return message.split(', with args')[0] ?? message;
}
