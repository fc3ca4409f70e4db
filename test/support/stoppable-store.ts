import { setImmediate as immediate } from 'node:timers/promises';
import { type StoreQuestion, wrapStore } from 'nestjs-refresh-auth/testing';
import type { PushingStore } from '../../libs/refresh-auth/src/revocation/revocation-log.js';
import type { ListingStore } from '../../libs/refresh-auth/src/sessions/tracked-sessions.js';

export type FullStore = PushingStore & ListingStore;

/** Where to hold a call: just before the n-th call leaves, or just before its answer arrives. */
export interface Stop {
  readonly call: number;
  readonly before: 'question' | 'answer';
}

/** Calls that no request waits for. */
const BESIDE: readonly StoreQuestion[] = ['listedSessions', 'revocationsAfter'];

/** The way to a real store, on which one call can be held up while all others go on. */
export class StoppableStore {
  /** The store at the other end of the way. */
  readonly store: FullStore;
  /** How many calls there were since the last `stopAt`. */
  calls = 0;
  readonly #asking = new Set<Promise<unknown>>();
  #stop: Stop | undefined;
  #reach = (): void => undefined;
  #continue = (): void => undefined;
  #continued = Promise.resolve();

  constructor(store: FullStore) {
    this.store = wrapStore(store, {
      around: (ask, method) => (BESIDE.includes(method) ? ask() : this.pass(ask)),
    });
  }

  /**
   * Counts calls from now on, and holds one of them up.
   *
   * @returns a promise that resolves when that call is held up
   */
  stopAt(stop?: Stop): Promise<void> {
    this.calls = 0;
    this.#stop = stop;
    this.#continued = new Promise((resolve) => (this.#continue = resolve));
    return new Promise((resolve) => (this.#reach = resolve));
  }

  /** Resolves when all calls but the one that is held up have their answers. */
  async settle(): Promise<void> {
    do {
      await Promise.all(this.#asking);
      await immediate();
    } while (this.#asking.size > 0);
  }

  /** Lets the call go on that was held up. */
  goOn(): void {
    this.#continue();
  }

  /** Makes a call, and holds it up if it is the one. The application's hooks can be passed too. */
  async pass<T>(ask: () => Promise<T>): Promise<T> {
    const call = this.calls++;
    await this.#holdUp({ call, before: 'question' });
    const asking = ask();
    this.#asking.add(asking);
    const answer = await asking.finally(() => this.#asking.delete(asking));
    await this.#holdUp({ call, before: 'answer' });
    return answer;
  }

  async #holdUp({ call, before }: Stop): Promise<void> {
    if (this.#stop?.call !== call || this.#stop.before !== before) return;
    this.#reach();
    await this.#continued;
  }
}
