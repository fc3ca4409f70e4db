/** The parts by which a browser tells cookies apart: name, domain and path (RFC 6265bis section 5.7), and the partition. */
export interface CookieIdentity {
  readonly name: string;
  /** Without a domain, browsers send the cookie only to the host that set it. */
  readonly domain?: string;
  readonly path: string;
  readonly partitioned: boolean;
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

/** Returns the prefix of a cookie's name in lower case. Browsers ignore its case. */
export function prefixOf(name: string): string | undefined {
  return /^__(host|secure)-/i.exec(name)?.[0].toLowerCase();
}
