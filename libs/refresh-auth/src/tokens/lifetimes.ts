import type { DeadReason } from '../errors/refresh-auth-error.js';
import type { TokenClaims } from './claims.js';

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

function limitsOf(
  { expires_in, refresh_window, session_lifetime }: OwnLimits,
  lifetimes: Lifetimes,
): Omit<Lifetimes, 'clockTolerance'> {
  return {
    expiresIn: Math.min(lifetimes.expiresIn, expires_in ?? Number.POSITIVE_INFINITY),
    refreshWindow: Math.min(lifetimes.refreshWindow, refresh_window ?? Number.POSITIVE_INFINITY),
    sessionLifetime: Math.min(lifetimes.sessionLifetime, session_lifetime ?? Number.POSITIVE_INFINITY),
  };
}

/** The state of a token by time alone. `expired` means refreshable or already-refreshed; only the store can tell which. */
export type TimeState = 'valid' | 'expired' | Extract<DeadReason, 'token_expired' | 'session_expired'>;

type SignedTimes = Pick<TokenClaims, 'iat' | 'exp' | 'refresh_exp'>;

/** Returns the times for a token that is signed now, in a session that began at `auth_time`. */
export function signedTimes(
  session: Pick<TokenClaims, 'auth_time'> & OwnLimits,
  now: number,
  lifetimes: Lifetimes,
): SignedTimes {
  const { expiresIn, refreshWindow, sessionLifetime } = limitsOf(session, lifetimes);
  const iat = Math.floor(now / 1000);
  const end = session.auth_time + sessionLifetime;
  return { iat, exp: Math.min(iat + expiresIn, end), refresh_exp: Math.min(iat + refreshWindow, end) };
}

/**
 * Returns the times at which a token really expires, in seconds. The signed times are upper bounds. So a shortened lifetime applies at once,
 * and a longer one, signed by another process during a rolling deployment, is shortened here and the token stays accepted.
 */
export function effectiveTimes(
  claims: TokenClaims,
  lifetimes: Lifetimes,
): { exp: number; refreshExp: number; end: number } {
  const { expiresIn, refreshWindow, sessionLifetime } = limitsOf(claims, lifetimes);
  const end = claims.auth_time + sessionLifetime;
  return {
    exp: Math.min(claims.exp, claims.iat + expiresIn, end),
    refreshExp: Math.min(claims.refresh_exp, claims.iat + refreshWindow, end),
    end,
  };
}

/**
 * Returns the state of a token by time alone. "On or after" its `exp`, a token is no longer accepted (RFC 7519 section 4.1.4).
 *
 * @param now in milliseconds
 */
export function timeState(claims: TokenClaims, now: number, lifetimes: Lifetimes): TimeState {
  const earliest = now / 1000 - lifetimes.clockTolerance;
  const { exp, refreshExp, end } = effectiveTimes(claims, lifetimes);
  if (earliest < Math.min(exp, refreshExp)) return 'valid';
  if (earliest < refreshExp) return 'expired';
  return earliest >= end ? 'session_expired' : 'token_expired';
}

/**
 * Returns true if the `nbf` or the `iat` of a token lies further in the future than a difference between two clocks explains (RFC 7519
 * sections 4.1.5, 4.1.6). `nbf` is a limit like `exp`, so the clock tolerance applies. `iat` is not: our own key signed it, so a future one
 * only shows that the signer's clock is ahead, and `exp` still bounds the token.
 */
export function isFromTheFuture(
  claims: TokenClaims & { readonly nbf?: unknown },
  now: number,
  { clockTolerance }: Lifetimes,
): boolean {
  const seconds = now / 1000;
  return (
    claims.iat > seconds + leeway(clockTolerance) ||
    (typeof claims.nbf === 'number' && claims.nbf > seconds + clockTolerance)
  );
}

const LEAST_LEEWAY = 60;

/** Returns how far the clocks of two processes may differ before one rejects the other's tokens, in seconds. At least 60. */
export function leeway(clockTolerance: number): number {
  return Math.max(LEAST_LEEWAY, clockTolerance);
}

/**
 * Returns how much longer than the signed times of a token its data are kept, in seconds. That is twice the leeway: the signer's clock may be
 * ahead by one leeway, and the check tolerates another.
 */
export function retentionMargin({ clockTolerance }: Lifetimes): number {
  return 2 * leeway(clockTolerance);
}

/** Returns how long a store must keep a session whose latest token can be refreshed until `refreshExp`, in milliseconds from `now`. */
export function retention(refreshExp: number, now: number, lifetimes: Lifetimes): number {
  return Math.ceil(refreshExp * 1000 - now) + retentionMargin(lifetimes) * 1000;
}
