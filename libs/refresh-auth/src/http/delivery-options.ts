import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { checkObject } from './check-object.js';
import { type Cookie, type CookieOptions, resolveCookie } from './cookie-options.js';
import { isHttpToken } from './header-syntax.js';

/** The option `delivery`: how responses carry a token. */
export interface DeliveryOptions {
  /** The response header and the scheme in front of the token; `false` for no header. @default { name: 'Authorization', scheme: 'Bearer' } */
  header?: false | { name?: string | undefined; scheme?: string | undefined } | undefined;
  /** The cookie; `false` to neither write nor read one. @default see {@link CookieOptions} */
  cookie?: false | CookieOptions | undefined;
}

/** The option `delivery` after it was checked and its defaults were filled in. */
export interface DeliverySettings {
  readonly header: { readonly name: string; readonly scheme: string } | undefined;
  readonly cookie: Cookie | undefined;
}

/** Headers that cannot carry the token, because they have another meaning in responses or because delivery itself writes them. */
const TAKEN =
  /^(set-cookie|cache-control|vary|content-.*|transfer-encoding|connection|location|date|etag|www-authenticate|retry-after|access-control-.*)$/i;

/**
 * Checks the option and fills in its defaults.
 *
 * @throws RefreshAuthOptionsError
 */
export function resolveDelivery(options: unknown = {}): DeliverySettings {
  const { header = {}, cookie = {} } = checkObject('delivery', options, ['header', 'cookie']);
  if (header === false && cookie === false) {
    throw new RefreshAuthOptionsError(
      'delivery',
      'switches off both header and cookie',
      'Leave one of them on: without either, no new token reaches the client.',
    );
  }
  return {
    header: header === false ? undefined : resolveHeader(header),
    cookie: cookie === false ? undefined : resolveCookie(cookie),
  };
}

function resolveHeader(options: unknown): DeliverySettings['header'] {
  const { name = 'Authorization', scheme = 'Bearer' } = checkObject('delivery.header', options, ['name', 'scheme']);
  if (!isHttpToken(name) || TAKEN.test(name)) {
    throw new RefreshAuthOptionsError(
      'delivery.header.name',
      'is not the name of a header, or is one that has another meaning',
      "Write a name such as 'Authorization'.",
    );
  }
  if (scheme !== '' && !isHttpToken(scheme)) {
    throw new RefreshAuthOptionsError(
      'delivery.header.scheme',
      'is not the name of a scheme',
      "Write a name such as 'Bearer', or '' for the bare token.",
    );
  }
  return { name, scheme };
}
