/** The parts by which a browser tells cookies apart: name, domain and path (RFC 6265bis section 5.7), and the partition. */
export interface CookieIdentity {
  readonly name: string;
  /** None: only the host that set the cookie gets it back. */
  readonly domain?: string;
  readonly path: string;
  readonly partitioned: boolean;
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

/** Returns the prefix of a cookie's name, in lower case: browsers compare it without regard to case. */
export function prefixOf(name: string): string | undefined {
  return /^__(host|secure)-/i.exec(name)?.[0].toLowerCase();
}
