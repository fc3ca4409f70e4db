import { LRUCache } from 'lru-cache';
import { type DeadReason, RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { effectiveTimes, isFromTheFuture, type Lifetimes, timeState } from '../tokens/lifetimes.js';
import type { VerifiedTokens } from '../tokens/verified-tokens.js';
import type { Events } from '../events/events.js';
import { isLater, type NowOrLater } from '../tokens/now-or-later.js';
import type { Revocations, StoreFailurePolicy } from '../revocation/revocations.js';
import type { Rotation } from './rotation.js';
import { StoreOutage } from '../store/store-access.js';
import type { UsedGenerations } from './used-generations.js';

/** From when on a valid token is refreshed: a part of its life, or that many seconds, before its end. The option `refreshAhead`. */
export type RefreshAhead = { readonly fraction: number } | { readonly seconds: number };

/** What the guard finds, as long as the token is not dead. */
export type LiveTokenState = 'valid' | 'refreshable' | 'already-refreshed';

/** What the guard finds. */
export type TokenState = LiveTokenState | 'dead';

/** A token that was accepted. */
export interface Authentication<TClaims = TokenClaims> {
  readonly state: LiveTokenState;
  /** Those of the presented token while it is valid, else those of the newest one. Frozen. */
  readonly claims: Readonly<TClaims>;
  /** The token to use from now on, where it is not the presented one. */
  readonly refreshed?: IssuedToken<TClaims>;
}

/** What a token is, without any effect on it. */
export interface Inspection<TClaims = TokenClaims> {
  readonly state: TokenState;
  /** Why it is dead. */
  readonly reason?: DeadReason;
  /** Those of the inspected token. Absent from a dead one. */
  readonly claims?: Readonly<TClaims>;
}

/** Why an expired token is not refreshed for a request, although it could be. */
export interface RefreshRefusal {
  /** For the operator. */
  readonly detail: string;
  /** Who made the browser send the request. */
  readonly origin: string;
}

const MOST_REFRESHED_AHEAD = 10_000;

/** Verifies tokens, and refreshes those that are expired and inside their refresh window. Knows nothing of HTTP. */
export class Authenticator {
  /** Successors of tokens that were refreshed ahead, by the `jti` of those. Bounded by size, since `max` would take the room for all at once. */
  readonly #refreshedAhead = new LRUCache<string, IssuedToken>({
    maxSize: MOST_REFRESHED_AHEAD,
    sizeCalculation: () => 1,
  });

  /** Expired tokens whose refresh is under way, by their exact text: those who bring the very same one need not verify it again. */
  readonly #refreshing = new Map<string, TokenClaims>();

  constructor(
    private readonly verified: VerifiedTokens,
    private readonly rotation: Rotation,
    private readonly revocations: Revocations,
    /** Under the grace policy. */
    private readonly usedGenerations: UsedGenerations | undefined,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly settings: {
      readonly lifetimes: Lifetimes;
      readonly onStoreFailure: StoreFailurePolicy;
      readonly refreshAhead: RefreshAhead | undefined;
    },
  ) {}

  /**
   * Answers at once where nothing has to be waited for: a valid token, while all revocations are known here.
   *
   * @param refresh `true` if an expired token may be refreshed; otherwise `false`, or why not
   * @throws RefreshAuthError, now or later, when the token is dead or the store does not decide
   */
  authenticate(token: string, refresh: boolean | RefreshRefusal): NowOrLater<Authentication> {
    const claims = this.#verify(token);
    try {
      const found = this.#isValid(claims) ? this.#check(claims) : this.#refresh(token, claims, refresh);
      return isLater(found) ? this.#reporting(found, claims) : found;
    } catch (error) {
      throw this.#reported(error, claims);
    }
  }

  async #reporting(found: PromiseLike<Authentication>, claims: TokenClaims): Promise<Authentication> {
    try {
      return await found;
    } catch (error) {
      throw this.#reported(error, claims);
    }
  }

  /**
   * Refreshes a valid token that is in the last part of its life. Nobody waits for it: what fails is left for later, and what comes too late
   * for one response is there for the next.
   *
   * @returns `undefined` if it is too early; else a promise, never rejected, of the token to use from now on, if it worked
   */
  refreshAhead(claims: TokenClaims): Promise<IssuedToken | undefined> | undefined {
    return this.#isInLastPart(claims) ? this.#exchangeAhead(claims) : undefined;
  }

  async #exchangeAhead(claims: TokenClaims): Promise<IssuedToken | undefined> {
    const known = this.#refreshedAhead.get(claims.jti);
    // Not in its own last part yet: nobody has had a reason to refresh it, so it is the latest token still.
    if (known && !this.#isInLastPart(known.claims) && this.#isKnownToLive(known.claims)) return known;
    try {
      const { refreshed } = await this.rotation.exchange(claims);
      this.#refreshedAhead.set(claims.jti, refreshed);
      return refreshed;
    } catch {
      return undefined;
    }
  }

  /** Memory answers only while it knows of every revocation. After that, the store decides. */
  #isKnownToLive(claims: TokenClaims): boolean {
    return this.revocations.isFresh && !this.revocations.ends(claims);
  }

  #isInLastPart(claims: TokenClaims): boolean {
    const { lifetimes, refreshAhead } = this.settings;
    if (!refreshAhead) return false;
    const { exp } = effectiveTimes(claims, lifetimes);
    const life = exp - claims.iat;
    // A session of its own, or its end, can make a life shorter than the seconds: a token in its last part from birth would never rest.
    const last = 'seconds' in refreshAhead ? Math.min(refreshAhead.seconds, life / 2) : life * refreshAhead.fraction;
    return this.clock.now() / 1000 - lifetimes.clockTolerance >= exp - last;
  }

  /** @throws RefreshAuthError `store_unavailable`, where only the store could tell */
  async inspect(token: string): Promise<Inspection> {
    try {
      const claims = this.verified.verify(token);
      if (this.#isValid(claims)) {
        await this.revocations.check(claims);
        return { state: 'valid', claims };
      }
      if (this.revocations.ends(claims)) throw new RefreshAuthError('session_revoked');
      return { state: (await this.rotation.isSuperseded(claims)) ? 'already-refreshed' : 'refreshable', claims };
    } catch (error) {
      if (error instanceof RefreshAuthError && error.isDeadToken)
        return { state: 'dead', reason: error.code as DeadReason };
      throw error;
    }
  }

  /** The claims of a token that could still be used or exchanged, whoever may have refreshed it or ended its session. */
  liveSession(token: string): TokenClaims | undefined {
    try {
      const claims = this.verified.verify(token);
      const state = timeState(claims, this.clock.now(), this.settings.lifetimes);
      return state === 'valid' || state === 'expired' ? claims : undefined;
    } catch {
      return undefined;
    }
  }

  /** Returns the claims of a token that would be accepted, as far as this process knows without asking the store. */
  liveClaims(token: string): TokenClaims | undefined {
    try {
      const claims = this.verified.verify(token);
      // Throws for a token that is outside its time.
      this.#isValid(claims);
      return this.revocations.ends(claims) ? undefined : claims;
    } catch {
      return undefined;
    }
  }

  /** Asks the store which sessions of these tokens have ended, if more than one could be live: this process may not remember it any more. */
  async learnEnds(tokens: readonly string[]): Promise<void> {
    const live = tokens.flatMap((token) => this.liveClaims(token) ?? []);
    const sessions = [...new Map(live.map((claims) => [claims.sid, claims])).values()];
    if (sessions.length > 1) await Promise.all(sessions.map((claims) => this.revocations.learnFromStore(claims)));
  }

  #verify(token: string): TokenClaims {
    try {
      return this.#refreshing.get(token) ?? this.verified.verify(token);
    } catch (error) {
      throw this.#reported(error);
    }
  }

  /** Whether the token is valid; otherwise it is expired and inside its refresh window. Throws when it is dead. */
  #isValid(claims: TokenClaims): boolean {
    const { lifetimes } = this.settings;
    const now = this.clock.now();
    if (isFromTheFuture(claims, now, lifetimes)) {
      throw new RefreshAuthError('token_invalid', 'iat or nbf is in the future');
    }
    const state = timeState(claims, now, lifetimes);
    if (state === 'session_expired' || state === 'token_expired') throw new RefreshAuthError(state);
    return state === 'valid';
  }

  #check(claims: TokenClaims): NowOrLater<Authentication> {
    const asked = this.revocations.check(claims);
    return asked ? asked.then(() => this.#admit(claims)) : this.#admit(claims);
  }

  #admit(claims: TokenClaims): Authentication {
    this.usedGenerations?.see(claims);
    return { state: 'valid', claims };
  }

  async #refresh(token: string, claims: TokenClaims, refresh: boolean | RefreshRefusal): Promise<Authentication> {
    if (refresh !== true) throw notRefreshed(refresh);
    if (this.revocations.ends(claims)) throw new RefreshAuthError('session_revoked');
    this.#refreshing.set(token, claims);
    try {
      const { state, refreshed } = await this.rotation.exchange(claims);
      return { state, claims: refreshed.claims, refreshed };
    } catch (error) {
      if (!(error instanceof StoreOutage) || this.settings.onStoreFailure === 'reject') throw error;
      // The end of the session may have been learned of while the store was waited for.
      if (this.revocations.ends(claims)) throw new RefreshAuthError('session_revoked');
      return { state: 'refreshable', claims };
    } finally {
      this.#refreshing.delete(token);
    }
  }

  /** @param claims of the token that is refused, where they could be verified */
  #reported(error: unknown, claims?: TokenClaims): unknown {
    if (error instanceof RefreshAuthError) this.events.refused(error, claims);
    return error;
  }
}

function notRefreshed(refusal: false | RefreshRefusal): RefreshAuthError {
  return refusal
    ? new RefreshAuthError('token_expired', refusal.detail, refusal.origin)
    : new RefreshAuthError('token_expired');
}
