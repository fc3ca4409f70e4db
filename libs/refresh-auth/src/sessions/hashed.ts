import { hash } from 'node:crypto';

/** How a session or a subject is named outside its tokens, in keys, the log and events: SHA-256 of its `sid` or `sub`, base64url. */
export function hashed(id: string): string {
  return hash('sha256', id, 'base64url');
}
