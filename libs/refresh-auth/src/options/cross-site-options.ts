import type { CrossSiteSettings } from '../http/cross-site.js';
import { originOf } from '../http/origin.js';
import type { OptionReader } from './option-reader.js';

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

/**
 * Checks the option.
 *
 * @throws RefreshAuthOptionsError
 */
export function readCrossSite(option: OptionReader): CrossSiteSettings {
  if (option.value === false) return undefined;
  const { trustedOrigins } = option.or({}).object(['trustedOrigins']);
  const origins = trustedOrigins.or([]).list("Write a list such as ['https://app.example.com'].");
  return { trustedOrigins: new Set(origins.map(readOrigin)) };
}

/** Rejects an origin that would never match. Origins are compared as text, so patterns and other spellings have no effect. */
function readOrigin(option: OptionReader): string {
  const origin = option.value;
  if (typeof origin === 'string' && originOf(origin) === origin && !origin.includes('*')) return origin;
  return option.fail(
    'is not an origin as browsers write it',
    "Write scheme://host[:port] in lower case and nothing more, such as 'https://app.example.com'.",
  );
}
