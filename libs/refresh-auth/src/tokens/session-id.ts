import { hash } from 'node:crypto';

/** How many characters a `sid` shares with all others of the same user. */
const TAG_LENGTH = 8;
const SESSION_ID = /^[\w-]{30}$/;

/**
 * Names a session or a user where its id must not be read, as in keys, in the log and in events: SHA-256 in base64url, cut to 22
 * characters (132 bits).
 */
export function hashed(id: string): string {
  return hash('sha256', id, 'base64url').slice(0, 22);
}

/** The first characters of each `sid` of a user. Stores keep what has the same tag in one place. */
export function tagOf(sub: string): string {
  return hashed(sub).slice(0, TAG_LENGTH);
}

/** Returns true for a string of 30 base64url characters: a tag, and 128 random bits. */
export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && SESSION_ID.test(value);
}

/** Names a session in the log and in events: `<tag>.<hash of the sid>`, which is not a `sid` itself. */
export function sessionName(sid: string): string {
  return `${sid.slice(0, TAG_LENGTH)}.${hashed(sid)}`;
}
