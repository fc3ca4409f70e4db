import { stringifySetCookie } from 'cookie';
import { type CookieIdentity, secureNeededBy } from './cookie-identity.js';
import type { Cookie } from './cookie.js';

/** RFC 6265bis section 5.5: user agents cut longer lifetimes to 400 days. */
const LONGEST_MAX_AGE = 400 * 24 * 60 * 60;

/** Makes the `Set-Cookie` lines of a response: for the current cookie, and for those of earlier deployments, which every response removes. */
export class CookieLines {
  readonly #name: string;
  /** All attributes but `Max-Age`, as they stand behind it. */
  readonly #attributes: string;
  readonly #removingPrevious: readonly string[];

  constructor(cookie: Cookie) {
    this.#name = cookie.name;
    this.#attributes = attributesOf(cookie, cookie);
    this.#removingPrevious = cookie.previous.map(
      (previous) => `${previous.name}=; Max-Age=0${attributesOf(previous, cookie)}`,
    );
  }

  /** @param maxAge in seconds */
  carrying(token: string, maxAge: number): string[] {
    return this.#lines(token, Math.min(maxAge, LONGEST_MAX_AGE));
  }

  removing(): string[] {
    return this.#lines('', 0);
  }

  /**
   * The current cookie last: clients that know no partitions, or take a cookie of this host and one of its domain for the same
   * (RFC 6265 section 5.3), keep the last of those that they cannot tell apart.
   */
  #lines(value: string, maxAge: number): string[] {
    return [...this.#removingPrevious, `${this.#name}=${value}; Max-Age=${maxAge}${this.#attributes}`];
  }
}

/**
 * A browser removes a cookie by a line with its name, domain, path and partition, and drops that line if it could not set the cookie: without
 * `Secure` where that is needed, or, in a response to another site, without `SameSite=None`.
 */
function attributesOf(identity: CookieIdentity, { secure, httpOnly, sameSite }: Cookie): string {
  const line = stringifySetCookie({
    ...identity,
    value: '',
    httpOnly,
    sameSite,
    secure: secure || secureNeededBy(identity) !== undefined,
  });
  return line.slice(`${identity.name}=`.length);
}
