import type { LiveTokenState } from '../sessions/authenticator.js';
import type { NowOrLater } from '../tokens/now-or-later.js';

/** The result that the guard leaves on a request for handlers. */
export interface RequestState {
  state?: LiveTokenState | undefined;
  /** The verified claims, or the result of the application's `toUser`. */
  user?: unknown;
}

/** The result of something that was done for a request. */
interface Admission {
  /** The object that did it. */
  readonly by: object;
  readonly token: string;
  readonly result: NowOrLater<unknown>;
  /** The result that was added before this one, by another object or for another token of the same request. */
  readonly before: Admission | undefined;
}

/**
 * Everything that the library keeps on a request, in one property. Express replaces the prototype of its requests, so that each added property
 * costs as much time as the rest of the guard. Maps keyed by request would slow down every garbage collection.
 */
export class RequestNotes implements RequestState {
  state: LiveTokenState | undefined;
  user: unknown;
  /** Private, so that printing a request does not show tokens. */
  #admissions: Admission | undefined;

  done(by: object, token: string): Admission | undefined {
    let admission = this.#admissions;
    while (admission && !(admission.by === by && admission.token === token)) admission = admission.before;
    return admission;
  }

  add(by: object, token: string, result: NowOrLater<unknown>): void {
    this.#admissions = { by, token, result, before: this.#admissions };
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

export function eraseNotes(carrier: object): void {
  delete (carrier as Noted)[NOTES];
}
