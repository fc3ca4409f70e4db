import { type HttpRequest, rawRequest } from '../http/http-message.js';
import { notesOn, ownNotes } from './request-notes.js';

/**
 * Remembers what was decided on a request and the token that a guard has found in it, however many guards ask: every resolver of a GraphQL
 * query passes one. A failure is as final as a result.
 */
export class Admissions<T> {
  /** Returns the decision for a request and a token, if there is one already. */
  recall(request: HttpRequest, token: string): T | Promise<T> | undefined {
    return ownNotes(rawRequest(request))?.decision(this, token) as T | Promise<T> | undefined;
  }

  /** Returns everything that was decided on a request, about any token. */
  all(request: HttpRequest): Promise<T>[] {
    const decisions = ownNotes(rawRequest(request))?.decisions(this) ?? [];
    return decisions.map(async (decision) => decision as T | Promise<T>);
  }

  /** Call this after the request was read: a property that is added to a request of Express slows down later reads of it. */
  remember(request: HttpRequest, token: string, decision: T | Promise<T>): void {
    notesOn(rawRequest(request)).addDecision(this, token, decision);
  }
}
