const SPACE = 0x20;
const TAB = 0x09;

/** Returns true if a value is a token as HTTP defines it, such as the name of a header or a cookie (RFC 9110 section 5.6.2). */
export function isHttpToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value);
}

/**
 * Removes spaces and tabs around a part of a header (RFC 9110 section 5.6.3). `String.trim()` also removes U+00A0, and would turn a cookie
 * named `\xA0__Host-a`, which any host of the site can set, into the cookie `__Host-a`.
 */
export function trimWhiteSpace(text: string): string {
  let start = 0;
  let end = text.length;
  // charCodeAt returns NaN outside the text, which ends both loops. A regular expression would take quadratic time.
  while (isWhiteSpace(text.charCodeAt(start))) start += 1;
  while (isWhiteSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isWhiteSpace(character: number): boolean {
  return character === SPACE || character === TAB;
}
