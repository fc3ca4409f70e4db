import { stringifySetCookie } from 'cookie';
import type { Cookie } from '../http/cookie.js';
import { type CookieIdentity, isSameIdentity, prefixOf, secureNeededBy } from '../http/cookie-identity.js';
import { isHttpToken } from '../http/header-syntax.js';
import type { OptionReader } from './option-reader.js';

/** Attributes of the cookie (RFC 6265bis section 4.1). Its lifetime follows from the token. */
export interface CookieOptions {
  /** @default '__Host-authorization' where browsers accept that: `secure`, `path: '/'` and no `domain`; else 'authorization' */
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
  /**
   * The cookies of earlier deployments, so that a new name, domain, path or partition logs nobody out. They are read after the current
   * cookie, and every response that sets or removes that one removes them. Remove an entry one `refreshWindow` after the change.
   * @default none
   */
  previous?: readonly PreviousCookie[] | undefined;
}

/** The identity of a cookie of an earlier deployment. Its defaults are those of {@link CookieOptions}, not the attributes of the current cookie. */
export interface PreviousCookie {
  /** @default the default name for exactly these attributes; both of them where only `secure` decides */
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

/** @throws RefreshAuthOptionsError */
export function readCookie(option: OptionReader): Cookie {
  // An attribute that is undefined is not given: it must not switch Secure or HttpOnly off.
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
    'Leave it out, or write the name, domain, path or partitioned that the earlier cookie had.',
  );
}

/** An entry does not say if its cookie was `Secure`; where that decides the name, it may have been either. */
function defaultNames(given: IdentityOptions): string[] {
  if (!acceptsHostName(given)) return [PLAIN_NAME];
  return given.name.isGiven || given.partitioned.value === true ? [HOST_NAME] : [HOST_NAME, PLAIN_NAME];
}

/** RFC 6265bis section 4.1.3.2, apart from `Secure`. */
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
  // RFC 6265bis section 4.1.1 allows any token as a name; names with "=" or ";" would make another cookie of it.
  if (isHttpToken(option.value)) return option.value;
  return option.fail('is not the name of a cookie', "Write a name such as 'authorization'.");
}

function readAttribute(option: OptionReader, attribute: 'domain' | 'path', example: string): string {
  if (isWritable(attribute, option.value)) return option.value;
  return option.fail('cannot be written into a cookie', `Write a value such as '${example}'.`);
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

/** Browsers drop a cookie that contradicts its prefix without a word (RFC 6265bis section 5.7): found at boot instead. */
function checkHostPrefix(name: string, { domain, path }: IdentityOptions): void {
  const why = `which browsers refuse with name \`${name}\``;
  if (domain.isGiven) domain.fail(`is given, ${why}`, 'Leave it out.');
  if (path.or('/').value !== '/') path.fail(`is not '/', ${why}`, "Write '/'.");
}

/** Browsers drop a cookie that contradicts itself, too. */
function checkInsecure(option: OptionReader, identity: CookieIdentity, sameSite: Cookie['sameSite']): void {
  const needing = secureNeededBy(identity) ?? (sameSite === 'none' ? "sameSite 'none'" : undefined);
  if (needing !== undefined) option.fail(`is false, which browsers refuse with ${needing}`, 'Leave it true.');
}
