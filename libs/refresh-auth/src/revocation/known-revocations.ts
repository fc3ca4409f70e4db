import type { TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import { isEndedBy, type Revocation, UNSEEN } from '../store/session-store.js';

/** The most entries, about 30 MB. Beyond that the oldest is dropped, and the store is asked while a valid token may be left that it ends. */
const MOST_ENTRIES = 100_000;

/** Entries that have ended are dropped at most this often, in milliseconds: a map that is emptied from the front is slow to walk from there. */
const DROP_INTERVAL = 1_000;

type UserRevocation = Extract<Revocation, { user: string }>;

interface Known<T extends Revocation> {
  readonly revocation: T;
  /** The last moment at which a token that it ends can be left, on the monotonic clock. */
  readonly until: number;
}

/** The names under which the revocations of a token's session and user are found. */
interface Names {
  readonly session: string;
  readonly user: string;
}

/** Remembers the revocations that this process has seen. They stay, even if the store loses them. */
export class KnownRevocations {
  /** Keyed by name, in the order in which they end. */
  readonly #sessions = new Map<string, Known<Revocation>>();
  readonly #users = new Map<string, Known<UserRevocation>>();
  /** The names for the claims of a token, which are the same object for all its requests. */
  readonly #names = new WeakMap<object, Names>();
  /** Until this moment an entry that was dropped to make room may end a valid token. */
  #incompleteUntil = Number.NEGATIVE_INFINITY;
  #dropAt = Number.NEGATIVE_INFINITY;
  #listener: (revocation: Revocation) => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    /** How long a revocation can end a valid token, in milliseconds: until the last one that was valid at its time has expired. */
    private readonly needed: number,
    /** How long it is kept, in milliseconds. */
    private readonly lifetime = needed,
  ) {}

  /** True if an entry that could end a valid token was dropped. */
  get isIncomplete(): boolean {
    return this.clock.monotonic() < this.#incompleteUntil;
  }

  get size(): number {
    return this.#sessions.size + this.#users.size;
  }

  /** Calls the listener with each revocation that was not known before. There is one listener, and none by default. */
  listen(listener: (revocation: Revocation) => void): void {
    this.#listener = listener;
  }

  /**
   * @param age how long ago it was appended, in milliseconds
   * @returns true if it was not known before, and may end a session that can still be refreshed
   */
  add(revocation: Revocation, age = 0): boolean {
    const until = this.clock.monotonic() + this.lifetime - age;
    const isNew = this.#remember(revocation, until) && until > this.clock.monotonic();
    if (isNew) this.#listener(revocation);
    return isNew;
  }

  /** Returns true if it was not known before. */
  #remember(revocation: Revocation, until: number): boolean {
    if ('session' in revocation) {
      const known = this.#sessions.get(revocation.session);
      if (known && isTheSame(known, revocation, until)) return false;
      this.#put(this.#sessions, revocation.session, { revocation, until });
      return known === undefined;
    }
    const known = this.#users.get(revocation.user);
    const before = known?.revocation.cutoff.time ?? Number.NEGATIVE_INFINITY;
    const { time } = revocation.cutoff;
    if (before > time || (before === time && known && isTheSame(known, revocation, until))) return false;
    this.#put(this.#users, revocation.user, { revocation, until });
    return time > before;
  }

  /** Returns true if this session, by its name, is known to have been revoked by itself. */
  hasSession(session: string): boolean {
    return this.#sessions.has(session);
  }

  /** Returns true if a session is known to have ended. */
  ends(claims: Pick<TokenClaims, 'sid' | 'sub' | 'rev'>): boolean {
    // Usually there are no entries, and hashing takes time.
    if (this.size === 0) return false;
    const now = this.clock.monotonic();
    const { session, user } = this.#namesOf(claims);
    if ((this.#sessions.get(session)?.until ?? 0) > now) return true;
    const ended = this.#users.get(user);
    return ended !== undefined && ended.until > now && isEndedBy(ended.revocation.cutoff, claims);
  }

  /** Returns the user's cutoff that this process knows, or 0. */
  cutoffOf(sub: string): number {
    return this.#users.get(hashed(sub))?.revocation.cutoff.time ?? 0;
  }

  /** The entries that the log must contain unless it has lost some: those after a position, and those not yet seen in it. */
  *after(position: number): Iterable<Revocation> {
    for (const known of [this.#sessions, this.#users]) {
      for (const { revocation } of known.values()) {
        if (revocation.at > position || revocation.at === UNSEEN) yield revocation;
      }
    }
  }

  #namesOf(claims: Pick<TokenClaims, 'sid' | 'sub'>): Names {
    const known = this.#names.get(claims);
    if (known) return known;
    const names = { session: sessionName(claims.sid), user: hashed(claims.sub) };
    this.#names.set(claims, names);
    return names;
  }

  #put<T extends Revocation>(known: Map<string, Known<T>>, name: string, entry: Known<T>): void {
    // Deleted first, so that what ends last stands at the back, and what has ended can be dropped from the front.
    known.delete(name);
    if (this.clock.monotonic() >= this.#dropAt || this.size >= MOST_ENTRIES) this.#dropEnded();
    if (this.size >= MOST_ENTRIES) this.#dropOldest();
    known.set(name, entry);
  }

  #dropOldest(): void {
    const [session, user] = [this.#sessions, this.#users].map((known) => known.entries().next().value);
    const isSession = session && !(user && user[1].until < session[1].until);
    const [name, { until }] = (isSession ? session : user) ?? ['', { until: Number.NEGATIVE_INFINITY }];
    (isSession ? this.#sessions : this.#users).delete(name);
    this.#incompleteUntil = Math.max(this.#incompleteUntil, until - this.lifetime + this.needed);
  }

  #dropEnded(): void {
    const now = this.clock.monotonic();
    this.#dropAt = now + DROP_INTERVAL;
    for (const known of [this.#sessions, this.#users]) {
      for (const [oldest, { until }] of known) {
        if (until > now) break;
        known.delete(oldest);
      }
    }
  }
}

/** Returns true if an entry was read before, as most are. It then keeps its place, unless this process's clock has moved since. */
function isTheSame({ revocation, until: before }: Known<Revocation>, { at }: Revocation, until: number): boolean {
  return revocation.at === at && at !== UNSEEN && before >= until - DROP_INTERVAL;
}
