import { trimWhiteSpace } from './header-syntax.js';

/**
 * Returns the values of cookies (RFC 6265bis section 4.2.1), neither decoded nor unquoted. An empty one, which a client may keep of a cookie
 * that was removed, is left out.
 *
 * @param header the value of the `Cookie` header
 * @param names compared as they are: the names of cookies have upper and lower case
 * @returns those of the first name first, and of each name in the order in which they came
 */
export function cookieValues(header: string | undefined, names: readonly string[]): string[] {
  const values: string[] = [];
  if (header === undefined) return values;
  // Loops, because this is read for every request, and `flatMap` alone would take as long as all of it.
  for (const name of names) {
    const start = `${name}=`;
    for (const part of header.split(';')) {
      const pair = trimWhiteSpace(part);
      if (pair.startsWith(start) && pair !== start) values.push(pair.slice(start.length));
    }
  }
  return values;
}
