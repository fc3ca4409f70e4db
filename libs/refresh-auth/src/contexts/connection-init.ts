import { bearerToken } from '../http/credentials.js';
import { malformed } from '../tokens/compact.js';

/**
 * Returns the token in the payload of `connection_init`, with which a client of GraphQL opens a socket: `{ authorization: 'Bearer <token>' }`,
 * with the name in any case. Anything else is ignored, like other schemes in the header `Authorization`.
 *
 * @throws RefreshAuthError `token_malformed`
 */
export function initPayloadToken(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const names = Object.keys(payload).filter(isAuthorization);
  const [value, other] = new Set(names.map((name) => (payload as Record<string, unknown>)[name] ?? undefined));
  // Their order must not decide.
  if (other !== undefined) throw malformed('different values of authorization in the payload of connection_init');
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw malformed('authorization in the payload of connection_init is not a string');
  return bearerToken(value);
}

/** Compares the length first, since a payload may have many names. */
function isAuthorization(name: string): boolean {
  return name.length === 'authorization'.length && name.toLowerCase() === 'authorization';
}
