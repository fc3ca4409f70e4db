import type { RawResponse } from '../http/http-message.js';
import type { LiveTokenState } from '../sessions/authenticator.js';

/** The result that the guard leaves on a request for handlers. */
export interface RequestState {
  state?: LiveTokenState | undefined;
  /** The verified claims, or the result of the application's `toUser`. */
  user?: unknown;
}

/** A decision on a request. */
interface Decision {
  /** The object that decided. */
  readonly by: object;
  readonly token: string;
  readonly result: unknown;
  /** The decision that was added before this one, by another object or about another token of the same request. */
  readonly before: Decision | undefined;
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
  #decisions: Decision | undefined;
  #response: RawResponse | undefined;

  get response(): RawResponse | undefined {
    return this.#response;
  }

  /** Notes when the request has arrived, on the monotonic clock, and the response to it. Several modules note the same. */
  arrive(at: number, response: RawResponse): void {
    this.arrivedAt ??= at;
    this.#response = response;
  }

  decision(by: object, token: string): unknown {
    let decision = this.#decisions;
    while (decision && !(decision.by === by && decision.token === token)) decision = decision.before;
    return decision?.result;
  }

  /** All that an object has decided on the request. */
  decisions(by: object): unknown[] {
    const found: unknown[] = [];
    for (let decision = this.#decisions; decision; decision = decision.before) {
      if (decision.by === by) found.push(decision.result);
    }
    return found;
  }

  addDecision(by: object, token: string, result: unknown): void {
    this.#decisions = { by, token, result, before: this.#decisions };
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

/** Removes the result of the guard from a carrier. What else is noted there stays. */
export function eraseState(carrier: object): void {
  const notes = readNotes(carrier);
  if (!notes) return;
  notes.state = undefined;
  notes.user = undefined;
}
