import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { checkObject } from './check-object.js';

/** The option `csrf`: protection against requests that other sites trigger. */
export interface CrossSiteOptions {
  /**
   * Other origins that may send requests with the cookie, such as `https://app.example.com`. Write `scheme://host`, and the port if it is
   * not the default of the scheme.
   *
   * @default none
   */
  trustedOrigins?: readonly string[] | undefined;
}

/** The option `csrf` after it was checked. `undefined` switches the check off: requests of all origins are accepted. */
export type CrossSiteSettings = { readonly trustedOrigins: ReadonlySet<string> } | undefined;

/**
 * Checks the option.
 *
 * @throws RefreshAuthOptionsError
 */
export function resolveCrossSite(options: unknown = {}): CrossSiteSettings {
  if (options === false) return undefined;
  const { trustedOrigins = [] } = checkObject('csrf', options, ['trustedOrigins']);
  if (!Array.isArray(trustedOrigins)) {
    throw new RefreshAuthOptionsError(
      'csrf.trustedOrigins',
      'is not a list',
      "Write a list such as ['https://app.example.com'].",
    );
  }
  trustedOrigins.forEach((origin: unknown, index) => checkOrigin(`csrf.trustedOrigins[${index}]`, origin));
  return { trustedOrigins: new Set<string>(trustedOrigins) };
}

/** Rejects an origin that would never match. Origins are compared as text, so patterns and other spellings have no effect. */
function checkOrigin(path: string, origin: unknown): void {
  if (typeof origin === 'string' && originOf(origin) === origin && !origin.includes('*')) return;
  throw new RefreshAuthOptionsError(
    path,
    'is not an origin as browsers write it',
    "Write scheme://host[:port] in lower case and nothing more, such as 'https://app.example.com'.",
  );
}

/**
 * Returns the origin of a URL as browsers write it in `Origin`. Returns `undefined` if the URL has none, or has a user name or a password,
 * which no browser sends in a header.
 */
export function originOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, username, password } = new URL(url);
  // `url.origin` would be "null" for the schemes of native shells, such as capacitor://localhost.
  return host === '' || username !== '' || password !== '' ? undefined : `${protocol}//${host}`;
}
