import type { IssuedToken } from '../tokens/claims.js';
import type { RawResponse } from './http-message.js';

/**
 * Which generation of a session is the newest that goes out, as long as several responses of it are under way: a slow one must not
 * put an older token in the place of a newer one.
 */
export class NewestUnderway {
  readonly #sessions = new Map<string, { newest: number; readonly responses: Set<RawResponse> }>();

  add(raw: RawResponse, { claims: { sid, gen } }: IssuedToken): void {
    const session = this.#sessions.get(sid) ?? { newest: gen, responses: new Set() };
    this.#sessions.set(sid, session);
    session.newest = Math.max(session.newest, gen);
    if (session.responses.has(raw)) return;
    session.responses.add(raw);
    raw.once('close', () => {
      session.responses.delete(raw);
      if (session.responses.size === 0) this.#sessions.delete(sid);
    });
  }

  isNewest({ claims: { sid, gen } }: IssuedToken): boolean {
    return gen >= (this.#sessions.get(sid)?.newest ?? gen);
  }
}
