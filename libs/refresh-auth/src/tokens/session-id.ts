import { hash } from 'node:crypto';

/** The number of characters that all `sid`s of a user have in common. */
const TAG_LENGTH = 8;
const SESSION_ID = /^[\w-]{30}$/;

/**
 * Returns the name of a session or a user in places that must not reveal its id, such as keys, the revocation log and events: its SHA-256 in
 * base64url, cut to 22 characters (132 bits).
 */
export function hashed(id: string): string {
  return hash('sha256', id, 'base64url').slice(0, 22);
}

/** Returns the first characters of every `sid` of a user. Stores keep all records with the same tag in one place. */
export function tagOf(sub: string): string {
  return tagIn(hashed(sub));
}

/** Returns the tag with which a `sid`, the name of a session or the hash of a user begins. All of one user begin with the same. */
export function tagIn(name: string): string {
  return name.slice(0, TAG_LENGTH);
}

/** Returns true for a string of 30 base64url characters: a tag, and 128 random bits. */
export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && SESSION_ID.test(value);
}

/** Returns the name of a session in the revocation log and in events: `<tag>.<hash of the sid>`, which cannot be mistaken for a `sid`. */
export function sessionName(sid: string): string {
  return `${tagIn(sid)}.${hashed(sid)}`;
}
