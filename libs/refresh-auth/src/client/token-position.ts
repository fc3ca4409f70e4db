/** The session of a token, its generation, and when it was issued and expires, in seconds. */
export interface TokenPosition {
  readonly sid: string;
  readonly gen: number;
  readonly iat: number;
  readonly exp: number;
}

/**
 * Reads the position of a token without verifying it, which only the server can do. Use it only to tell an older token from a newer one.
 *
 * @returns `undefined` if the text is not a token of the library
 */
export function positionOf(token: string | undefined): TokenPosition | undefined {
  const payload = token?.split('.')[1];
  if (payload === undefined) return undefined;
  try {
    const { sid, gen, iat = 0, exp = 0 } = JSON.parse(bytesOf(payload)) as Record<string, unknown>;
    const areNumbers = [gen, iat, exp].every((value) => typeof value === 'number');
    return typeof sid === 'string' && areNumbers ? ({ sid, gen, iat, exp } as TokenPosition) : undefined;
  } catch {
    return undefined;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * Decodes base64url (RFC 4648 section 5), one character a byte. That garbles characters that are not ASCII, but only in claims that are not
 * read. `atob` is missing in some versions of React Native.
 */
function bytesOf(text: string): string {
  let bytes = '';
  let bits = 0;
  let count = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) throw new SyntaxError('not base64url');
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += String.fromCharCode((bits >> count) & 0xff);
    }
  }
  return bytes;
}
