import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { checkObject } from './check-object.js';
import { checkIdentity, type CookieIdentity, isSameIdentity, secureNeededBy } from './cookie-identity.js';

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

/** The option, complete and checked. */
export interface Cookie extends CookieIdentity {
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'strict' | 'lax' | 'none';
  readonly previous: readonly CookieIdentity[];
}

const OPTION = 'delivery.cookie';
const HOST_NAME = '__Host-authorization';
const PLAIN_NAME = 'authorization';
const FLAGS = ['secure', 'httpOnly', 'partitioned'] as const;

/** @throws RefreshAuthOptionsError */
export function resolveCookie(options: unknown): Cookie {
  const names = ['name', 'domain', 'path', 'sameSite', ...FLAGS, 'previous'];
  const given = checkObject(OPTION, options, names) as CookieOptions;
  for (const flag of FLAGS) checkBoolean(`${OPTION}.${flag}`, given[flag]);
  // An attribute that is undefined is not given: it must not switch Secure or HttpOnly off.
  const { domain, path = '/', secure = true, httpOnly = true, sameSite = 'lax', partitioned = false } = given;
  const { name = secure && acceptsHostName(domain, path) ? HOST_NAME : PLAIN_NAME } = given;
  if (!['strict', 'lax', 'none'].includes(sameSite)) {
    throw new RefreshAuthOptionsError(`${OPTION}.sameSite`, 'is not known', "Write 'strict', 'lax' or 'none'.");
  }
  const identity = checkIdentity(OPTION, { name, domain, path, partitioned });
  if (!secure) checkInsecure(identity, sameSite);
  return { ...identity, secure, httpOnly, sameSite, previous: resolvePrevious(given.previous, identity) };
}

/** Returns the names of all cookies that are read, the current one first. None if cookies are switched off. */
export function cookieNames(cookie: Cookie | undefined): string[] {
  return cookie ? [...new Set([cookie, ...cookie.previous].map(({ name }) => name))] : [];
}

function resolvePrevious(given: unknown, current: CookieIdentity): CookieIdentity[] {
  const option = `${OPTION}.previous`;
  if (given === undefined) return [];
  if (!Array.isArray(given)) {
    throw new RefreshAuthOptionsError(
      option,
      'is not a list',
      "Write a list of earlier cookies, such as [{ name: 'authorization' }].",
    );
  }
  const identities = given.flatMap((entry, index) => resolveEntry(`${option}[${index}]`, entry, current));
  return identities.filter(
    (identity, index) => identities.findIndex((other) => isSameIdentity(identity, other)) === index,
  );
}

function resolveEntry(option: string, entry: unknown, current: CookieIdentity): CookieIdentity[] {
  const given = checkObject(option, entry, ['name', 'domain', 'path', 'partitioned']) as PreviousCookie;
  checkBoolean(`${option}.partitioned`, given.partitioned);
  const { domain, path = '/', partitioned = false } = given;
  const names = given.name === undefined ? defaultNames(domain, path, partitioned) : [given.name];
  const earlier = names
    .map((name) => checkIdentity(option, { name, domain, path, partitioned }))
    .filter((identity) => !isSameIdentity(identity, current));
  if (earlier.length === 0) {
    throw new RefreshAuthOptionsError(
      option,
      'is the current cookie',
      'Leave it out, or write the name, domain, path or partitioned that the earlier cookie had.',
    );
  }
  return earlier;
}

/** An entry does not say whether its cookie was `Secure`; where that decides the name, it may have been either. */
function defaultNames(domain: unknown, path: unknown, partitioned: boolean): string[] {
  if (!acceptsHostName(domain, path)) return [PLAIN_NAME];
  return partitioned ? [HOST_NAME] : [HOST_NAME, PLAIN_NAME];
}

/** RFC 6265bis section 4.1.3.2, apart from `Secure`. */
function acceptsHostName(domain: unknown, path: unknown): boolean {
  return domain === undefined && path === '/';
}

function checkBoolean(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') {
    throw new RefreshAuthOptionsError(option, 'is not a boolean', 'Write true or false.');
  }
}

/** Browsers drop a cookie that contradicts itself without a word (RFC 6265bis section 5.7): found at boot instead. */
function checkInsecure(identity: CookieIdentity, sameSite: Cookie['sameSite']): void {
  const needing = secureNeededBy(identity) ?? (sameSite === 'none' ? "sameSite 'none'" : undefined);
  if (needing === undefined) return;
  throw new RefreshAuthOptionsError(
    `${OPTION}.secure`,
    `is false, which browsers refuse with ${needing}`,
    'Leave it true.',
  );
}
