import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { checkOwnClaims, deepFreeze, isObject, isPlausibleTime, type TokenClaims } from '../tokens/claims.js';
import { LONGEST_TOKEN, readSegment } from '../tokens/compact.js';
import { hashed, tagOf } from '../tokens/session-id.js';
import type { TokenTimes } from '../tokens/token-times.js';
import { callHook, kindOf } from './application-hook.js';

/**
 * The option `legacy`: verifies a token of the login that the application had before, so that its holder goes on without signing in again.
 * Called for a token that is not one of ours, with the request that presents it; `request` is `undefined` in `authenticate` and `inspect`.
 *
 * Verify all that the old login verified: signature, algorithm, expiry, audience, revocation.
 *
 * @returns the claims to sign, with a `sub` that is a string, and the `iat` of the old token, in seconds. With its `exp`, the session ends
 *   at that time; without, it ends one `sessionLifetime` after `iat`. The old `iss`, `aud`, `nbf` and `jti` are ignored. `undefined`: the
 *   token is not accepted, 401. Anything else, an error, or no answer within `reloadTimeout`: 503 `reload_failed`, and the error is logged,
 *   with its message and stack: never put the token into the error
 */
export type Legacy = (
  token: string,
  // oxlint-disable-next-line typescript/no-explicit-any -- the request of Express or Fastify: the application knows its type
  request: any,
) => object | undefined | Promise<object | undefined>;

/** The generation of a legacy token. Its session begins with a token of ours, of generation 0, that supersedes it. */
export const BEFORE_FIRST = -1;

/** Returns true for the claims of a legacy token, as {@link LegacyTokens} returns them. */
export function isLegacy({ gen }: Pick<TokenClaims, 'gen'>): boolean {
  return gen === BEFORE_FIRST;
}

/** Has the application verify tokens of the login that it had before. */
export class LegacyTokens {
  constructor(
    private readonly legacy: Legacy,
    /** `reloadTimeout`, in milliseconds. */
    private readonly timeout: number,
    /** Receives each failure of the hook. */
    private readonly report: (error: Error) => void,
  ) {}

  /**
   * Returns true if a token that failed verification may be one of another login. A token of ours never is, with whatever key it was signed: it
   * has a `refresh_exp` and a `sid`. The payload is not verified; it is looked at for nothing else.
   */
  isCandidate(token: unknown): token is string {
    if (typeof token !== 'string' || token === '' || token.length > LONGEST_TOKEN) return false;
    const payload = readSegment(token.split('.', 2)[1] ?? '');
    return !isObject(payload) || !(Object.hasOwn(payload, 'refresh_exp') || Object.hasOwn(payload, 'sid'));
  }

  /**
   * Returns claims with which a legacy token stands in the session that all who present it share: expired now, so that it is refreshed, and
   * refreshable until its session ends. `undefined` if the application does not accept the token.
   *
   * @throws RefreshAuthError `reload_failed`; `token_invalid` if the token is from the future; `session_expired`
   */
  async claims(token: string, request: unknown, times: TokenTimes): Promise<TokenClaims | undefined> {
    const claims = await callHook('legacy', this.timeout, this.report, async () => {
      const given: unknown = await this.legacy(token, request);
      return given === undefined ? undefined : sessionClaims(token, given, times);
    });
    if (!claims) return undefined;
    if (claims.auth_time * 1000 > times.now + times.leeway) {
      throw new RefreshAuthError('token_invalid', 'the iat of a legacy token is in the future');
    }
    if (times.state(claims) === 'session_expired') throw new RefreshAuthError('session_expired');
    return claims;
  }
}

/** @throws TypeError that says what is wrong with what `legacy` returned */
function sessionClaims(token: string, given: unknown, times: TokenTimes): TokenClaims {
  if (!isObject(given)) {
    throw new TypeError(
      `it returned ${kindOf(given)}: return the claims of the token, with its iat, or undefined to reject it`,
    );
  }
  const { iat, exp, iss: _iss, aud: _aud, nbf: _nbf, jti: _jti, ...others } = given;
  const own = checkOwnClaims(others);
  const began = seconds(iat, '`iat` must be the time when the old token was signed, in seconds since 1970');
  const limit =
    exp === undefined ? {} : { session_lifetime: seconds(exp, '`exp` must be a time in seconds since 1970') - began };
  if (limit.session_lifetime !== undefined && limit.session_lifetime <= 0) {
    throw new TypeError('Claim `exp` must be later than `iat`');
  }
  const now = Math.floor(times.now / 1000);
  const end = began + Math.min(times.lifetimes.sessionLifetime, limit.session_lifetime ?? Number.POSITIVE_INFINITY);
  const name = hashed(signedPart(token));
  return deepFreeze({
    ...own,
    // The same for all who present the token, in every process and with every key, so that they share one session and its end.
    sid: tagOf(own.sub) + name,
    gen: BEFORE_FIRST,
    jti: name,
    // A cutoff that is set after the old token was signed ends the session.
    rev: began * 1000,
    auth_time: began,
    ...limit,
    iat: now,
    // Reuse is judged by how long a token has been expired, so a legacy one is handed over for as long as the application accepts it: pages
    // that were loaded before the change keep it.
    exp: Math.min(now, end),
    refresh_exp: end,
  });
}

/**
 * Returns the part of a token that its signature covers, or all of a token that is no JWT. Never a signature, which can be written in several
 * ways: the last character of an RSA or EC signature has unused bits, and with (r, s) an EC key has also signed (r, n - s).
 */
function signedPart(token: string): string {
  const [header = '', payload = '', signature] = token.split('.', 3);
  const isJwt = signature !== undefined && isObject(readSegment(header)) && isObject(readSegment(payload));
  return isJwt ? `${header}.${payload}` : token;
}

function seconds(value: unknown, problem: string): number {
  const whole = typeof value === 'number' ? Math.floor(value) : value;
  if (!isPlausibleTime(whole)) throw new TypeError(`Claim ${problem}`);
  return whole;
}
