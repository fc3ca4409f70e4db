import type { TokenClaims } from '../tokens/claims.js';
import { sessionName } from '../tokens/session-id.js';

/** A token as a store keeps it: encrypted and authenticated. */
export interface SealedToken {
  readonly sealed: Uint8Array;
  /** Keep the record for at least this many milliseconds from now. */
  readonly ttl: number;
}

/**
 * How a superseded token is judged: by how long after one moment its request arrived. That moment is the later of the token's expiry and
 * the first use of something newer. All times are in milliseconds.
 */
export interface ReuseRule {
  /** Until this long after that moment, the latest token is handed over. */
  readonly grace: number;
  /** From this long after that moment on, the token counts as reused. Not less than `grace`. Also the distance between checkpoints of use. */
  readonly revokeAfter: number;
  /** How long ago the presented token expired, by the clock of the process that asks. Negative if it has not. */
  readonly expiredFor: number;
  /** How long ago the request arrived. */
  readonly waited: number;
  /** True if the client itself presented `generation`, and its response can carry a token: `generation` is in use from now on. */
  readonly isUse: boolean;
  /** Reuse ends the session: the revoked record must be kept for at least this long. Left out: reuse writes nothing. */
  readonly revokeFor?: number | undefined;
  /** With `revokeFor`: as `before` of {@link RevocationTtl}. A reuse that is found later ends nothing. */
  readonly before?: number | undefined;
}

/** The facts about the session of a verified token that a store needs. */
export interface SessionOfToken {
  /** 30 base64url characters. The first 8 depend on `sub` alone, so that a store can keep all that belongs to one user in one place. */
  readonly sid: string;
  readonly sub: string;
  /** The user's cutoff when the session began, 0 for none: a higher one ends it, unless it excepts the session. */
  readonly rev: number;
  /** True if the session has a record from its sign-in on, so that it has ended if there is none. */
  readonly tracked?: boolean;
}

/** The question: "A client presents this generation. Here is my successor. Keep it if nobody was first, and return the latest token." */
export interface RotationRequest extends SessionOfToken {
  /** The generation that the successor is to replace; -1 to begin the record of a tracked session. */
  readonly generation: number;
  /** The successor, of generation `generation + 1`. Without it no successor is written. */
  readonly candidate?: SealedToken | undefined;
  /** The sealed token of `generation`, which could not be opened. It is replaced if it still stands there byte for byte. */
  readonly rejected?: Uint8Array | undefined;
  /** Given under reuse detection, if `generation` is the one that was presented. */
  readonly reuse?: ReuseRule | undefined;
  /** The sealed details of a tracked session that begins. They are listed under its user for as long as the record is kept. */
  readonly details?: Uint8Array | undefined;
  /** For a tracked session that is refreshed: the first bytes of all details that are sealed with the current key. */
  readonly currentSeal?: Uint8Array | undefined;
}

export type RotationAnswer =
  /** The session has ended. `cutoff`: that of its user, if this is why. */
  | { readonly outcome: 'revoked'; readonly cutoff?: number | undefined }
  /**
   * The candidate is the latest token now, or was already. `lostWrite`: the store knew only an older generation than the one presented. `details`:
   * those of the listed session, if they do not begin with `currentSeal`.
   */
  | { readonly outcome: 'rotated'; readonly lostWrite: boolean; readonly details?: Uint8Array | undefined }
  /** The store has no newer generation, and no candidate was given. */
  | { readonly outcome: 'current' }
  /** The store has a newer generation, to be handed over. */
  | { readonly outcome: 'handed-over'; readonly latest: number; readonly sealed: Uint8Array }
  /** A newer generation has been in use for longer than the grace. Nothing is handed over, and the session lives. */
  | { readonly outcome: 'superseded'; readonly latest: number }
  /** A newer generation has been in use for so long that no honest request can be that late. */
  | { readonly outcome: 'reused'; readonly latest: number };

/** A generation that a client has presented. */
export interface UsedGeneration {
  readonly sid: string;
  readonly gen: number;
}

/** The cutoff of a user: sessions with a smaller `rev` have ended. */
export interface Cutoff {
  /** Milliseconds on the store's clock, and always greater than the cutoff before. */
  readonly time: number;
  /** The one session that was excepted, by its name in the log: it lives while its `rev` is at least the floor. */
  readonly except?: { readonly session: string; readonly floor: number } | undefined;
}

/** Returns true if a cutoff ends a session of its user. */
export function isEndedBy({ time, except }: Cutoff, { sid, rev }: Pick<TokenClaims, 'sid' | 'rev'>): boolean {
  if (rev >= time) return false;
  return except === undefined || rev < except.floor || except.session !== sessionName(sid);
}

/** The position of an entry that this process knows of, but has not yet seen in the log. */
export const UNSEEN = 0;

/**
 * One entry of the log. A user is named by a hash, SHA-256 in base64url, cut to 22 characters; a session by the first 8 characters of its
 * `sid`, a dot, and the hash of the whole. `at` is its position: microseconds on the store's clock when it was appended, and greater than
 * that of any earlier entry, so that no two have the same. If the earlier entries are more than a minute ahead of the clock, positions start
 * from the clock again.
 */
export type Revocation =
  | { readonly session: string; readonly at: number }
  | { readonly user: string; readonly cutoff: Cutoff; readonly at: number };

/** Returns the name of the session or user that has ended. No session has the name of a user. */
export function nameOf(revocation: Revocation): string {
  return 'session' in revocation ? revocation.session : revocation.user;
}

/** A part of the log. */
export interface RevocationPage {
  /** The store's clock, in milliseconds since 1970. */
  readonly now: number;
  /** At most 1,000, in the order of their positions. */
  readonly entries: readonly Revocation[];
  /** The position after which to read on, where there may be more entries. */
  readonly next?: number | undefined;
  /** The number of entries in the whole log after the position `countedFrom`. */
  readonly count: number;
  /** The longest times that any process has asked for, since its tokens live as long. */
  readonly longest: RevocationTtl;
  /** Set if entries may be missing because another server may have become the primary: the reason. The entries still count. */
  readonly stale?: string | undefined;
}

/** The most sessions of one user that are listed: those that end last. */
export const MOST_LISTED = 5_000;
/** The most sessions on a page of that list. */
export const LISTING_PAGE = 500;

/** A tracked session in the list of its user. */
export interface ListedSession {
  /** The sealed details. */
  readonly details: Uint8Array;
  /** The latest generation. */
  readonly latest: number;
  /** The sealed token of that generation. */
  readonly sealed: Uint8Array;
}

/** A part of the list of a user's sessions. */
export interface ListingPage {
  /** In the order in which they end. Those that were revoked, or whose record was lost, are left out. */
  readonly sessions: readonly ListedSession[];
  /** Where to read on, if there may be more sessions. */
  readonly next?: string | undefined;
  /** The user's cutoff. The store does not apply it: when a session began is known only from its token. */
  readonly cutoff?: Cutoff | undefined;
}

/** How long a revocation must be kept at least, in milliseconds from now. */
export interface RevocationTtl {
  /** The revoked record or the cutoff. */
  readonly record: number;
  /** The entry in the log. */
  readonly log: number;
  /**
   * The deadline, in milliseconds on the store's clock. From then on `revoke` and `revokeUser` write nothing and reject with
   * {@link LateRevocation}: the caller was told that it failed, and a session may have begun since.
   */
  readonly before?: number | undefined;
}

/** Returns the longer of both times. */
export function longest(one: RevocationTtl, other: RevocationTtl): RevocationTtl {
  return { record: Math.max(one.record, other.record), log: Math.max(one.log, other.log) };
}

/**
 * The store answered with an error: it is full or read-only, or the key holds something else. Any other rejection means that it is down;
 * after three of those in a row, requests no longer wait for it until it answers again.
 */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';

  constructor(
    reason: string,
    /** True if only one record is affected, and not the store as a whole. */
    readonly isOfOneRecord = false,
  ) {
    super(reason);
  }
}

/** A revocation reached the store after its deadline, and nothing was written. */
export class LateRevocation extends StoreError {
  constructor(
    /** The store's clock, in milliseconds since 1970. */
    readonly now: number,
  ) {
    super('the store came to the revocation too late', true);
  }
}

/**
 * Keeps the latest generation of each session, and all revocations, for all processes. The library asks only about tokens whose signature
 * it has verified, and bounds every call by `storeTimeout`. A rejected promise means "not decided", never "ended". A {@link StoreError}
 * means that the store is not down. Read from the primary, never from a replica. An answer that lets a session live must not be stale:
 * reject if another server may have become the primary. A revocation that is found always counts.
 *
 * Pass your own with the option `store`. For each session it keeps one record until the longest `ttl` that was given for that session has
 * passed: either a revoked record, or the latest token (generation, sealed token, and since when generations have been in use). Sealed
 * bytes are returned unchanged.
 */
export interface SessionStore {
  /**
   * Decides one rotation, in one atomic step. The first rule that fits decides:
   *
   * 1. the session is revoked, or ended by its user's cutoff; or it is `tracked`, has no record, and does not begin now: `revoked`. An end
   *    that can be read is the answer, even if the rest cannot be read;
   * 2. the latest token is newer than `generation`, and its bytes are those of the candidate (a reply was lost, and the same request came
   *    again): `rotated`;
   * 3. the latest token is newer, `reuse` is given, and a generation newer than `generation` has been in use for some time. The age of the
   *    token is `expiredFor` or that time, whichever is shorter. `reused` if age - `waited` >= `revokeAfter`: with `revokeFor` the session is
   *    revoked in the same step, or the call rejects with {@link LateRevocation} from `before` on. Otherwise `superseded` if
   *    age - min(`waited`, `revokeAfter`) >= `grace`: a request that is held for longer must not be a voucher for a token;
   * 4. the latest token is newer; or it is of `generation`, and `rejected` is given and is not its bytes: `handed-over`;
   * 5. there is no candidate: `current`;
   * 6. otherwise the candidate becomes the latest token: `rotated`. `lostWrite` if the latest token was older than `generation`, 0 where
   *    there is no record.
   *
   * Where there is a record after that, and `isUse` is true, `generation` is recorded as `recordUse` does. A tracked session whose candidate
   * became the latest token is listed for as long as that is kept: with `details` anew, otherwise if it is listed already. With
   * `currentSeal`, `rotated` returns the details of a listed session that begin with other bytes.
   */
  rotate(request: RotationRequest): Promise<RotationAnswer>;

  /**
   * Records that these generations are in use from now on, by the store's clock, unless the same or a newer one of the session is in use
   * already. Creates nothing, and prolongs nothing.
   *
   * A store need not remember the beginning of every use. It remembers the latest two exactly, and two checkpoints of earlier ones, at least
   * `revokeAfter` apart. If it remembered only the latest, a rejected token would be handed over again whenever a still newer generation
   * comes into use. A generation counts as superseded from the earliest use of something newer that the store remembers. That is never
   * before the first such use, and reuse is found at most one `revokeAfter` late.
   *
   * @param revokeAfter as in {@link ReuseRule}
   */
  recordUse(uses: readonly UsedGeneration[], revokeAfter: number): Promise<void>;

  /**
   * Ends a session: writes a revoked record in the place of its record, if any; then appends to the log and publishes a notification.
   * Idempotent. Resolves after both.
   */
  revoke(sid: string, ttl: RevocationTtl): Promise<void>;

  /** Resolves to true if the session has ended, by the first rule of `rotate`. */
  isRevoked(session: SessionOfToken): Promise<boolean>;

  /** Resolves to the cutoff of a user, if there is one. */
  userCutoff(sub: string): Promise<Cutoff | undefined>;

  /**
   * Ends all sessions of a user that have begun: its cutoff becomes the greater of the store's clock and the cutoff before plus 1; then
   * as `revoke`. `except` is a `sid` whose session goes on: its floor is the cutoff before, 0 if there was none, and stays as it was if the
   * same session was already excepted.
   *
   * @returns the new cutoff
   */
  revokeUser(sub: string, ttl: RevocationTtl, except?: string): Promise<Cutoff>;

  /**
   * A page of the log. Entries are kept as long as the longest time that any process has asked for, and no longer, even if nothing is
   * appended any more. Needed for `revocation: 'pushed'`.
   *
   * @param position the page begins after this position
   * @param countedFrom `count` is the number of entries after this position
   */
  revocationsAfter?(position: number, countedFrom: number): Promise<RevocationPage>;

  /**
   * Writes again what a failover has lost: the revoked record or the cutoff, and the entry in the log. The entry gets a new position, so that
   * processes that have read further see it too. Without entries, it only records how long this process asks to keep them.
   */
  restoreRevocations?(entries: readonly Revocation[], ttl: RevocationTtl): Promise<void>;

  /**
   * Calls `listener` when something was appended to the log, and when a notification may have been missed, as after a lost connection.
   * Calls `refused` with the reason when the store rejects the subscription. Returns an unsubscribe function. Needed for
   * `revocation: 'pushed'`.
   */
  onRevocation?(listener: () => void, refused: (reason: string) => void): () => Promise<void>;

  /**
   * Keeps for `ttl` milliseconds which keys a process verifies with, and returns all that has been announced and is still kept, this
   * included. Optional: without it, nothing warns of two applications with different keys that share what is stored.
   *
   * @param keys fingerprints of the keys, as one text
   */
  announceKeys?(keys: string, ttl: number): Promise<readonly string[]>;

  /**
   * A page of a user's listed sessions: at most 500, of the 5,000 that end last. A session that is refreshed between two pages may come
   * twice, and is never missed. Needed for `sessions: 'tracked'`.
   *
   * @param after the `next` of the page before; without it, the first page
   */
  listedSessions?(sub: string, after?: string): Promise<ListingPage>;

  /**
   * Replaces the details of a listed session, but only if `before` still stands there byte for byte. Lists nothing, and prolongs nothing.
   * Needed for `sessions: 'tracked'`.
   */
  replaceDetails?(session: Pick<SessionOfToken, 'sid' | 'sub'>, before: Uint8Array, details: Uint8Array): Promise<void>;

  /** Called once when the application has closed its connections; only for stores that the library made itself. */
  close?(): Promise<void>;
}

/** Injects the store that is in use: `@Inject(SessionStore) store: SessionStore`. */
export const SessionStore = Symbol.for('nestjs-refresh-auth:SessionStore');
