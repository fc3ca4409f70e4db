import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { TokenClaims } from '../tokens/claims.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import type { TokenTimes } from '../tokens/token-times.js';
import type { Events } from '../events/events.js';
import { KnownRevocations } from './known-revocations.js';
import { RevocationEvents } from './revocation-events.js';
import { canPush, type PushingStore, RevocationLog } from './revocation-log.js';
import { longest, type Revocation, type RevocationTtl, UNSEEN } from '../store/session-store.js';
import { type Ask, type StoreAccess, StoreOutage } from '../store/store-access.js';

/** The option `revocation`: how a request with a valid token learns that its session has ended. */
export type RevocationMode = 'pushed' | 'every-request';

/** The option `onStoreFailure`: what happens to tokens while the store does not decide. */
export type StoreFailurePolicy = 'reject' | 'tolerate';

/** The signed times of a token. The process that signed it may have had longer lifetimes than any that still runs. */
type TimesOfToken = Pick<TokenClaims, 'exp' | 'refresh_exp'>;

/** A token of a session that is to end. */
export type TokenOfSession = TimesOfToken & Pick<TokenClaims, 'sid'>;

/** Ends sessions, and checks if the session of a token has ended. */
export class Revocations {
  readonly #known: KnownRevocations;
  readonly #reports: RevocationEvents;
  /** `undefined` if the store cannot push. Used under `'every-request'` too, since a response may go out long after its request was checked. */
  readonly #log: RevocationLog | undefined;
  /** How long this process asks to keep a revocation. */
  readonly #ttl: RevocationTtl;

  constructor(
    private readonly access: StoreAccess,
    private readonly events: Events,
    private readonly times: TokenTimes,
    private readonly settings: {
      readonly revocation: RevocationMode;
      readonly onStoreFailure: StoreFailurePolicy;
      readonly tracked: boolean;
      readonly legacy: object | undefined;
    },
  ) {
    const { expiresIn, refreshWindow, sessionLifetime } = times.lifetimes;
    const keptFor = (seconds: number): number => seconds * 1000 + times.retentionMargin;
    // The log keeps an entry until the last token that it ends has expired, and a record stays until that can no longer be refreshed. Tokens
    // of another login are accepted for as long as their session can last.
    this.#ttl = settings.legacy
      ? { record: keptFor(sessionLifetime), log: keptFor(sessionLifetime) }
      : { record: keptFor(refreshWindow), log: keptFor(expiresIn) };
    // Remembered for as long as any token can be refreshed, so that a choice among several cookies seldom needs the store.
    this.#known = new KnownRevocations(times.clock, keptFor(expiresIn), this.#ttl.record);
    this.#reports = new RevocationEvents(events);
    this.#log = canPush(access.store)
      ? new RevocationLog(access as StoreAccess<PushingStore>, this.#reports, this.#known, times.clock, this.#ttl)
      : undefined;
  }

  /** Begins to follow the log. Resolves after the first reading, even if the store did not answer. */
  async start(): Promise<void> {
    await this.#log?.start();
  }

  async stop(): Promise<void> {
    await this.#log?.stop();
  }

  /** How long a revocation is kept at least: as long as the tokens of any process live, and as long as the given token. */
  ttl(token?: TimesOfToken): RevocationTtl {
    const least = this.#log?.longest ?? this.#ttl;
    if (!token) return least;
    return longest(least, { record: this.times.retention(token.refresh_exp), log: this.times.retention(token.exp) });
  }

  /**
   * Ends a session. Idempotent.
   *
   * @param token a token of the session, if one is known
   * @param ask carries the deadline, if this is part of something else
   * @throws RefreshAuthError `store_unavailable`: the session may live on
   */
  async revokeSession(sid: string, token?: TimesOfToken, ask = this.access.begin()): Promise<void> {
    const session = sessionName(sid);
    await this.#reports.own(session, async () => {
      await ask((store, before) => store.revoke(sid, { ...this.ttl(token), before }));
      return this.#add({ session, at: UNSEEN });
    });
  }

  /**
   * Ends a session in this process at once, and in all others as soon as the store accepts the write: the next reading of the log repeats it.
   *
   * @returns the error, if it is not written yet
   */
  async endSession(session: TokenOfSession, ask: Ask): Promise<RefreshAuthError | undefined> {
    this.learn(session.sid);
    try {
      await this.revokeSession(session.sid, session, ask);
      return undefined;
    } catch (error) {
      if (error instanceof RefreshAuthError) return error;
      throw error;
    }
  }

  /** Ends a session that another one replaces. The event `store-failed` says if that is not written yet. */
  async replaceSession(session: TokenOfSession, ask: Ask): Promise<void> {
    const failure = await this.endSession(session, ask);
    if (!failure) return;
    const reason = failure.detail ?? failure.message;
    this.events.emit('store-failed', { reason, session: sessionName(session.sid) });
  }

  /**
   * Ends all sessions of a user that have begun, but the excepted one. Idempotent.
   *
   * @param token a token of the user, if one is known
   * @throws RefreshAuthError `store_unavailable`: the sessions may live on
   */
  async revokeUser(sub: string, except?: string, token?: TimesOfToken): Promise<void> {
    const user = hashed(sub);
    await this.#reports.own(user, async () => {
      const ttl = this.ttl(token);
      const cutoff = await this.access.ask((store, before) => store.revokeUser(sub, { ...ttl, before }, except));
      return this.#add({ user, cutoff, at: UNSEEN });
    });
  }

  #add(revocation: Revocation): Revocation {
    this.#known.add(revocation);
    return revocation;
  }

  /**
   * Returns the user's cutoff for a session that begins now. While the store is down, returns the store's time, so that users can sign in:
   * later revocations end the session, and earlier ones do not. If the store's time is not known, returns the earliest that it can be.
   */
  async cutoffFor(sub: string, ask: Ask): Promise<number> {
    try {
      const stored = await ask((store) => store.userCutoff(sub));
      // The store may have lost a cutoff that is known here and will be written back. It must not end a session that begins now.
      return Math.max(stored?.time ?? 0, this.#known.cutoffOf(sub));
    } catch {
      const storeTime = Math.floor(this.access.storeNow ?? this.times.now - this.times.leeway);
      // Below a cutoff that is known here, the session would have ended before it began.
      return Math.max(storeTime, this.#known.cutoffOf(sub));
    }
  }

  /** Returns the user's cutoff that this process knows, or 0. For tracked sessions, whose store compares it with its own. */
  knownCutoff(sub: string): number {
    return this.#known.cutoffOf(sub);
  }

  /** Remembers that a session has ended. The next reading of the log writes it there if it is missing. */
  learn(sid: string): void {
    const session = sessionName(sid);
    if (!this.#known.hasSession(session)) this.#known.add({ session, at: UNSEEN });
  }

  /**
   * Asks the store whether a session has ended, for a token that may be older than what this process remembers. If the store does not answer,
   * nothing changes.
   */
  async learnFromStore(claims: TokenClaims): Promise<void> {
    const hasEnded = await this.#hasEnded(claims).catch(() => false);
    if (hasEnded) this.learn(claims.sid);
  }

  /** Calls the listener with each revocation that this process learns of, its own included. There is one listener. */
  listen(listener: (revocation: Revocation) => void): void {
    this.#known.listen(listener);
  }

  /** True while every revocation is known here, so that memory may answer for the store. */
  get isFresh(): boolean {
    return this.#log?.isFresh ?? false;
  }

  /** Returns true if the session is known here to have ended. */
  ends(claims: TokenClaims): boolean {
    return this.#known.ends(claims);
  }

  /** True if this process knows, without the store, that the session lives. */
  knowsAsLive(claims: TokenClaims): boolean {
    return this.settings.revocation === 'pushed' && this.isFresh && !this.#known.ends(claims);
  }

  /** True if tokens are accepted while only the store could reject them and it does not answer. */
  get toleratesOutages(): boolean {
    return this.settings.onStoreFailure === 'tolerate';
  }

  /**
   * Rejects a valid token whose session has ended.
   *
   * @throws RefreshAuthError `session_revoked`, or `store_unavailable` where the store has to be asked and outages are not tolerated
   */
  async check(claims: TokenClaims): Promise<void> {
    if (this.#known.ends(claims)) throw new RefreshAuthError('session_revoked');
    if (!this.knowsAsLive(claims)) await this.#checkStore(claims);
  }

  async #checkStore(claims: TokenClaims): Promise<void> {
    try {
      if (await this.#hasEnded(claims)) throw new RefreshAuthError('session_revoked');
    } catch (error) {
      // An outage is never a logout, unless the application chose so for 'every-request'.
      const isTolerated = this.settings.revocation === 'pushed' || this.toleratesOutages;
      if (!isTolerated || !(error instanceof StoreOutage)) throw error;
      // The end may have been learned of during the wait.
      if (this.#known.ends(claims)) throw new RefreshAuthError('session_revoked');
    }
  }

  #hasEnded({ sid, sub, rev }: TokenClaims): Promise<boolean> {
    const { tracked } = this.settings;
    return this.access.ask((store) => store.isRevoked({ sid, sub, rev, tracked }));
  }
}
