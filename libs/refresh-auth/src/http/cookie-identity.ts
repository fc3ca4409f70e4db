import { stringifySetCookie } from 'cookie';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { isHttpToken } from './header-syntax.js';

/** The parts by which a browser tells cookies apart: name, domain and path (RFC 6265bis section 5.7), and the partition. */
export interface CookieIdentity {
  readonly name: string;
  /** Without a domain, browsers send the cookie only to the host that set it. */
  readonly domain?: string;
  readonly path: string;
  readonly partitioned: boolean;
}

/**
 * Checks the attributes that identify a cookie.
 *
 * @param option the path of the option that has them
 * @throws RefreshAuthOptionsError if they cannot be written, or if no browser keeps such a cookie
 */
export function checkIdentity(
  option: string,
  { name, domain, path, partitioned }: { name: unknown; domain: unknown; path: unknown; partitioned: boolean },
): CookieIdentity {
  // RFC 6265bis section 4.1.1 allows any token as a name. A name with "=" or ";" would result in another cookie.
  if (!isHttpToken(name)) {
    throw new RefreshAuthOptionsError(
      `${option}.name`,
      'is not the name of a cookie',
      "Write a name such as 'authorization'.",
    );
  }
  if (domain !== undefined && !isWritable('domain', domain)) throw unwritable(`${option}.domain`, 'example.com');
  if (!isWritable('path', path)) throw unwritable(`${option}.path`, '/');
  if (prefixOf(name) === '__host-') checkHostPrefix(option, name, domain, path);
  return { name, ...(domain === undefined ? {} : { domain }), path, partitioned };
}

/**
 * Returns true if browsers treat both as the same cookie. They ignore the case of a domain and a dot in front of it (RFC 6265bis section
 * 5.6.3).
 */
export function isSameIdentity(one: CookieIdentity, other: CookieIdentity): boolean {
  return (
    one.name === other.name &&
    one.path === other.path &&
    one.partitioned === other.partitioned &&
    canonicalDomain(one) === canonicalDomain(other)
  );
}

/** Returns the attribute that makes browsers require `Secure`, if the cookie has one (RFC 6265bis section 4.1.3; CHIPS). */
export function secureNeededBy({ name, partitioned }: CookieIdentity): string | undefined {
  if (prefixOf(name) !== undefined) return `name \`${name}\``;
  return partitioned ? 'partitioned' : undefined;
}

function canonicalDomain({ domain }: CookieIdentity): string | undefined {
  return domain?.replace(/^\./, '').toLowerCase();
}

/** Returns the prefix in lower case. Browsers ignore its case. */
function prefixOf(name: string): string | undefined {
  return /^__(host|secure)-/i.exec(name)?.[0].toLowerCase();
}

/** Rejects a cookie that contradicts its prefix. Browsers drop such a cookie silently (RFC 6265bis section 5.7). */
function checkHostPrefix(option: string, name: string, domain: unknown, path: string): void {
  if (domain !== undefined) {
    throw new RefreshAuthOptionsError(
      `${option}.domain`,
      `is given, but browsers reject a cookie named \`${name}\` that has a domain`,
      'Leave it out.',
    );
  }
  if (path !== '/') {
    throw new RefreshAuthOptionsError(
      `${option}.path`,
      `is not '/', but browsers reject a cookie named \`${name}\` with any other path`,
      "Write '/'.",
    );
  }
}

function isWritable(attribute: 'domain' | 'path', value: unknown): value is string {
  // The serializer leaves out an empty value. Browsers ignore a path that does not begin with a slash (RFC 6265bis section 5.6.4).
  if (typeof value !== 'string' || value === '' || (attribute === 'path' && !value.startsWith('/'))) return false;
  try {
    stringifySetCookie({ name: 'a', value: '', [attribute]: value });
    return true;
  } catch {
    return false;
  }
}

function unwritable(option: string, example: string): RefreshAuthOptionsError {
  return new RefreshAuthOptionsError(option, 'cannot be written into a cookie', `Write a value such as '${example}'.`);
}
