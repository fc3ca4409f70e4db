/** Where the token is kept: `localStorage`, `sessionStorage`, or anything else that has these of their methods. */
export interface TokenStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A `storage` event, as far as it is looked at: what another tab did to a storage that it shares with this one. */
interface StorageChange {
  /** `null`: everything was removed. */
  readonly key: string | null;
  readonly storageArea: unknown;
}

/** What is used of a browser's window; the types of the DOM are not asked of those who compile for Node.js. */
interface BrowserWindow {
  readonly localStorage: TokenStorage;
  readonly location: { readonly origin: string };
  addEventListener(type: 'storage', listener: (change: StorageChange) => void): void;
  removeEventListener(type: 'storage', listener: (change: StorageChange) => void): void;
}

/** The window, in a browser. Not where Node.js has a `localStorage`: one process there may serve many users. */
export function browserWindow(): BrowserWindow | undefined {
  const { window, document } = globalThis as { window?: BrowserWindow; document?: unknown };
  return document === undefined ? undefined : window;
}

/** `localStorage`, which all tabs of an origin share; memory outside of browsers, and where the user has switched storage off. */
export function defaultStorage(): TokenStorage {
  try {
    return browserWindow()?.localStorage ?? new MemoryStorage();
  } catch {
    return new MemoryStorage();
  }
}

/**
 * Tells of what other tabs do to an entry.
 *
 * @returns how to stop
 */
export function onOtherTabs(storage: TokenStorage, key: string, listener: () => void): () => void {
  const window = browserWindow();
  const heard = (change: StorageChange): void => {
    if (change.storageArea === storage && (change.key === key || change.key === null)) listener();
  };
  window?.addEventListener('storage', heard);
  return () => window?.removeEventListener('storage', heard);
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
