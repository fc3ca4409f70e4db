import { type NowOrLater, orElse } from '../tokens/now-or-later.js';
import { type HttpRequest, rawRequest } from '../http/http-message.js';
import { notesOn, ownNotes } from './request-notes.js';

/**
 * Does something once for a request and the token that a guard has found in it, however many guards ask: every resolver of a GraphQL
 * query passes one. A failure is as final as a result.
 */
export class OncePerRequest<T> {
  get(request: HttpRequest, token: string, make: () => NowOrLater<T>): NowOrLater<T> {
    const raw = rawRequest(request);
    const done = ownNotes(raw)?.done(this, token);
    if (done) return done.result as NowOrLater<T>;
    const result = orElse(make, fail);
    // Not before it is read: what is added to a request of Express makes all that is read of it afterwards slow once more.
    notesOn(raw).add(this, token, result);
    return result;
  }
}

async function fail(error: unknown): Promise<never> {
  throw error;
}
