import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { TokenClaims } from './claims.js';
import type { Clock } from './clock.js';
import {
  effectiveTimes,
  isFromTheFuture,
  leeway,
  type Lifetimes,
  retention,
  type TimeState,
  timeState,
} from './lifetimes.js';

/** Tells what time makes of tokens, by the lifetimes and the clock of one module. */
export class TokenTimes {
  constructor(
    readonly lifetimes: Lifetimes,
    readonly clock: Clock,
  ) {}

  /** The time, in milliseconds since 1970. */
  get now(): number {
    return this.clock.now();
  }

  /** How far the clocks of two processes may differ, in milliseconds. */
  get leeway(): number {
    return leeway(this.lifetimes.clockTolerance) * 1000;
  }

  /** The moments that count for a token, in seconds since 1970. */
  of(claims: TokenClaims): ReturnType<typeof effectiveTimes> {
    return effectiveTimes(claims, this.lifetimes);
  }

  /**
   * Returns the state of a token by time alone. It is valid or expired by the time now, but inside its refresh window by the time when its
   * request arrived: a client cannot help how long an upload takes. No more than the leeway of clocks counts of that, since what is kept for
   * a token is not kept for much longer.
   *
   * @param waited how long ago the request arrived, in milliseconds
   */
  state(claims: TokenClaims, waited = 0): TimeState {
    const state = timeState(claims, this.now, this.lifetimes);
    if (state !== 'token_expired' || waited === 0) return state;
    const arrived = this.now - Math.min(waited, this.leeway);
    return timeState(claims, arrived, this.lifetimes) === 'token_expired' ? state : 'expired';
  }

  /**
   * Returns true if the token is valid, and false if it is expired and inside its refresh window.
   *
   * @param waited as in `state`
   * @throws RefreshAuthError `token_invalid` if it is from the future; `token_expired` or `session_expired`
   */
  isValid(claims: TokenClaims, waited = 0): boolean {
    if (isFromTheFuture(claims, this.now, this.lifetimes)) {
      throw new RefreshAuthError('token_invalid', 'iat or nbf is in the future');
    }
    const state = this.state(claims, waited);
    if (state === 'session_expired' || state === 'token_expired') throw new RefreshAuthError(state);
    return state === 'valid';
  }

  /** Returns true if the token is valid now, and false where `isValid` would say or throw anything else. */
  isValidNow(claims: TokenClaims): boolean {
    return this.state(claims) === 'valid' && !isFromTheFuture(claims, this.now, this.lifetimes);
  }

  /** How long a store must remember a session whose latest token can be refreshed until `refreshExp`, in milliseconds from now. */
  retention(refreshExp: number): number {
    return retention(refreshExp, this.now, this.lifetimes);
  }
}
