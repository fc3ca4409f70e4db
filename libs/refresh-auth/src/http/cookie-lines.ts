import { stringifySetCookie } from 'cookie';
import { type CookieIdentity, secureNeededBy } from './cookie-identity.js';
import type { Cookie } from './cookie.js';

/** 400 days in seconds: browsers shorten longer lifetimes to this (RFC 6265bis section 5.5). */
const LONGEST_MAX_AGE = 400 * 24 * 60 * 60;

/** Builds the `Set-Cookie` lines of a response. They set or remove the current cookie, and remove the cookies of earlier deployments. */
export class CookieLines {
  readonly #name: string;
  /** All attributes except `Max-Age`, as the end of a line. */
  readonly #attributes: string;
  readonly #removingPrevious: readonly string[];

  constructor(cookie: Cookie) {
    this.#name = cookie.name;
    this.#attributes = attributesOf(cookie, cookie);
    this.#removingPrevious = cookie.previous.map(
      (previous) => `${previous.name}=; Max-Age=0${attributesOf(previous, cookie)}`,
    );
  }

  /**
   * Returns the lines that set the cookie.
   *
   * @param maxAge in seconds
   */
  carrying(token: string, maxAge: number): string[] {
    return this.#lines(token, Math.min(maxAge, LONGEST_MAX_AGE));
  }

  /** Returns the lines that remove the cookie. */
  removing(): string[] {
    return this.#lines('', 0);
  }

  /**
   * Returns the lines with the current cookie last. Clients that do not support partitions, or that do not distinguish a host-only cookie
   * from one with a domain (RFC 6265 section 5.3), treat several lines as the same cookie and keep the last one.
   */
  #lines(value: string, maxAge: number): string[] {
    return [...this.#removingPrevious, `${this.#name}=${value}; Max-Age=${maxAge}${this.#attributes}`];
  }
}

/**
 * Returns the attributes of a line that sets or removes a cookie. A browser ignores a removal that it would also reject as a new cookie, for
 * example without a required `Secure`, or without `SameSite=None` in a response to another site. So both kinds of line have all attributes.
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
