import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { isObject } from './claims.js';

/** The longest token that is accepted, in bytes. Checked before anything is split or decoded (RFC 8725bis section 3.15). */
export const LONGEST_TOKEN = 8192;
/** The JWS compact serialization: three non-empty base64url segments without padding (RFC 7515 sections 2 and 3.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Headers of extensions that change what is signed or how it is read. None is supported (RFC 7515 section 4.1.11, RFC 7797, RFC 7516). */
const UNSUPPORTED = ['crit', 'b64', 'zip'];

/** The header of a JWS, not yet verified. */
export type TokenHeader = Readonly<Record<string, unknown>>;

/** Returns true if a text has the length and the form of a token. Decodes nothing and needs no key. */
export function hasTokenShape(text: string): boolean {
  return text.length <= LONGEST_TOKEN && COMPACT.test(text);
}

/** The number of bytes by which the tokens of a session may grow: its generation grows from one digit to twelve, in base64url. */
export const ROOM_TO_GROW = 16;

/**
 * Checks that the tokens of a new session will be accepted, even after many refreshes.
 *
 * @throws RangeError that gives the size, if the first token is too long
 */
export function checkLength({ length }: string): void {
  const most = LONGEST_TOKEN - ROOM_TO_GROW;
  if (length > most) {
    throw new RangeError(
      `The token has ${length} bytes, more than the limit of ${most}. Tokens of more than ${LONGEST_TOKEN} bytes are rejected, and tokens grow by a few bytes when they are refreshed. Sign fewer claims`,
    );
  }
}

/**
 * Returns the header of a token, still encoded.
 *
 * @throws RefreshAuthError `token_malformed`
 */
export function headerSegment(token: string): string {
  if (token.length > LONGEST_TOKEN) throw malformed(`longer than ${LONGEST_TOKEN} bytes`);
  if (!COMPACT.test(token)) throw malformed('not three base64url segments');
  return token.slice(0, token.indexOf('.'));
}

/**
 * Decodes the header of a token. Does not verify it.
 *
 * @throws RefreshAuthError `token_malformed`
 */
export function readHeader(token: string): TokenHeader {
  const header = readSegment(headerSegment(token));
  if (!isObject(header)) throw malformed('the header is not a JSON object');
  const unsupported = UNSUPPORTED.find((name) => Object.hasOwn(header, name));
  if (unsupported !== undefined) throw malformed(`the header has ${unsupported}`);
  return header;
}

/** Returns true if the payload is a JSON object. Used only for tokens that failed, to tell malformed ones from invalid ones. */
export function hasObjectPayload(token: string): boolean {
  return isObject(readSegment(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.'))));
}

export function malformed(detail: string): RefreshAuthError {
  return new RefreshAuthError('token_malformed', detail);
}

/** Decodes a segment of a token, not verified. Returns `undefined` if it is not JSON. */
export function readSegment(segment: string): unknown {
  try {
    return JSON.parse(Buffer.from(segment, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}
