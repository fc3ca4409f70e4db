import type { DeliverySettings } from '../http/delivery-settings.js';
import { isHttpToken } from '../http/header-syntax.js';
import { type CookieOptions, readCookie } from './cookie-options.js';
import type { OptionReader } from './option-reader.js';

/** The option `delivery`: how responses carry a token. */
export interface DeliveryOptions {
  /** The response header and the scheme in front of the token; `false` for no header. @default { name: 'Authorization', scheme: 'Bearer' } */
  header?: false | { name?: string | undefined; scheme?: string | undefined } | undefined;
  /** The cookie; `false` to neither write nor read one. @default see {@link CookieOptions} */
  cookie?: false | CookieOptions | undefined;
}

/** Headers that cannot carry the token, because they have another meaning in responses or because delivery itself writes them. */
const TAKEN =
  /^(set-cookie|cache-control|vary|content-.*|transfer-encoding|connection|location|date|etag|www-authenticate|retry-after|access-control-.*)$/i;

/**
 * Checks the option and fills in its defaults.
 *
 * @throws RefreshAuthOptionsError
 */
export function readDelivery(option: OptionReader): DeliverySettings {
  const { header, cookie } = option.or({}).object(['header', 'cookie']);
  if (header.value === false && cookie.value === false) {
    option.fail(
      'switches off both header and cookie',
      'Leave one of them on: without either, no new token reaches the client.',
    );
  }
  return {
    header: header.value === false ? undefined : readHeader(header.or({})),
    cookie: cookie.value === false ? undefined : readCookie(cookie.or({})),
  };
}

function readHeader(option: OptionReader): DeliverySettings['header'] {
  const { name, scheme } = option.object(['name', 'scheme']);
  return { name: readName(name.or('Authorization')), scheme: readScheme(scheme.or('Bearer')) };
}

function readName(option: OptionReader): string {
  const { value } = option;
  if (isHttpToken(value) && !TAKEN.test(value)) return value;
  return option.fail(
    'is not the name of a header, or is one that has another meaning',
    "Write a name such as 'Authorization'.",
  );
}

function readScheme(option: OptionReader): string {
  const { value } = option;
  if (value === '' || isHttpToken(value)) return value;
  return option.fail('is not the name of a scheme', "Write a name such as 'Bearer', or '' for the bare token.");
}
