import { isDeepStrictEqual } from 'node:util';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { isSessionId, tagOf } from './session-id.js';

/** The claims that the library signs into every token. Times are whole seconds (NumericDate, RFC 7519 section 2). */
export interface TokenClaims {
  /** The id of the user. The only one of these claims that the application sets. */
  readonly sub: string;
  /** The id of the session, which is the chain of tokens that one sign-in started. 30 base64url characters; the first 8 depend on `sub`. */
  readonly sid: string;
  /** The generation: the position in the chain. 0 at sign-in, +1 at each rotation. */
  readonly gen: number;
  /** The id of the token, 128 random bits. */
  readonly jti: string;
  /** The user's cutoff when the session was started, in milliseconds. A later cutoff ends the session. */
  readonly rev: number;
  /** When the session was started. */
  readonly auth_time: number;
  /** When this token was signed. */
  readonly iat: number;
  /** The time from which this token must be refreshed. */
  readonly exp: number;
  /** The time from which this token can no longer be refreshed. */
  readonly refresh_exp: number;
  /** The option `expiresIn` of this session alone, in seconds. The smaller of the two counts. */
  readonly expires_in?: number;
  /** The option `refreshWindow` of this session alone, in seconds. The smaller of the two counts. */
  readonly refresh_window?: number;
  /** The option `sessionLifetime` of this session alone, in seconds. The smaller of the two counts. */
  readonly session_lifetime?: number;
}

/** A token with the claims that are signed into it. */
export interface IssuedToken<TClaims = TokenClaims> {
  readonly token: string;
  readonly claims: Readonly<TClaims>;
}

const RESERVED_CLAIMS = [
  'sid',
  'gen',
  'jti',
  'rev',
  'auth_time',
  'iat',
  'exp',
  'nbf',
  'refresh_exp',
  'expires_in',
  'refresh_window',
  'session_lifetime',
  // Kept free for tokens that are bound to a key (RFC 9449 section 5).
  'refresh_jkt',
  'iss',
  'aud',
] as const;

/** Claims that only the library sets. */
export type ReservedClaim = (typeof RESERVED_CLAIMS)[number];

/** Returns the claims that the library has set, and `sub`. */
export function reservedClaims(claims: TokenClaims): TokenClaims {
  const reserved: readonly string[] = ['sub', ...RESERVED_CLAIMS];
  return Object.fromEntries(
    Object.entries(claims).filter(([name]) => reserved.includes(name)),
  ) as unknown as TokenClaims;
}

/** The claims that an application may sign: `sub`, and any others with names that are not reserved. */
export type OwnClaims<TClaims extends object = object> = { readonly sub: string } & Omit<TClaims, ReservedClaim> & {
    readonly [Name in ReservedClaim]?: never;
  };

/** The claims of a token that a service with these claims has signed for these own ones. */
export type SignedClaims<TClaims extends object, C extends object> = TokenClaims & TClaims & Omit<C, ReservedClaim>;

const EARLIEST_TIME = Date.UTC(2000, 0) / 1000;
const LATEST_TIME = Date.UTC(10_000, 0) / 1000 - 1;
/** A session that is refreshed every second reaches it after 30,000 years. Stores can rely on at most twelve digits. */
const HIGHEST_GENERATION = 999_999_999_999;

/** Returns true for names on Object.prototype. They cannot be claims: jsonwebtoken verifies such a token, but throws when it signs the successor. */
function isPrototypeName(name: string): boolean {
  return name in Object.prototype;
}

/**
 * Checks the claims that the application wants to sign, and returns a copy in the form that JSON carries.
 *
 * @param signed the claims of the token that is refreshed, if there is one. Reserved claims are accepted if they are equal to these
 * @throws TypeError that names the claim, if `sub` is missing or a claim is reserved
 */
export function checkOwnClaims(claims: object, signed?: TokenClaims): Record<string, unknown> & { sub: string } {
  const own = toJson(claims);
  if (!isObject(own)) {
    throw new TypeError('Claims must be a JSON object, such as { sub: "1" }');
  }
  if (typeof own['sub'] !== 'string' || own['sub'] === '') {
    throw new TypeError('Claim `sub` must be a non-empty string: the id of the user who signs in');
  }
  if (isNestedDeeper(own, MAX_LEVELS)) {
    throw new TypeError(`Claims must not be nested more than ${MAX_LEVELS} deep`);
  }
  for (const name of Object.keys(own).filter(isReserved)) {
    if (!signed) throw new TypeError(`Claim \`${name}\` is reserved: choose another name for it`);
    if (!isDeepStrictEqual(own[name], (signed as unknown as Record<string, unknown>)[name])) {
      throw new TypeError(`Claim \`${name}\` is reserved: leave it out, or return it unchanged`);
    }
  }
  return { ...own, sub: own['sub'] };
}

function isReserved(name: string): boolean {
  return isPrototypeName(name) || (RESERVED_CLAIMS as readonly string[]).includes(name);
}

function toJson(value: object): unknown {
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch (cause) {
    throw new TypeError('Claims must be plain JSON values, without cycles and BigInts', { cause });
  }
}

/**
 * Checks a payload whose signature has been verified.
 *
 * @throws RefreshAuthError `token_invalid` if a claim is missing, has the wrong type or is out of range
 */
export function assertTokenClaims(
  payload: Record<string, unknown>,
): asserts payload is Record<string, unknown> & TokenClaims {
  for (const name of ['sub', 'jti']) {
    if (typeof payload[name] !== 'string' || payload[name] === '') {
      throw new RefreshAuthError('token_invalid', `claim ${name} is not a non-empty string`);
    }
  }
  if (!isSessionId(payload['sid']) || !payload['sid'].startsWith(tagOf(payload['sub'] as string))) {
    throw new RefreshAuthError('token_invalid', 'claim sid is not the id of a session of this user');
  }
  for (const name of ['auth_time', 'iat', 'exp', 'refresh_exp']) {
    if (!isPlausibleTime(payload[name])) {
      throw new RefreshAuthError('token_invalid', `claim ${name} is not a plausible time in whole seconds`);
    }
  }
  if (payload['nbf'] !== undefined && !isPlausibleTime(payload['nbf'])) {
    throw new RefreshAuthError('token_invalid', 'claim nbf is not a plausible time in whole seconds');
  }
  if ((payload['refresh_exp'] as number) < (payload['exp'] as number)) {
    throw new RefreshAuthError('token_invalid', 'claim refresh_exp is before exp');
  }
  if (isNestedDeeper(payload, MAX_LEVELS)) {
    throw new RefreshAuthError('token_invalid', 'claims are nested too deep');
  }
  for (const name of ['expires_in', 'refresh_window', 'session_lifetime']) {
    if (payload[name] !== undefined && !(Number.isSafeInteger(payload[name]) && (payload[name] as number) > 0)) {
      throw new RefreshAuthError('token_invalid', `claim ${name} is not a number of whole seconds`);
    }
  }
  const { gen, rev } = payload;
  if (!Number.isSafeInteger(rev) || (rev as number) < 0) {
    throw new RefreshAuthError('token_invalid', 'claim rev is not a revocation cutoff');
  }
  if (!Number.isInteger(gen) || (gen as number) < 0 || (gen as number) > HIGHEST_GENERATION) {
    throw new RefreshAuthError('token_invalid', 'claim gen is not a generation');
  }
  if (Object.keys(payload).some(isPrototypeName)) {
    throw new RefreshAuthError('token_invalid', 'a claim has the name of a property of Object.prototype');
  }
}

/** The deepest nesting of claims. JSON.parse does not recurse, but JSON.stringify does: the claims of an 8 KB token could exhaust the stack. */
const MAX_LEVELS = 100;

function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isNestedDeeper(inner, levels - 1));
}

/** Returns true for a whole number of seconds since 1970, from the year 2000 to 9999. */
export function isPlausibleTime(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= EARLIEST_TIME && (value as number) <= LATEST_TIME;
}

/** Returns true for a JSON object, which is neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Freezes claims at every depth. All requests with the same token share them, so no code may change them. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
