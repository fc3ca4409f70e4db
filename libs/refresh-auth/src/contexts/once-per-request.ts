import { type NowOrLater, orElse } from '../tokens/now-or-later.js';
import { type HttpRequest, rawRequest } from '../http/http-message.js';
import { notesOn, ownNotes } from './request-notes.js';

/**
 * Does something once for each request and token, no matter how many guards ask. In a GraphQL query, every resolver runs its guard. A failure
 * is kept like a result.
 */
export class OncePerRequest<T> {
  get(request: HttpRequest, token: string, make: () => NowOrLater<T>): NowOrLater<T> {
    const raw = rawRequest(request);
    const done = ownNotes(raw)?.done(this, token);
    if (done) return done.result as NowOrLater<T>;
    const result = orElse(make, fail);
    // Added only after `make` has read the request: adding a property to an Express request slows down the reads that follow.
    notesOn(raw).add(this, token, result);
    return result;
  }
}

async function fail(error: unknown): Promise<never> {
  throw error;
}
