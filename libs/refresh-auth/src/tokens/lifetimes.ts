import type { DeadReason } from '../errors/refresh-auth-error.js';
import type { TokenClaims } from './claims.js';

/** How long tokens and sessions live, in whole seconds. */
export interface Lifetimes {
  /** From `iat`: how long a token is valid. */
  readonly expiresIn: number;
  /** From `iat`: how long a token may be exchanged. */
  readonly refreshWindow: number;
  /** From `auth_time`: the absolute end of a session; `Infinity` for none. */
  readonly sessionLifetime: number;
  /** For how long a token still counts after its times, and before its `nbf`, since clocks differ. */
  readonly clockTolerance: number;
}

/** The claims by which one session can have shorter limits than the module. */
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

/** What time makes of a token: `expired` is refreshable or already-refreshed, which only the store can tell. */
export type TimeState = 'valid' | 'expired' | Extract<DeadReason, 'token_expired' | 'session_expired'>;

type SignedTimes = Pick<TokenClaims, 'iat' | 'exp' | 'refresh_exp'>;

/** The times of a token that is signed now, in a session that began at `auth_time`. */
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
 * The moments that count, in seconds. The signed times are upper bounds: a lifetime that was shortened works at once, and a
 * longer one, signed by another process during a rolling deployment, is no reason for death.
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

/** The state of a token by time alone, at a moment in milliseconds. "On or after" its end a token is no longer accepted (RFC 7519 section 4.1.4). */
export function timeState(claims: TokenClaims, now: number, lifetimes: Lifetimes): TimeState {
  const earliest = now / 1000 - lifetimes.clockTolerance;
  const { exp, refreshExp, end } = effectiveTimes(claims, lifetimes);
  if (earliest < Math.min(exp, refreshExp)) return 'valid';
  if (earliest < refreshExp) return 'expired';
  return earliest >= end ? 'session_expired' : 'token_expired';
}

/**
 * Returns true if a token was signed for a future (`nbf`), or in one (`iat`), that a difference between two clocks does not explain
 * (RFC 7519 sections 4.1.5, 4.1.6). The `nbf` is a limit like `exp`, so the clock tolerance counts. The `iat` is not one: our own key
 * signed it, so a future one only shows that the signer's clock is ahead, and `exp` ends the token all the same.
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

/** How far the clocks of two processes may differ before one rejects what the other signs, in seconds. At least 60. */
export function leeway(clockTolerance: number): number {
  return Math.max(LEAST_LEEWAY, clockTolerance);
}

/**
 * How much longer than a token's signed times everything is kept that is kept for that token, in seconds: the signer's clock may be ahead
 * of the one that checks it by the leeway, and the check tolerates as much again.
 */
export function retentionMargin({ clockTolerance }: Lifetimes): number {
  return 2 * leeway(clockTolerance);
}

/** How long a store must remember a session whose latest token can be refreshed until then, in milliseconds from `now`. */
export function retention(refreshExp: number, now: number, lifetimes: Lifetimes): number {
  return Math.ceil(refreshExp * 1000 - now) + retentionMargin(lifetimes) * 1000;
}
