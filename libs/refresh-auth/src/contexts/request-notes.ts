import type { RawResponse } from '../http/http-message.js';
import type { Authentication, Authenticator, LiveTokenState } from '../sessions/authenticator.js';

/** The result that the guard leaves on a request for handlers. */
export interface RequestState {
  state?: LiveTokenState | undefined;
  /** The verified claims, or the result of the application's `toUser`. */
  user?: unknown;
}

type Decision = Authentication | Promise<Authentication>;

/** A decision on a request and one of its tokens. */
interface NotedDecision {
  /** The authenticator of the module that decided. */
  readonly by: Authenticator;
  readonly token: string;
  readonly decision: Decision;
  /** The decision that was noted before this one, by another module or about another token of the same request. */
  readonly before: NotedDecision | undefined;
}

/**
 * Everything that the library keeps on a request, in one property. Express replaces the prototype of its requests, so that each added property
 * costs as much time as the rest of the guard. Maps keyed by request would slow down every garbage collection.
 */
export class RequestNotes implements RequestState {
  state: LiveTokenState | undefined;
  user: unknown;
  /** When the request arrived, in milliseconds on the monotonic clock. */
  arrivedAt: number | undefined;
  /** Private like the response, so that printing a request does not show tokens. */
  #decisions: NotedDecision | undefined;
  #response: RawResponse | undefined;

  get response(): RawResponse | undefined {
    return this.#response;
  }

  /** Notes when the request has arrived, on the monotonic clock, and the response to it. Several modules note the same. */
  arrive(at: number, response: RawResponse): void {
    this.arrivedAt ??= at;
    this.#response = response;
  }

  /**
   * Returns what a module has decided on the request and one of its tokens. It decides once, however many guards ask: every resolver of a
   * GraphQL query passes one. A failure is as final as a result.
   */
  decision(by: Authenticator, token: string): Decision | undefined {
    let noted = this.#decisions;
    while (noted && !(noted.by === by && noted.token === token)) noted = noted.before;
    return noted?.decision;
  }

  /** Returns all that a module has decided on the request, about any token. */
  decisions(by: Authenticator): Promise<Authentication>[] {
    const found: Promise<Authentication>[] = [];
    for (let noted = this.#decisions; noted; noted = noted.before) {
      if (noted.by === by) found.push(Promise.resolve(noted.decision));
    }
    return found;
  }

  addDecision(by: Authenticator, token: string, decision: Decision): void {
    this.#decisions = { by, token, decision, before: this.#decisions };
  }
}

/** A registered symbol, so that two builds of the library in one process share it. */
const NOTES = Symbol.for('nestjs-refresh-auth:request-state');

type Noted = { [NOTES]?: RequestState };

/** Returns the notes on a carrier, such as the Node.js request, and creates them if there are none. */
export function notesOn(carrier: object): RequestNotes {
  const found = readNotes(carrier);
  if (found instanceof RequestNotes) return found;
  const notes = new RequestNotes();
  notes.state = found?.state;
  notes.user = found?.user;
  (carrier as Noted)[NOTES] = notes;
  return notes;
}

/** Returns the notes that this build of the library has left, if any. */
export function ownNotes(carrier: object): RequestNotes | undefined {
  const found = readNotes(carrier);
  return found instanceof RequestNotes ? found : undefined;
}

/** Returns the notes of any build of the library, if any. Creates none. */
export function readNotes(carrier: object): RequestState | undefined {
  return (carrier as Noted)[NOTES];
}

/** Notes the result of the guard on a carrier. */
export function noteState(carrier: object, { state, user }: RequestState): void {
  const notes = notesOn(carrier);
  notes.state = state;
  notes.user = user;
}

/** Removes the result of the guard from a carrier. What else is noted there stays. */
export function eraseState(carrier: object): void {
  const notes = readNotes(carrier);
  if (!notes) return;
  notes.state = undefined;
  notes.user = undefined;
}
