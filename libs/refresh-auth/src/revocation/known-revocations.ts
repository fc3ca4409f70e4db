import type { TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import { isEndedBy, nameOf, type Revocation, UNSEEN } from '../store/session-store.js';

/** The most entries, about 35 MB. Beyond that the oldest is dropped, and the store is asked while a valid token may be left that it ends. */
const MOST_ENTRIES = 100_000;

/** Entries that have ended are dropped at most this often, in milliseconds: iterating a map whose first entries were deleted is slow. */
const DROP_INTERVAL = 1_000;

interface Known {
  readonly revocation: Revocation;
  /** When it was appended, on the monotonic clock. */
  readonly since: number;
}

/** The names under which the revocations of a token's session and user are found. */
type Names = readonly [session: string, user: string];

/** Remembers the revocations that this process has seen. They stay, even if the store loses them. */
export class KnownRevocations {
  /** Keyed by the name of the session or user, in the order in which they end. */
  readonly #entries = new Map<string, Known>();
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
    return this.#entries.size;
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
    const known = { revocation, since: this.clock.monotonic() - age };
    const isNew = this.#remember(known) && this.#isKept(known);
    if (isNew) this.#listener(revocation);
    return isNew;
  }

  /** Returns true if this session, by its name, is known to have been revoked by itself. */
  hasSession(session: string): boolean {
    return this.#entries.has(session);
  }

  /** Returns true if a session is known to have ended. */
  ends(claims: Pick<TokenClaims, 'sid' | 'sub' | 'rev'>): boolean {
    // Usually there are no entries, and hashing takes time.
    if (this.size === 0) return false;
    const [session, user] = this.#namesOf(claims);
    return this.#endsBy(session, claims) || this.#endsBy(user, claims);
  }

  /** Returns the user's cutoff that this process knows, or 0. */
  cutoffOf(sub: string): number {
    const known = this.#entries.get(hashed(sub));
    return known ? cutoffIn(known.revocation) : 0;
  }

  /** The entries that the log must contain unless it has lost some: those after a position, and those not yet seen in it. */
  after(position: number): Revocation[] {
    const found: Revocation[] = [];
    for (const { revocation } of this.#entries.values()) {
      if (revocation.at > position || revocation.at === UNSEEN) found.push(revocation);
    }
    return found;
  }

  #endsBy(name: string, claims: Pick<TokenClaims, 'sid' | 'rev'>): boolean {
    const known = this.#entries.get(name);
    if (!known || !this.#isKept(known)) return false;
    return 'session' in known.revocation || isEndedBy(known.revocation.cutoff, claims);
  }

  #isKept({ since }: Known): boolean {
    return since + this.lifetime > this.clock.monotonic();
  }

  #namesOf(claims: Pick<TokenClaims, 'sid' | 'sub'>): Names {
    const known = this.#names.get(claims);
    if (known) return known;
    const names = [sessionName(claims.sid), hashed(claims.sub)] as const;
    this.#names.set(claims, names);
    return names;
  }

  /** Returns true if it was not known before: a user's cutoff only grows. */
  #remember(known: Known): boolean {
    const name = nameOf(known.revocation);
    const before = this.#entries.get(name);
    const growth = before ? cutoffIn(known.revocation) - cutoffIn(before.revocation) : 1;
    if (growth < 0 || (growth === 0 && before && isTheSame(before, known))) return false;
    // Deleted first, so that what ends last stands at the back, and what has ended can be dropped from the front.
    this.#entries.delete(name);
    this.#makeRoom();
    this.#entries.set(name, known);
    return growth > 0;
  }

  /** Drops what has ended, and the oldest entry if there is no room for another. */
  #makeRoom(): void {
    const now = this.clock.monotonic();
    if (now < this.#dropAt && this.size < MOST_ENTRIES) return;
    this.#dropAt = now + DROP_INTERVAL;
    for (const [name, oldest] of this.#entries) {
      if (this.#isKept(oldest) && this.size < MOST_ENTRIES) return;
      this.#entries.delete(name);
      this.#incompleteUntil = Math.max(this.#incompleteUntil, oldest.since + this.needed);
    }
  }
}

/** Returns true if an entry was read before, as most are. It then keeps its place, unless this process's clock has moved since. */
function isTheSame(before: Known, { revocation: { at }, since }: Known): boolean {
  return before.revocation.at === at && at !== UNSEEN && before.since >= since - DROP_INTERVAL;
}

/** A session that is revoked by itself has no cutoff, and ends once. */
function cutoffIn(revocation: Revocation): number {
  return 'session' in revocation ? 0 : revocation.cutoff.time;
}
