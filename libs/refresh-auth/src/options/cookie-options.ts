import { stringifySetCookie } from 'cookie';
import type { Cookie } from '../http/cookie.js';
import { type CookieIdentity, isSameIdentity, prefixOf, secureNeededBy } from '../http/cookie-identity.js';
import { isHttpToken } from '../http/header-syntax.js';
import type { OptionReader } from './option-reader.js';

/** Attributes of the cookie (RFC 6265bis section 4.1). The token determines its lifetime. */
export interface CookieOptions {
  /** @default '__Host-authorization' with `secure`, `path: '/'` and no `domain`, as browsers require for this name; otherwise 'authorization' */
  name?: string | undefined;
  /** @default none: browsers send the cookie only to the host that set it */
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
  /**
   * The cookies of earlier deployments. List the old cookie here when you change the name, domain, path or partition, so that nobody is
   * logged out. Previous cookies are read after the current one. Every response that sets or removes the current cookie also removes them.
   * Delete the entry one `refreshWindow` after the change.
   *
   * @default none
   */
  previous?: readonly PreviousCookie[] | undefined;
}

/** Identifies a cookie of an earlier deployment. The defaults are those of {@link CookieOptions}, not the attributes of the current cookie. */
export interface PreviousCookie {
  /** @default the default name for these attributes; both default names if that depends on `secure` */
  name?: string | undefined;
  /** @default none */
  domain?: string | undefined;
  /** @default '/' */
  path?: string | undefined;
  /** @default false */
  partitioned?: boolean | undefined;
}

const HOST_NAME = '__Host-authorization';
const PLAIN_NAME = 'authorization';
const IDENTITY = ['name', 'domain', 'path', 'partitioned'] as const;
type IdentityOptions = Readonly<Record<(typeof IDENTITY)[number], OptionReader>>;

/**
 * Checks the option and fills in its defaults.
 *
 * @throws RefreshAuthOptionsError
 */
export function readCookie(option: OptionReader): Cookie {
  // An attribute that is undefined gets its default: undefined must not switch off Secure or HttpOnly.
  const given = option.object([...IDENTITY, 'secure', 'httpOnly', 'sameSite', 'previous']);
  const secure = given.secure.or(true).boolean();
  const sameSite = given.sameSite.or('lax').choice(['strict', 'lax', 'none']);
  const identity = readIdentity(given, secure && acceptsHostName(given) ? HOST_NAME : PLAIN_NAME);
  if (!secure) checkInsecure(given.secure, identity, sameSite);
  const previous = given.previous
    .or([])
    .list("Write a list of earlier cookies, such as [{ name: 'authorization' }].")
    .flatMap((entry) => readPrevious(entry, identity));
  return {
    ...identity,
    secure,
    httpOnly: given.httpOnly.or(true).boolean(),
    sameSite,
    previous: previous.filter((each, index) => previous.findIndex((other) => isSameIdentity(each, other)) === index),
  };
}

function readPrevious(option: OptionReader, current: CookieIdentity): CookieIdentity[] {
  const given = option.object(IDENTITY);
  const earlier = defaultNames(given)
    .map((name) => readIdentity(given, name))
    .filter((identity) => !isSameIdentity(identity, current));
  if (earlier.length > 0) return earlier;
  return option.fail(
    'is the current cookie',
    'Leave it out, or write the name, domain, path or partitioned of the earlier cookie.',
  );
}

/** Returns the default names of an earlier cookie: both where `Secure` decides, because an entry does not say if its cookie had that. */
function defaultNames(given: IdentityOptions): string[] {
  if (!acceptsHostName(given)) return [PLAIN_NAME];
  return given.name.isGiven || given.partitioned.value === true ? [HOST_NAME] : [HOST_NAME, PLAIN_NAME];
}

/** Returns true if the `__Host-` prefix is allowed, apart from `Secure` (RFC 6265bis section 4.1.3.2). */
function acceptsHostName({ domain, path }: IdentityOptions): boolean {
  return !domain.isGiven && path.or('/').value === '/';
}

function readIdentity(given: IdentityOptions, defaultName: string): CookieIdentity {
  const name = readName(given.name.or(defaultName));
  const domain = given.domain.isGiven ? readAttribute(given.domain, 'domain', 'example.com') : undefined;
  const path = readAttribute(given.path.or('/'), 'path', '/');
  if (prefixOf(name) === '__host-') checkHostPrefix(name, given);
  const partitioned = given.partitioned.or(false).boolean();
  return { name, ...(domain === undefined ? {} : { domain }), path, partitioned };
}

function readName(option: OptionReader): string {
  // RFC 6265bis section 4.1.1 allows any token as a name. A name with "=" or ";" would result in another cookie.
  if (isHttpToken(option.value)) return option.value;
  return option.fail('is not the name of a cookie', "Write a name such as 'authorization'.");
}

function readAttribute(option: OptionReader, attribute: 'domain' | 'path', example: string): string {
  if (isWritable(attribute, option.value)) return option.value;
  return option.fail('cannot be written into a cookie', `Write a value such as '${example}'.`);
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

/** Rejects a cookie that contradicts its prefix. Browsers drop such a cookie silently (RFC 6265bis section 5.7). */
function checkHostPrefix(name: string, { domain, path }: IdentityOptions): void {
  const why = `but browsers reject a cookie named \`${name}\``;
  if (domain.isGiven) domain.fail(`is given, ${why} that has a domain`, 'Leave it out.');
  if (path.or('/').value !== '/') path.fail(`is not '/', ${why} with any other path`, "Write '/'.");
}

/** Rejects a cookie without `Secure` whose other attributes require it. Browsers drop such a cookie silently (RFC 6265bis section 5.7). */
function checkInsecure(option: OptionReader, identity: CookieIdentity, sameSite: Cookie['sameSite']): void {
  const needing = secureNeededBy(identity) ?? (sameSite === 'none' ? "sameSite 'none'" : undefined);
  if (needing !== undefined) option.fail(`is false, but browsers require it with ${needing}`, 'Leave it true.');
}
