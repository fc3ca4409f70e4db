/**
 * A storage for the token: `localStorage`, `sessionStorage`, or any object with these methods. Methods may return promises, as those of
 * AsyncStorage in React Native do. The client then reads the token once and keeps it.
 */
export interface TokenStorage {
  getItem(key: string): string | null | PromiseLike<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

/** The part of a `storage` event that the client reads. Browsers emit it when another tab changes a shared storage. */
interface StorageChange {
  /** The changed key; `null` if the storage was cleared. */
  readonly key: string | null;
  readonly storageArea: unknown;
}

/** The part of a browser's window that the client uses. Declared here so that applications can compile without the types of the DOM. */
interface BrowserWindow {
  readonly localStorage: TokenStorage;
  readonly location: { readonly origin: string };
  addEventListener(type: 'storage' | 'pageshow', listener: (change: StorageChange) => void): void;
  removeEventListener(type: 'storage' | 'pageshow', listener: (change: StorageChange) => void): void;
}

/** Returns the window in a browser; `undefined` in Node.js, even if it has a `localStorage`, because one process may serve many users. */
export function browserWindow(): BrowserWindow | undefined {
  const { window, document } = globalThis as { window?: BrowserWindow; document?: unknown };
  return document === undefined ? undefined : window;
}

/** Returns `localStorage`, which all tabs of an origin share. Returns memory outside of browsers, and if the user has blocked storage. */
export function defaultStorage(): TokenStorage {
  try {
    return browserWindow()?.localStorage ?? new MemoryStorage();
  } catch {
    return new MemoryStorage();
  }
}

/**
 * Calls the listener when another tab may have changed an entry of the storage: at once, or when a page returns from the back/forward cache,
 * where it received no events.
 *
 * @returns a function that unsubscribes the listener
 */
export function onOtherTabs(storage: TokenStorage, key: string, listener: () => void): () => void {
  const window = browserWindow();
  const onStorage = (change: StorageChange): void => {
    if (change.storageArea === storage && (change.key === key || change.key === null)) listener();
  };
  window?.addEventListener('storage', onStorage);
  window?.addEventListener('pageshow', listener);
  return () => {
    window?.removeEventListener('storage', onStorage);
    window?.removeEventListener('pageshow', listener);
  };
}

class MemoryStorage implements TokenStorage {
  readonly #values = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#values.set(key, value);
  }

  removeItem(key: string): void {
    this.#values.delete(key);
  }
}
