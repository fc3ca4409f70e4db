import { setImmediate as immediate } from 'node:timers/promises';
import type { PushingStore } from '../../libs/refresh-auth/src/revocation/revocation-log.js';
import type { SessionStore } from '../../libs/refresh-auth/src/store/session-store.js';
import type { ListingStore } from '../../libs/refresh-auth/src/sessions/tracked-sessions.js';

export type FullStore = PushingStore & ListingStore;

/** A moment of what is under way: just before its n-th call leaves, or just before the answer to that call arrives. */
export interface Stop {
  readonly call: number;
  readonly before: 'question' | 'answer';
}

/** A real store, on the way to which one call can be held up while all others go on. */
export class StoppableStore implements FullStore {
  /** How many calls there were since the last `stopAt`. */
  calls = 0;
  readonly #asking = new Set<Promise<unknown>>();
  #stop: Stop | undefined;
  #reach = (): void => undefined;
  #continue = (): void => undefined;
  #continued = Promise.resolve();

  constructor(private readonly store: FullStore) {}

  readonly rotate: SessionStore['rotate'] = (request) => this.pass(() => this.store.rotate(request));
  readonly recordUse: SessionStore['recordUse'] = (...uses) => this.pass(() => this.store.recordUse(...uses));
  readonly revoke: SessionStore['revoke'] = (sid, ttl) => this.pass(() => this.store.revoke(sid, ttl));
  readonly isRevoked: SessionStore['isRevoked'] = (session) => this.pass(() => this.store.isRevoked(session));
  readonly userCutoff: SessionStore['userCutoff'] = (sub) => this.pass(() => this.store.userCutoff(sub));
  readonly revokeUser: SessionStore['revokeUser'] = (sub, ttl, except) =>
    this.pass(() => this.store.revokeUser(sub, ttl, except));
  // Nobody waits for these.
  readonly listedSessions: FullStore['listedSessions'] = (...page) => this.store.listedSessions(...page);
  readonly replaceDetails: FullStore['replaceDetails'] = (...details) =>
    this.pass(() => this.store.replaceDetails(...details));
  readonly revocationsAfter: FullStore['revocationsAfter'] = (...span) => this.store.revocationsAfter(...span);
  readonly onRevocation: FullStore['onRevocation'] = (...listeners) => this.store.onRevocation(...listeners);

  /**
   * Counts calls from now on, and holds one of them up.
   *
   * @returns fulfilled once that call has come to its stop
   */
  stopAt(stop?: Stop): Promise<void> {
    this.calls = 0;
    this.#stop = stop;
    this.#continued = new Promise((resolve) => (this.#continue = resolve));
    return new Promise((resolve) => (this.#reach = resolve));
  }

  /** Until all calls but the one that is held up have their answers. */
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

  /** A call on its way; the application's hooks can be held up in the same way. */
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
