import { type DeadReason, RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Events } from '../events/events.js';
import type { Revocations } from '../revocation/revocations.js';
import { StoreOutage } from '../store/store-access.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { VerifiedTokens } from '../tokens/verified-tokens.js';
import { isLegacy, type LegacyTokens } from './legacy-tokens.js';
import type { Presentation, Rotation } from './rotation.js';
import type { UsedGenerations } from './used-generations.js';

/** The state of a token that the guard accepts. */
export type LiveTokenState = 'valid' | 'refreshable' | 'already-refreshed';

/** The state of a token. */
export type TokenState = LiveTokenState | 'dead';

/** A token that was accepted. */
export interface Authentication<TClaims = TokenClaims> {
  readonly state: LiveTokenState;
  /** The claims of the latest token, where it is given, else those of the presented token. Frozen. */
  readonly claims: Readonly<TClaims>;
  /** The token to use from now on, where it is not the presented one. */
  readonly refreshed?: IssuedToken<TClaims>;
}

/** The result of `inspect`. */
export interface Inspection<TClaims = TokenClaims> {
  readonly state: TokenState;
  /** Why it is dead. */
  readonly reason?: DeadReason;
  /** The claims of the inspected token. Absent if it is dead. */
  readonly claims?: Readonly<TClaims>;
}

/** Why an expired token is not refreshed for a request, although it could be. */
export interface RefreshRefusal {
  /** For the operator. */
  readonly detail: string;
  /** Who made the browser send the request. */
  readonly origin: string;
}

/**
 * Says how to handle an expired token inside its refresh window: `'refresh'` it; `'serve'` the request with it, after a look into the store;
 * only `'look'`, without even reporting reuse; or `'reject'` it as `token_expired`, with the reason if there is one.
 */
export type ExpiredHandling = 'refresh' | 'serve' | 'look' | 'reject' | RefreshRefusal;

/** Verifies tokens, and refreshes those that are expired and inside their refresh window. Knows nothing of HTTP. */
export class Authenticator {
  constructor(
    private readonly verified: VerifiedTokens,
    private readonly rotation: Rotation,
    private readonly revocations: Revocations,
    private readonly events: Events,
    private readonly settings: {
      /** `undefined` without reuse detection. */
      readonly usedGenerations: UsedGenerations | undefined;
      /** `undefined` without the option `legacy`. */
      readonly legacy: LegacyTokens | undefined;
    },
  ) {}

  /**
   * Accepts a token at once: one that was verified before, is valid, and whose session is known here to live. Everything else is
   * `undefined`, and needs `authenticate`.
   *
   * @param isUse as in {@link Presentation}
   */
  acceptKnown(token: string, isUse: boolean): Authentication | undefined {
    const claims = this.verified.recall(token);
    if (!claims || !this.verified.times.isValidNow(claims) || !this.revocations.knowsAsLive(claims)) return undefined;
    return this.#accept(claims, isUse);
  }

  /**
   * Decides on a token.
   *
   * @throws RefreshAuthError when the token is dead or the store does not decide
   */
  async authenticate(token: string, expired: ExpiredHandling, presentation: Presentation): Promise<Authentication> {
    let claims: TokenClaims | undefined;
    try {
      const verified = this.#verify(token, presentation.request);
      // A token of ours is not awaited, so that concurrent requests find the refresh of the first one under way.
      claims = verified instanceof Promise ? await verified : verified;
      if (isLegacy(claims) || !this.verified.times.isValid(claims, presentation.waited)) {
        return await this.#authenticateExpired(claims, expired, presentation);
      }
      await this.revocations.check(claims);
      return this.#accept(claims, presentation.isUse);
    } catch (error) {
      if (error instanceof RefreshAuthError) this.events.rejected(error, claims);
      throw error;
    }
  }

  /**
   * Says what a token is, without any effect.
   *
   * @throws RefreshAuthError `store_unavailable`, where only the store could tell
   */
  async inspect(token: string): Promise<Inspection> {
    try {
      const claims = await this.#verify(token, undefined);
      if (!isLegacy(claims) && this.verified.times.isValid(claims)) {
        await this.revocations.check(claims);
        return { state: 'valid', claims };
      }
      if (this.revocations.ends(claims)) throw new RefreshAuthError('session_revoked');
      return { state: await this.rotation.look(claims), claims };
    } catch (error) {
      if (error instanceof RefreshAuthError && error.isDeadToken)
        return { state: 'dead', reason: error.code as DeadReason };
      throw error;
    }
  }

  /** The claims of a token that could still be used or refreshed, even if it is superseded or its session has ended. */
  liveSession(token: string): TokenClaims | undefined {
    try {
      const claims = this.verified.verify(token);
      const state = this.verified.times.state(claims);
      return state === 'valid' || state === 'expired' ? claims : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * As `liveSession`, also for a legacy token.
   *
   * @param request the request that presents it
   * @throws RefreshAuthError `reload_failed`
   */
  async presentedSession(token: string, request: unknown): Promise<TokenClaims | undefined> {
    const claims = this.liveSession(token);
    if (claims || !this.mayBeLegacy(token)) return claims;
    try {
      return await this.#verify(token, request);
    } catch (error) {
      if (error instanceof RefreshAuthError && error.isDeadToken) return undefined;
      throw error;
    }
  }

  /** Returns true for a token that is not one of ours, if the application may know it: it gave the option `legacy`. */
  mayBeLegacy(token: string): boolean {
    return this.settings.legacy?.isCandidate(token) ?? false;
  }

  /** Returns the claims of a token that would be accepted, as far as this process knows without asking the store. */
  liveClaims(token: string): TokenClaims | undefined {
    try {
      const claims = this.verified.verify(token);
      // Throws for a token that is outside its time.
      this.verified.times.isValid(claims);
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

  /**
   * Verifies a token of ours, or has the application verify a legacy one.
   *
   * @throws RefreshAuthError of our own verification, if it is neither
   */
  #verify(token: string, request: unknown): TokenClaims | Promise<TokenClaims> {
    try {
      return this.verified.verify(token);
    } catch (error) {
      const { legacy } = this.settings;
      if (!legacy?.isCandidate(token)) throw error;
      return legacy.claims(token, request, this.verified.times).then((claims) => {
        if (claims) return claims;
        throw error;
      });
    }
  }

  #accept(claims: TokenClaims, isUse: boolean): Authentication {
    if (isUse) this.settings.usedGenerations?.see(claims);
    return { state: 'valid', claims };
  }

  async #authenticateExpired(
    claims: TokenClaims,
    expired: ExpiredHandling,
    presentation: Presentation,
  ): Promise<Authentication> {
    // A legacy token is as good as a valid one, so a message over a socket is accepted with it.
    if (typeof expired === 'object' || (expired === 'reject' && !isLegacy(claims))) throw notRefreshed(expired);
    if (this.revocations.ends(claims)) throw new RefreshAuthError('session_revoked');
    try {
      if (expired === 'look' || expired === 'reject') return { state: await this.rotation.look(claims), claims };
      if (expired === 'serve') return { state: await this.rotation.serve(claims, presentation.waited), claims };
      const { state, refreshed } = await this.rotation.refresh(claims, presentation);
      return { state, claims: refreshed.claims, refreshed };
    } catch (error) {
      if (!(error instanceof StoreOutage) || !this.revocations.toleratesOutages) throw error;
      // This process may have learned of the session's end while it waited for the store.
      if (this.revocations.ends(claims)) throw new RefreshAuthError('session_revoked');
      return { state: 'refreshable', claims };
    }
  }
}

function notRefreshed(refusal: 'reject' | RefreshRefusal): RefreshAuthError {
  return refusal === 'reject'
    ? new RefreshAuthError('token_expired')
    : new RefreshAuthError('token_expired', refusal.detail, refusal.origin);
}
