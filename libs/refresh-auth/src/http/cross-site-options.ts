import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { checkObject } from './check-object.js';

/** The option `csrf`: which other origins may do what this one may, with a token that the browser adds by itself. */
export interface CrossSiteOptions {
  /** Origins as browsers write them: `scheme://host`, and the port where it is not the scheme's own. @default none */
  trustedOrigins?: readonly string[] | undefined;
}

/** The option, complete and checked; `undefined`: requests of all origins are alike. */
export type CrossSiteSettings = { readonly trustedOrigins: ReadonlySet<string> } | undefined;

/** @throws RefreshAuthOptionsError */
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

/** Origins are compared as text, so one that is written in another way would be trusted in vain, and one with a pattern too. */
function checkOrigin(path: string, origin: unknown): void {
  if (typeof origin === 'string' && originOf(origin) === origin && !origin.includes('*')) return;
  throw new RefreshAuthOptionsError(
    path,
    'is not an origin as browsers write it',
    "Write scheme://host[:port] in lower case and nothing more, such as 'https://app.example.com'.",
  );
}

/** The origin of a URL, as browsers write it in `Origin`; `undefined` if it has none, or names a user, as no browser does in a header. */
export function originOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, username, password } = new URL(url);
  // Not `url.origin`: that is "null" for the schemes of native shells, such as capacitor://localhost.
  return host === '' || username !== '' || password !== '' ? undefined : `${protocol}//${host}`;
}
