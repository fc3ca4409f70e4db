import { type DeadReason, RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { TokenClaims } from './claims.js';
import type { Clock } from './clock.js';

/** How long tokens and sessions live, in whole seconds. */
export interface Lifetimes {
  /** How long a token is valid, from `iat`. */
  readonly expiresIn: number;
  /** How long a token can be refreshed, from `iat`. */
  readonly refreshWindow: number;
  /** How long a session can last, from `auth_time`; `Infinity` for no limit. */
  readonly sessionLifetime: number;
  /** How long a token is still accepted after its times, and already before its `nbf`, because clocks differ. */
  readonly clockTolerance: number;
}

/** The claims that give one session shorter limits than the module. */
export type OwnLimits = Pick<TokenClaims, 'expires_in' | 'refresh_window' | 'session_lifetime'>;

/** The state of a token by time alone. `expired` means refreshable or already-refreshed; only the store can tell which. */
export type TimeState = 'valid' | 'expired' | Extract<DeadReason, 'token_expired' | 'session_expired'>;

const LEAST_LEEWAY = 60;

/** Tells what time makes of tokens, by the lifetimes and the clock of one module. */
export class TokenTimes {
  /** How far the clocks of two processes may differ before one rejects the other's tokens, in milliseconds. At least a minute. */
  readonly leeway: number;
  /**
   * How much longer than the signed times of a token its data are kept, in milliseconds. That is twice the leeway: the signer's clock may be
   * ahead by one leeway, and the check tolerates another.
   */
  readonly retentionMargin: number;

  constructor(
    readonly lifetimes: Lifetimes,
    readonly clock: Clock,
  ) {
    this.leeway = Math.max(LEAST_LEEWAY, lifetimes.clockTolerance) * 1000;
    this.retentionMargin = 2 * this.leeway;
  }

  /** The time, in milliseconds since 1970. */
  get now(): number {
    return this.clock.now();
  }

  /** The times for a token that is signed now, in a session that began at `auth_time`. */
  signed(session: Pick<TokenClaims, 'auth_time'> & OwnLimits): Pick<TokenClaims, 'iat' | 'exp' | 'refresh_exp'> {
    const { expiresIn, refreshWindow, sessionLifetime } = this.#limitsOf(session);
    const iat = Math.floor(this.now / 1000);
    const end = session.auth_time + sessionLifetime;
    return { iat, exp: Math.min(iat + expiresIn, end), refresh_exp: Math.min(iat + refreshWindow, end) };
  }

  /**
   * The times at which a token really expires, in seconds since 1970. The signed times are upper bounds. So a shortened lifetime applies at
   * once, and a longer one, signed by another process during a rolling deployment, is shortened here and the token stays accepted.
   */
  of(claims: TokenClaims): { exp: number; refreshExp: number; end: number } {
    const { expiresIn, refreshWindow, sessionLifetime } = this.#limitsOf(claims);
    const end = claims.auth_time + sessionLifetime;
    return {
      exp: Math.min(claims.exp, claims.iat + expiresIn, end),
      refreshExp: Math.min(claims.refresh_exp, claims.iat + refreshWindow, end),
      end,
    };
  }

  /**
   * Returns the state of a token by time alone. "On or after" its `exp`, a token is no longer accepted (RFC 7519 section 4.1.4). It is valid
   * or expired by the time now, but inside its refresh window by the time when its request arrived: a client cannot help how long an upload
   * takes. No more than the leeway of clocks counts of that, since what is kept for a token is not kept for much longer.
   *
   * @param waited how long ago the request arrived, in milliseconds
   */
  state(claims: TokenClaims, waited = 0): TimeState {
    const { now, leeway } = this;
    const { clockTolerance } = this.lifetimes;
    const { exp, refreshExp, end } = this.of(claims);
    const earliest = now / 1000 - clockTolerance;
    if (earliest < Math.min(exp, refreshExp)) return 'valid';
    if (earliest >= end) return 'session_expired';
    const arrived = (now - Math.min(waited, leeway)) / 1000 - clockTolerance;
    return arrived < refreshExp ? 'expired' : 'token_expired';
  }

  /**
   * Returns true if the token is valid, and false if it is expired and inside its refresh window.
   *
   * @param waited as in `state`
   * @throws RefreshAuthError `token_invalid` if it is from the future; `token_expired` or `session_expired`
   */
  isValid(claims: TokenClaims, waited = 0): boolean {
    if (this.#isFromTheFuture(claims)) throw new RefreshAuthError('token_invalid', 'iat or nbf is in the future');
    const state = this.state(claims, waited);
    if (state === 'session_expired' || state === 'token_expired') throw new RefreshAuthError(state);
    return state === 'valid';
  }

  /** Returns true if the token is valid now, and false where `isValid` would say or throw anything else. */
  isValidNow(claims: TokenClaims): boolean {
    return this.state(claims) === 'valid' && !this.#isFromTheFuture(claims);
  }

  /** How long a store must remember a session whose latest token can be refreshed until `refreshExp`, in milliseconds from now. */
  retention(refreshExp: number): number {
    return Math.ceil(refreshExp * 1000 - this.now) + this.retentionMargin;
  }

  /**
   * Returns true if the `nbf` or the `iat` of a token lies further in the future than a difference between two clocks explains (RFC 7519
   * sections 4.1.5, 4.1.6). `nbf` is a limit like `exp`, so the clock tolerance applies. `iat` is not: our own key signed it, so a future one
   * only shows that the signer's clock is ahead, and `exp` still bounds the token.
   */
  #isFromTheFuture({ iat, nbf }: TokenClaims & { readonly nbf?: unknown }): boolean {
    const { now, leeway } = this;
    return iat * 1000 > now + leeway || (typeof nbf === 'number' && nbf > now / 1000 + this.lifetimes.clockTolerance);
  }

  #limitsOf({ expires_in, refresh_window, session_lifetime }: OwnLimits): Omit<Lifetimes, 'clockTolerance'> {
    const { expiresIn, refreshWindow, sessionLifetime } = this.lifetimes;
    return {
      expiresIn: Math.min(expiresIn, expires_in ?? Number.POSITIVE_INFINITY),
      refreshWindow: Math.min(refreshWindow, refresh_window ?? Number.POSITIVE_INFINITY),
      sessionLifetime: Math.min(sessionLifetime, session_lifetime ?? Number.POSITIVE_INFINITY),
    };
  }
}
