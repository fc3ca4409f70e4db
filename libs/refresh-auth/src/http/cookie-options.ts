import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { checkObject } from './check-object.js';
import { checkIdentity, type CookieIdentity, isSameIdentity, secureNeededBy } from './cookie-identity.js';

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

/** The option `delivery.cookie` after it was checked and its defaults were filled in. */
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

/**
 * Checks the option and fills in its defaults.
 *
 * @throws RefreshAuthOptionsError
 */
export function resolveCookie(options: unknown): Cookie {
  const names = ['name', 'domain', 'path', 'sameSite', ...FLAGS, 'previous'];
  const given = checkObject(OPTION, options, names) as CookieOptions;
  for (const flag of FLAGS) checkBoolean(`${OPTION}.${flag}`, given[flag]);
  // An attribute that is undefined gets its default: undefined must not switch off Secure or HttpOnly.
  const { domain, path = '/', secure = true, httpOnly = true, sameSite = 'lax', partitioned = false } = given;
  const { name = secure && acceptsHostName(domain, path) ? HOST_NAME : PLAIN_NAME } = given;
  if (!['strict', 'lax', 'none'].includes(sameSite)) {
    throw new RefreshAuthOptionsError(`${OPTION}.sameSite`, 'is not known', "Write 'strict', 'lax' or 'none'.");
  }
  const identity = checkIdentity(OPTION, { name, domain, path, partitioned });
  if (!secure) checkInsecure(identity, sameSite);
  return { ...identity, secure, httpOnly, sameSite, previous: resolvePrevious(given.previous, identity) };
}

/** Returns the names of all cookies that are read, the current one first. Returns none if cookies are switched off. */
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
      'Leave it out, or write the name, domain, path or partitioned of the earlier cookie.',
    );
  }
  return earlier;
}

/** Returns the default names that a cookie may have had. An entry does not say if its cookie was `Secure`, so there may be two. */
function defaultNames(domain: unknown, path: unknown, partitioned: boolean): string[] {
  if (!acceptsHostName(domain, path)) return [PLAIN_NAME];
  return partitioned ? [HOST_NAME] : [HOST_NAME, PLAIN_NAME];
}

/** Returns true if the `__Host-` prefix is allowed, apart from `Secure` (RFC 6265bis section 4.1.3.2). */
function acceptsHostName(domain: unknown, path: unknown): boolean {
  return domain === undefined && path === '/';
}

function checkBoolean(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') {
    throw new RefreshAuthOptionsError(option, 'is not a boolean', 'Write true or false.');
  }
}

/** Rejects a cookie without `Secure` whose other attributes require it. Browsers drop such a cookie silently (RFC 6265bis section 5.7). */
function checkInsecure(identity: CookieIdentity, sameSite: Cookie['sameSite']): void {
  const needing = secureNeededBy(identity) ?? (sameSite === 'none' ? "sameSite 'none'" : undefined);
  if (needing === undefined) return;
  throw new RefreshAuthOptionsError(
    `${OPTION}.secure`,
    `is false, but browsers require it with ${needing}`,
    'Leave it true.',
  );
}
