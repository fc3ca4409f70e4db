import { trimWhiteSpace } from './header-syntax.js';

/**
 * Returns the values of cookies (RFC 6265bis section 4.2.1). Values are neither decoded nor unquoted. Empty values are left out: some clients
 * keep an empty cookie after its removal.
 *
 * @param header the value of the `Cookie` header
 * @param names case-sensitive
 * @returns the values of the first name first; the values of one name in the order of the header
 */
export function cookieValues(header: string | undefined, names: readonly string[]): string[] {
  const values: string[] = [];
  if (header === undefined) return values;
  // This runs for every request, and `flatMap` alone would double its time.
  for (const name of names) {
    const start = `${name}=`;
    for (const part of header.split(';')) {
      const pair = trimWhiteSpace(part);
      if (pair.startsWith(start) && pair !== start) values.push(pair.slice(start.length));
    }
  }
  return values;
}
