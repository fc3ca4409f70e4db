import type { LiveTokenState } from '../sessions/authenticator.js';

/** What the guard leaves on a request for handlers, once it has let it through. */
export interface RequestState {
  state?: LiveTokenState | undefined;
  /** The verified claims, or what the application's `toUser` made of them. */
  user?: unknown;
}

/** A decision on a request: by which module, about which token, and what it was. */
interface Decision {
  readonly by: object;
  readonly token: string;
  readonly result: unknown;
  /** By others, or about another token of the same request, which another guard has found. */
  readonly before: Decision | undefined;
}

/**
 * All that the library keeps on a request. One property for everything: each one that is added to a request of Express, whose prototype
 * was exchanged, costs as much as the rest of the guard; and maps that are keyed by requests weigh on every garbage collection.
 */
export class RequestNotes implements RequestState {
  state: LiveTokenState | undefined;
  user: unknown;
  /** When the request arrived, in milliseconds on the monotonic clock. */
  arrivedAt: number | undefined;
  /** Private, so that nobody sees it who prints a request: it may end with a token. */
  #decisions: Decision | undefined;

  decision(by: object, token: string): unknown {
    let decision = this.#decisions;
    while (decision && !(decision.by === by && decision.token === token)) decision = decision.before;
    return decision?.result;
  }

  addDecision(by: object, token: string, result: unknown): void {
    this.#decisions = { by, token, result, before: this.#decisions };
  }
}

/** Registered, so that two builds of the library in one process meet. */
const NOTES = Symbol.for('nestjs-refresh-auth:request-state');

type Noted = { [NOTES]?: RequestState };

/** The notes on whatever requests are told apart by: Node's own request, the context of a GraphQL operation, the client of a socket. */
export function notesOn(carrier: object): RequestNotes {
  const found = readNotes(carrier);
  if (found instanceof RequestNotes) return found;
  const notes = new RequestNotes();
  notes.state = found?.state;
  notes.user = found?.user;
  (carrier as Noted)[NOTES] = notes;
  return notes;
}

/** Those of this build of the library, if there are any. */
export function ownNotes(carrier: object): RequestNotes | undefined {
  const found = readNotes(carrier);
  return found instanceof RequestNotes ? found : undefined;
}

/** Writes nothing. */
export function readNotes(carrier: object): RequestState | undefined {
  return (carrier as Noted)[NOTES];
}

export function eraseNotes(carrier: object): void {
  delete (carrier as Noted)[NOTES];
}
