import type { CrossSiteSettings } from '../http/cross-site.js';
import { originOf } from '../http/origin.js';
import type { OptionReader } from './option-reader.js';

/** The option `csrf`: which other origins may do what this one may, with a token that the browser adds by itself. */
export interface CrossSiteOptions {
  /** Origins as browsers write them: `scheme://host`, and the port where it is not the scheme's own. @default none */
  trustedOrigins?: readonly string[] | undefined;
}

/** @throws RefreshAuthOptionsError */
export function readCrossSite(option: OptionReader): CrossSiteSettings {
  if (option.value === false) return undefined;
  const { trustedOrigins } = option.or({}).object(['trustedOrigins']);
  const origins = trustedOrigins.or([]).list("Write a list such as ['https://app.example.com'].");
  return { trustedOrigins: new Set(origins.map(readOrigin)) };
}

/** Origins are compared as text, so one that is written in another way would be trusted in vain, and one with a pattern too. */
function readOrigin(option: OptionReader): string {
  const origin = option.value;
  if (typeof origin === 'string' && originOf(origin) === origin && !origin.includes('*')) return origin;
  return option.fail(
    'is not an origin as browsers write it',
    "Write scheme://host[:port] in lower case and nothing more, such as 'https://app.example.com'.",
  );
}
