import type { SessionStore } from '../store/session-store.js';

/** The methods that ask a store something: all but `onRevocation` and `close`. */
export type StoreQuestion = Exclude<keyof SessionStore, 'onRevocation' | 'close'>;

/** Methods that replace those of the store, and one function around all calls. */
export interface StoreChanges extends Partial<SessionStore> {
  /**
   * Called for each question, also if its method was replaced.
   *
   * @param ask makes the call; it may be called never, once or more often
   * @param method the name of the method
   */
  around?<T>(ask: () => Promise<T>, method: StoreQuestion): Promise<T>;
}

/** The methods of `SessionStore` that a store has. */
export type WrappedStore<S extends SessionStore> = Pick<S, Extract<keyof S, keyof SessionStore>>;

/**
 * Returns a store that does what `store` does, apart from some changes: to count calls, to delay one, or to let the store fail.
 *
 * ```ts
 * const store = wrapStore(real, {
 *   around: (ask) => (isDown ? Promise.reject(new Error('connection lost')) : ask()),
 * });
 * ```
 *
 * `store` stays as it is. The methods of the returned store need no `this`.
 */
export function wrapStore<S extends SessionStore>(store: S, changes: StoreChanges): WrappedStore<S> {
  const wrapped: Partial<Record<keyof SessionStore, Method>> = {};
  for (const [name, isQuestion] of METHODS) {
    const owner = changes[name] ? changes : store;
    const method = owner[name]?.bind(owner) as Method | undefined;
    if (!method) continue;
    wrapped[name] = changes.around && isQuestion ? questionAround(method, name as StoreQuestion, changes) : method;
  }
  return wrapped as WrappedStore<S>;
}

type Method = (...args: unknown[]) => unknown;

function questionAround(method: Method, name: StoreQuestion, changes: StoreChanges): Method {
  return (...args) => changes.around?.(async () => method(...args), name);
}

const IS_QUESTION: Readonly<Record<keyof SessionStore, boolean>> = {
  rotate: true,
  recordUse: true,
  revoke: true,
  isRevoked: true,
  userCutoff: true,
  revokeUser: true,
  revocationsAfter: true,
  restoreRevocations: true,
  onRevocation: false,
  announceKeys: true,
  listedSessions: true,
  replaceDetails: true,
  close: false,
};

const METHODS = Object.entries(IS_QUESTION) as [keyof SessionStore, boolean][];
