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
  /** How far the clocks of the processes may differ. */
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

/** Whether a token was signed for, or in, a future that the clock tolerance does not explain (RFC 7519 sections 4.1.5, 4.1.6). */
export function isFromTheFuture(
  claims: TokenClaims & { readonly nbf?: unknown },
  now: number,
  lifetimes: Lifetimes,
): boolean {
  const latest = now / 1000 + lifetimes.clockTolerance;
  return claims.iat > latest || (typeof claims.nbf === 'number' && claims.nbf > latest);
}

/** How long a store must remember a session whose newest token can be exchanged until then, in milliseconds from `now`. */
export function retention(refreshExp: number, now: number, lifetimes: Lifetimes): number {
  return Math.ceil(refreshExp * 1000 - now) + (leeway(lifetimes.clockTolerance) + MARGIN) * 1000;
}

/** How much longer than it says a token may count, in seconds: its signer's clock may be ahead, and whoever checks it tolerates as much again. */
export function leeway(clockTolerance: number): number {
  return 2 * clockTolerance;
}

/** One minute more, for whatever two clocks and a slow request add up to. */
export const MARGIN = 60;
