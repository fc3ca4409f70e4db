import type { CookieIdentity } from './cookie-identity.js';

/** The cookie that carries tokens. Its lifetime follows from the token. */
export interface Cookie extends CookieIdentity {
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'strict' | 'lax' | 'none';
  /** The cookies of earlier deployments. */
  readonly previous: readonly CookieIdentity[];
}

/** Returns the names of all cookies that are read, the current one first. Returns none if cookies are switched off. */
export function cookieNames(cookie: Cookie | undefined): string[] {
  return cookie ? [...new Set([cookie, ...cookie.previous].map(({ name }) => name))] : [];
}
