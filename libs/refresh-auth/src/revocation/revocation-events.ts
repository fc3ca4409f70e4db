import type { Events } from '../events/events.js';
import type { Revocation } from '../store/session-store.js';

/** A revocation that this process is writing. */
interface Underway {
  readonly name: string;
  /** Its entry in the log, if that was read before the store's answer came. */
  seen?: Revocation;
}

/**
 * Emits `session-revoked` and `user-revoked`: once for each revocation of this process, and once for each of another process, `elsewhere`. The
 * notification of an own revocation may arrive before the answer of the store, and is then not one of another process.
 */
export class RevocationEvents {
  readonly #underway = new Set<Underway>();

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

function nameOf(revocation: Revocation): string {
  return 'session' in revocation ? revocation.session : revocation.user;
}
