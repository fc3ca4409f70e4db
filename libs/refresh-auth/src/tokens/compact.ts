import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { isObject } from './claims.js';

/** Longest token that is looked at, in bytes. Checked before anything is split or decoded (RFC 8725bis section 3.15). */
export const LONGEST_TOKEN = 8192;
/** JWS compact serialization: three non-empty base64url segments, without padding (RFC 7515 sections 2 and 3.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Extensions that change what is signed or how it is read. We support none (RFC 7515 section 4.1.11, RFC 7797, RFC 7516). */
const UNSUPPORTED = ['crit', 'b64', 'zip'];

/** The header of a JWS, not yet verified. */
export type TokenHeader = Readonly<Record<string, unknown>>;

/** Returns true if a text could be a token: everything about it that needs no decoding and no key. */
export function hasTokenShape(text: string): boolean {
  return text.length <= LONGEST_TOKEN && COMPACT.test(text);
}

/** How many bytes the tokens of a session may grow by: its generation has one digit at first, and twelve at most, in base64url. */
export const ROOM_TO_GROW = 16;

/**
 * Refuses to begin a session whose tokens would be rejected when they come back, be it after many refreshes.
 *
 * @throws RangeError that names the size
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
 * The header of a token as it is written.
 *
 * @throws RefreshAuthError `token_malformed`
 */
export function headerSegment(token: string): string {
  if (token.length > LONGEST_TOKEN) throw malformed(`longer than ${LONGEST_TOKEN} bytes`);
  if (!COMPACT.test(token)) throw malformed('not three base64url segments');
  return token.slice(0, token.indexOf('.'));
}

/**
 * Reads the header of a token, as far as that is possible without a key.
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

/** Whether the payload is a JSON object: asked only of tokens that failed, to tell malformed ones from invalid ones. */
export function hasObjectPayload(token: string): boolean {
  return isObject(readSegment(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.'))));
}

export function malformed(detail: string): RefreshAuthError {
  return new RefreshAuthError('token_malformed', detail);
}

function readSegment(segment: string): unknown {
  try {
    return JSON.parse(Buffer.from(segment, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}
