import type { Events } from '../events/events.js';
import { nameOf, type Revocation } from '../store/session-store.js';

/** A revocation that this process is writing. */
interface Underway {
  readonly name: string;
  /** Its entry in the log, if that was read before the store's answer came. */
  seen?: Revocation;
}

/**
 * Emits the events about revocations. `session-revoked` and `user-revoked` come once for each revocation of this process, and once for each of
 * another process, with `elsewhere`. If the notification of this process's own revocation arrives before the store's answer, it does not count
 * as one of another process.
 */
export class RevocationEvents {
  readonly #underway = new Set<Underway>();
  /** The reason of the last failed subscription. */
  #unsubscribed: string | undefined;

  constructor(private readonly events: Events) {}

  /**
   * Reports a revocation of this process when it is written.
   *
   * @param name the session's or the user's name in the log
   */
  async own(name: string, write: () => Promise<Revocation>): Promise<void> {
    const underway: Underway = { name };
    this.#underway.add(underway);
    try {
      this.#emit(await write(), {});
    } catch (error) {
      if (underway.seen) this.#emit(underway.seen, { elsewhere: true });
      throw error;
    } finally {
      this.#underway.delete(underway);
    }
  }

  /** Reports a revocation that was read in the log and not known before. */
  learned(revocation: Revocation): void {
    const name = nameOf(revocation);
    const own = [...this.#underway].filter((underway) => underway.name === name);
    for (const underway of own) underway.seen = revocation;
    if (own.length === 0) this.#emit(revocation, { elsewhere: true });
  }

  /** Reports that this process is not notified, each reason once. It then learns of the revocations of other processes from its polls. */
  unsubscribed(reason: string): void {
    if (reason === this.#unsubscribed) return;
    this.#unsubscribed = reason;
    this.events.emit('subscription-failed', { reason });
  }

  #emit(revocation: Revocation, where: { elsewhere?: true }): void {
    if ('session' in revocation) {
      this.events.emit('session-revoked', { session: revocation.session, ...where });
      return;
    }
    const { except } = revocation.cutoff;
    this.events.emit('user-revoked', {
      user: revocation.user,
      ...(except ? { except: except.session } : {}),
      ...where,
    });
  }
}
