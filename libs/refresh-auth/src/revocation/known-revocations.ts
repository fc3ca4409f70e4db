import type { TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import { isEndedBy, type Revocation, UNSEEN } from '../store/session-store.js';

/** Some 30 MB. The oldest make room for more, which matters only while valid tokens may be around that they end: then the store is asked. */
const MOST_ENTRIES = 100_000;

/** A map that is emptied from the front is walked from there each time: often enough, in milliseconds, and not for each of many. */
const DROP_INTERVAL = 1_000;

type UserRevocation = Extract<Revocation, { user: string }>;

interface Known<T extends Revocation> {
  readonly revocation: T;
  /** Until when tokens that it ends may be around, on the monotonic clock. */
  readonly until: number;
}

/** By which a token's session and user are found. */
interface Names {
  readonly session: string;
  readonly user: string;
}

/** The revocations that this process has seen. Merged, never replaced: whatever the store may lose, what was seen stays. */
export class KnownRevocations {
  /** By name, those that end last at the back. */
  readonly #sessions = new Map<string, Known<Revocation>>();
  readonly #users = new Map<string, Known<UserRevocation>>();
  /** What is looked for, by the claims of a token: those are the same object on all requests that carry it. */
  readonly #names = new WeakMap<object, Names>();
  /** Until then something that had to make room may end a valid token. */
  #incompleteUntil = Number.NEGATIVE_INFINITY;
  #dropAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    /** For how long a revocation can matter to valid tokens, in milliseconds: the last that was valid at its time has expired by then. */
    private readonly needed: number,
    /** For how long it is kept, where it may matter to tokens that pass without the store. */
    private readonly lifetime = needed,
  ) {}

  /** Whether something that could end a valid token is not known here any more. */
  get isIncomplete(): boolean {
    return this.clock.monotonic() < this.#incompleteUntil;
  }

  get size(): number {
    return this.#sessions.size + this.#users.size;
  }

  /** @param age how long ago it was appended, in milliseconds */
  add(revocation: Revocation, age = 0): void {
    const until = this.clock.monotonic() + this.lifetime - age;
    if ('session' in revocation) {
      const known = this.#sessions.get(revocation.session);
      if (known && isTheSame(known, revocation, until)) return;
      this.#put(this.#sessions, revocation.session, { revocation, until });
      return;
    }
    const known = this.#users.get(revocation.user);
    const hasLaterCutoff = known && known.revocation.cutoff.time > revocation.cutoff.time;
    const isUnchanged = known?.revocation.cutoff.time === revocation.cutoff.time && isTheSame(known, revocation, until);
    if (hasLaterCutoff || isUnchanged) return;
    this.#put(this.#users, revocation.user, { revocation, until });
  }

  /** Whether exactly this session, by its name, is known to have ended. */
  hasSession(session: string): boolean {
    return this.#sessions.has(session);
  }

  /** Whether a session is known to have ended. */
  ends(claims: Pick<TokenClaims, 'sid' | 'sub' | 'rev'>): boolean {
    // Hashing is for when there is something to find: mostly there is not.
    if (this.size === 0) return false;
    const now = this.clock.monotonic();
    const { session, user } = this.#namesOf(claims);
    if ((this.#sessions.get(session)?.until ?? 0) > now) return true;
    const ended = this.#users.get(user);
    return ended !== undefined && ended.until > now && isEndedBy(ended.revocation.cutoff, claims);
  }

  /** The user's cutoff as far as it is known, else 0. */
  cutoffOf(sub: string): number {
    return this.#users.get(hashed(sub))?.revocation.cutoff.time ?? 0;
  }

  /** Those that the log must have, if it has lost nothing: appended after a position, or not yet seen in it. */
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

/** Whether it was read before: most of what is read has been, and keeps its place. Not where this process's clock has moved since. */
function isTheSame({ revocation, until: before }: Known<Revocation>, { at }: Revocation, until: number): boolean {
  return revocation.at === at && at !== UNSEEN && before >= until - DROP_INTERVAL;
}
