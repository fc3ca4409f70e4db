const SPACE = 0x20;
const TAB = 0x09;

/** Returns true if a value is a token in the sense of HTTP, such as the name of a header or a cookie (RFC 9110 section 5.6.2). */
export function isHttpToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value);
}

/**
 * Removes the white space around a part of a header: spaces and tabs, and nothing else (RFC 9110 section 5.6.3). `String.trim()` removes
 * U+00A0 too: then a cookie named `\xA0__Host-a`, which any host of the site can set, would be taken for the cookie `__Host-a`.
 */
export function trimWhiteSpace(text: string): string {
  let start = 0;
  let end = text.length;
  // Outside the text there is no character, which ends both loops. A regular expression would take time by the square of the length.
  while (isWhiteSpace(text.charCodeAt(start))) start += 1;
  while (isWhiteSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isWhiteSpace(character: number): boolean {
  return character === SPACE || character === TAB;
}
