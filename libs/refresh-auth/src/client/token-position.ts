/** Which session a token belongs to, and where it stands in it. */
export interface TokenPosition {
  readonly sid: string;
  readonly gen: number;
}

/**
 * Reads a token without verifying it, which only the server can: good for telling an older token from a newer one, and for nothing else.
 *
 * @returns `undefined` for what is no token of the library
 */
export function positionOf(token: string | undefined): TokenPosition | undefined {
  const payload = token?.split('.')[1];
  if (payload === undefined) return undefined;
  try {
    // Base64url (RFC 4648 section 5) to base64. Bytes that are not ASCII come out wrong, in claims that are not read.
    const { sid, gen } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as Record<string, unknown>;
    return typeof sid === 'string' && typeof gen === 'number' ? { sid, gen } : undefined;
  } catch {
    return undefined;
  }
}
