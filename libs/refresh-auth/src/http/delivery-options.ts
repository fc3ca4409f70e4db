import { stringifySetCookie } from 'cookie';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { checkObject } from './check-object.js';

/** Attributes of the cookie (RFC 6265bis section 4.1). Its lifetime follows from the token. */
export interface CookieOptions {
  /** @default 'authorization' */
  name?: string | undefined;
  /** @default none: only the host that set it gets it back */
  domain?: string | undefined;
  /** @default '/' */
  path?: string | undefined;
  /** @default true */
  secure?: boolean | undefined;
  /** @default true: scripts cannot read it */
  httpOnly?: boolean | undefined;
  /** @default 'lax' */
  sameSite?: 'strict' | 'lax' | 'none' | undefined;
  /** @default false */
  partitioned?: boolean | undefined;
}

/** The option `delivery`: where the response carries a token. */
export interface DeliveryOptions {
  /** The header and the scheme in front of the token; `false`: no header. @default { name: 'Authorization', scheme: 'Bearer' } */
  header?: false | { name?: string | undefined; scheme?: string | undefined } | undefined;
  /** `false`: no cookie is written or read. */
  cookie?: false | CookieOptions | undefined;
}

export type Cookie = { [Name in Exclude<keyof CookieOptions, 'domain'>]-?: NonNullable<CookieOptions[Name]> } & {
  domain?: string;
};

/** The option, complete and checked. */
export interface DeliverySettings {
  readonly header: { readonly name: string; readonly scheme: string } | undefined;
  readonly cookie: Readonly<Cookie> | undefined;
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** Headers that have a meaning of their own in responses, and that delivery itself may write. */
const TAKEN =
  /^(set-cookie|cache-control|vary|content-.*|transfer-encoding|connection|location|date|etag|www-authenticate|retry-after|access-control-.*)$/i;
const COOKIE_FLAGS = ['secure', 'httpOnly', 'partitioned'] as const;

/** @throws RefreshAuthOptionsError */
export function resolveDelivery(options: unknown = {}): DeliverySettings {
  const { header = {}, cookie = {} } = checkObject('delivery', options, ['header', 'cookie']);
  if (header === false && cookie === false) {
    throw new RefreshAuthOptionsError(
      'delivery',
      'switches off both header and cookie',
      'Leave one of them on: the new token has to go somewhere.',
    );
  }
  return {
    header: header === false ? undefined : resolveHeader(header),
    cookie: cookie === false ? undefined : resolveCookie(cookie),
  };
}

function resolveHeader(options: unknown): DeliverySettings['header'] {
  const { name = 'Authorization', scheme = 'Bearer' } = checkObject('delivery.header', options, ['name', 'scheme']);
  if (typeof name !== 'string' || !TOKEN.test(name) || TAKEN.test(name)) {
    throw new RefreshAuthOptionsError(
      'delivery.header.name',
      'is not the name of a header',
      "Write a name such as 'Authorization'.",
    );
  }
  if (typeof scheme !== 'string' || (scheme !== '' && !TOKEN.test(scheme))) {
    throw new RefreshAuthOptionsError(
      'delivery.header.scheme',
      'is not the name of a scheme',
      "Write a name such as 'Bearer', or '' for the bare token.",
    );
  }
  return { name, scheme };
}

function resolveCookie(options: unknown): Cookie {
  const given = checkObject('delivery.cookie', options, [
    'name',
    'domain',
    'path',
    'sameSite',
    ...COOKIE_FLAGS,
  ]) as CookieOptions;
  for (const flag of COOKIE_FLAGS) {
    if (given[flag] !== undefined && typeof given[flag] !== 'boolean') {
      throw new RefreshAuthOptionsError(`delivery.cookie.${flag}`, 'is not a boolean', 'Write true or false.');
    }
  }
  // An attribute that is undefined is not given: it must not switch Secure or HttpOnly off.
  const {
    name = 'authorization',
    domain,
    path = '/',
    secure = true,
    httpOnly = true,
    sameSite = 'lax',
    partitioned = false,
  } = given;
  const attributes = { name, path, secure, httpOnly, sameSite, partitioned };
  const cookie: Cookie = domain === undefined ? attributes : { ...attributes, domain };
  if (!['strict', 'lax', 'none'].includes(cookie.sameSite)) {
    throw new RefreshAuthOptionsError('delivery.cookie.sameSite', 'is not known', "Write 'strict', 'lax' or 'none'.");
  }
  checkSerializable(cookie);
  checkConsistent(cookie);
  return cookie;
}

function checkSerializable(cookie: Cookie): void {
  // RFC 6265bis section 4.1.1 allows any token as a name; names with "=" or ";" would make another cookie of it.
  if (typeof cookie.name !== 'string' || !TOKEN.test(cookie.name)) {
    throw new RefreshAuthOptionsError(
      'delivery.cookie.name',
      'is not the name of a cookie',
      "Write a name such as 'authorization'.",
    );
  }
  for (const attribute of ['domain', 'path'] as const) {
    try {
      checkText(attribute, cookie[attribute]);
      stringifySetCookie({
        name: cookie.name,
        value: '',
        ...(cookie[attribute] === undefined ? {} : { [attribute]: cookie[attribute] }),
      });
    } catch {
      const example = attribute === 'path' ? '/' : 'example.com';
      throw new RefreshAuthOptionsError(
        `delivery.cookie.${attribute}`,
        'cannot be written into a cookie',
        `Write a value such as '${example}'.`,
      );
    }
  }
}

/** What the serializer leaves out or takes for text, and a path that browsers take for none (RFC 6265bis section 5.6.4). */
function checkText(attribute: 'domain' | 'path', value: unknown): void {
  if (attribute === 'domain' && value === undefined) return;
  if (typeof value !== 'string' || value === '' || (attribute === 'path' && !value.startsWith('/'))) {
    throw new TypeError(attribute);
  }
}

/** Browsers drop a cookie that contradicts itself without a word (RFC 6265bis section 5.7): found at boot instead. */
function checkConsistent({ name, domain, path, secure, sameSite, partitioned }: Cookie): void {
  const prefix = /^__(host|secure)-/i.exec(name)?.[0].toLowerCase();
  if (!secure) {
    const needsSecure = [
      prefix && `name \`${name}\``,
      sameSite === 'none' && "sameSite 'none'",
      partitioned && 'partitioned',
    ].find(Boolean);
    if (needsSecure) {
      throw new RefreshAuthOptionsError(
        'delivery.cookie.secure',
        `is false, which browsers refuse with ${needsSecure}`,
        'Leave it true.',
      );
    }
  }
  if (prefix === '__host-' && domain !== undefined) {
    throw new RefreshAuthOptionsError(
      'delivery.cookie.domain',
      `is given, which browsers refuse with name \`${name}\``,
      'Leave it out.',
    );
  }
  if (prefix === '__host-' && path !== '/') {
    throw new RefreshAuthOptionsError(
      'delivery.cookie.path',
      `is not '/', which browsers refuse with name \`${name}\``,
      "Write '/'.",
    );
  }
}
