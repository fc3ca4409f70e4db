import { randomBytes } from 'node:crypto';
import type { SessionOfToken } from '../../libs/refresh-auth/src/store/session-store.js';
import type { TokenClaims } from '../../libs/refresh-auth/src/tokens/claims.js';
import { hashed, sessionName, tagOf } from '../../libs/refresh-auth/src/tokens/session-id.js';

/** Returns a session that is not in any store. */
export function newSession(sub = '1'): SessionOfToken {
  return { sid: `${tagOf(sub)}${randomBytes(16).toString('base64url')}`, sub, rev: 0 };
}

/** Returns the part of the claims by which a store is asked. */
export function sessionOf({ sid, sub, rev }: TokenClaims): SessionOfToken {
  return { sid, sub, rev };
}

/** The key in Redis of the record of a session. */
export function recordKey(sid: string, prefix = 'refresh-auth'): string {
  const [tag, hash] = sessionName(sid).split('.');
  return `${prefix}:{${tag}}:session:${hash}`;
}

/** The key in Redis of what belongs to a user. */
export function userKey(sub: string, kind: 'user' | 'sessions' = 'user', prefix = 'refresh-auth'): string {
  return `${prefix}:{${tagOf(sub)}}:${kind}:${hashed(sub)}`;
}
