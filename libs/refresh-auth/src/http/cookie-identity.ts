import { stringifySetCookie } from 'cookie';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { isHttpToken } from './header-syntax.js';

/** The parts by which a browser tells cookies apart: name, domain and path (RFC 6265bis section 5.7), and the partition. */
export interface CookieIdentity {
  readonly name: string;
  /** None: only the host that set the cookie gets it back. */
  readonly domain?: string;
  readonly path: string;
  readonly partitioned: boolean;
}

/**
 * Checks the attributes of a cookie that make its identity.
 *
 * @param option the path of the option that has them
 * @throws RefreshAuthOptionsError if they cannot be written, or if no browser keeps such a cookie
 */
export function checkIdentity(
  option: string,
  { name, domain, path, partitioned }: { name: unknown; domain: unknown; path: unknown; partitioned: boolean },
): CookieIdentity {
  // RFC 6265bis section 4.1.1 allows any token as a name; names with "=" or ";" would make another cookie of it.
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

/** Returns true if browsers take both for one cookie: they drop a dot in front of a domain, and its case (RFC 6265bis section 5.6.3). */
export function isSameIdentity(one: CookieIdentity, other: CookieIdentity): boolean {
  return (
    one.name === other.name &&
    one.path === other.path &&
    one.partitioned === other.partitioned &&
    canonicalDomain(one) === canonicalDomain(other)
  );
}

/** Returns the attribute for which browsers refuse the cookie without `Secure`, if it has one (RFC 6265bis section 4.1.3; CHIPS). */
export function secureNeededBy({ name, partitioned }: CookieIdentity): string | undefined {
  if (prefixOf(name) !== undefined) return `name \`${name}\``;
  return partitioned ? 'partitioned' : undefined;
}

function canonicalDomain({ domain }: CookieIdentity): string | undefined {
  return domain?.replace(/^\./, '').toLowerCase();
}

/** Browsers compare the prefix without regard to case. */
function prefixOf(name: string): string | undefined {
  return /^__(host|secure)-/i.exec(name)?.[0].toLowerCase();
}

/** Browsers drop a cookie that contradicts its prefix without a word (RFC 6265bis section 5.7): found at boot instead. */
function checkHostPrefix(option: string, name: string, domain: unknown, path: string): void {
  if (domain !== undefined) {
    throw new RefreshAuthOptionsError(
      `${option}.domain`,
      `is given, which browsers refuse with name \`${name}\``,
      'Leave it out.',
    );
  }
  if (path !== '/') {
    throw new RefreshAuthOptionsError(
      `${option}.path`,
      `is not '/', which browsers refuse with name \`${name}\``,
      "Write '/'.",
    );
  }
}

function isWritable(attribute: 'domain' | 'path', value: unknown): value is string {
  // The serializer leaves out an empty one, and browsers ignore a path without a slash in front (RFC 6265bis section 5.6.4).
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
