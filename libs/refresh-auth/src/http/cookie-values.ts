import { trimWhiteSpace } from './header-syntax.js';

/**
 * Returns the values of a cookie in the order in which they came (RFC 6265bis section 4.2.1), neither decoded nor unquoted. An empty one,
 * which a client may keep of a cookie that was removed, is left out.
 *
 * @param header the value of the `Cookie` header
 * @param name compared as it is: the names of cookies have upper and lower case
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined) return [];
  const start = `${name}=`;
  return header
    .split(';')
    .map(trimWhiteSpace)
    .filter((pair) => pair.startsWith(start) && pair !== start)
    .map((pair) => pair.slice(start.length));
}
