/** The session of a token and its generation. */
export interface TokenPosition {
  readonly sid: string;
  readonly gen: number;
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
    // From base64url (RFC 4648 section 5) to base64. `atob` garbles characters that are not ASCII, but only in claims that are not read.
    const { sid, gen } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as Record<string, unknown>;
    return typeof sid === 'string' && typeof gen === 'number' ? { sid, gen } : undefined;
  } catch {
    return undefined;
  }
}
