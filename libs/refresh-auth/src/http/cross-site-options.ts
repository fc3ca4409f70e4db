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
  if (typeof origin === 'string' && URL.canParse(origin) && !origin.includes('*')) {
    const { protocol, host } = new URL(origin);
    // Not `url.origin`: that is "null" for the schemes of native shells, such as capacitor://localhost.
    if (host !== '' && origin === `${protocol}//${host}`) return;
  }
  throw new RefreshAuthOptionsError(
    path,
    'is not an origin as browsers write it',
    "Write scheme://host[:port] in lower case and nothing more, such as 'https://app.example.com'.",
  );
}
