import { positionOf } from './token-position.js';
import type { TokenStorage } from './token-storage.js';

/** The token of a client. It is in the storage as far as the storage works, and in memory otherwise. */
export class HeldToken {
  /** Resolves once an asynchronous storage has been read; `undefined` for other storages. */
  readonly ready: Promise<void> | undefined;
  readonly #storage: TokenStorage;
  readonly #key: string;
  #memory: string | undefined;
  /** The entry of a storage that did not take the token. Memory counts until another tab changes this entry. */
  #notUpdated: { readonly entry: string | null } | undefined;
  /** The last write to an asynchronous storage. */
  #writing: Promise<unknown> = Promise.resolve();
  #isChanged = false;
  #sid: string | undefined;
  /** The sessions that this client held and that were signed out or replaced since. */
  readonly #left = new Set<string>();

  constructor(storage: TokenStorage, key: string) {
    this.#storage = storage;
    this.#key = key;
    const entry = this.#read();
    if (isPromise(entry)) this.ready = this.#load(entry);
  }

  /** Returns the token. A storage is read each time, because another tab may have changed it; an asynchronous one only once. */
  get(): string | undefined {
    const entry = this.ready ? undefined : (this.#read() as string | null | undefined);
    if (entry !== undefined && !(this.#notUpdated && this.#notUpdated.entry === entry)) {
      this.#notUpdated = undefined;
      this.#memory = tokenIn(entry);
    }
    this.#noteSession();
    return this.#memory;
  }

  /** Stores a token, or removes the one that is held. */
  set(token: string | undefined): void {
    const previous = this.get();
    this.#memory = token;
    this.#isChanged = true;
    this.#noteSession();
    if (this.ready) {
      this.#writing = this.#writing.then(() => this.#write(token)).catch(() => undefined);
      return;
    }
    this.#tryToWrite(token);
    let entry = this.#read() as string | null | undefined;
    // A full storage must not give back the token of a session that was left, to this page after a reload or to other tabs.
    if (token !== undefined && entry !== token && positionOf(previous)?.sid !== this.#sid) {
      this.#tryToWrite(undefined);
      entry = this.#read() as string | null | undefined;
    }
    this.#notUpdated = entry === undefined || entry === (token ?? null) ? undefined : { entry };
  }

  /**
   * Stores a received token, unless it is outdated: responses arrive in any order, and a cache may answer with the token of an earlier session.
   *
   * @param mayBeCached true for an answer to GET or HEAD, which no sign-in is expected to use
   * @returns true if the token is now held
   */
  receive(received: string, mayBeCached: boolean): boolean {
    const next = positionOf(received);
    if (!next) return false;
    const held = positionOf(this.get());
    const isOutdated =
      held?.sid === next.sid
        ? held.gen >= next.gen
        : this.#left.has(next.sid) || (mayBeCached && held !== undefined && held.iat >= next.iat);
    if (!isOutdated) this.set(received);
    return !isOutdated;
  }

  async #load(entry: PromiseLike<string | null>): Promise<void> {
    try {
      const stored = await entry;
      if (!this.#isChanged) this.#memory = tokenIn(stored);
      else this.#leave(positionOf(tokenIn(stored))?.sid);
    } catch {
      // A storage that cannot be read holds no token.
    }
  }

  /** @returns `undefined` if the storage throws */
  #read(): string | null | PromiseLike<string | null> | undefined {
    try {
      return this.#storage.getItem(this.#key) ?? null;
    } catch {
      return undefined;
    }
  }

  #write(token: string | undefined): unknown {
    return token === undefined ? this.#storage.removeItem(this.#key) : this.#storage.setItem(this.#key, token);
  }

  #tryToWrite(token: string | undefined): void {
    try {
      // The write may be asynchronous although the reads are not.
      void Promise.resolve(this.#write(token)).catch(() => undefined);
    } catch {
      // Full or blocked. The token is in memory.
    }
  }

  #noteSession(): void {
    const sid = positionOf(this.#memory)?.sid;
    if (sid === this.#sid) return;
    this.#leave(this.#sid);
    this.#sid = sid;
  }

  #leave(sid: string | undefined): void {
    if (sid !== undefined) this.#left.add(sid);
  }
}

/** Returns an entry if it has the form of a JWT. Other texts are ignored: a header could not even carry some of them. */
function tokenIn(entry: string | null): string | undefined {
  return entry !== null && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(entry) ? entry : undefined;
}

function isPromise(value: unknown): value is PromiseLike<string | null> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
