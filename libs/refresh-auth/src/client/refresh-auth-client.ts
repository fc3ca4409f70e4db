import { positionOf } from './token-position.js';
import { browserWindow, defaultStorage, onOtherTabs, type TokenStorage } from './token-storage.js';

export interface RefreshAuthClientOptions {
  /** Who gets the token, such as `['https://api.example.com']`: no other origin ever does. @default in a browser, the page's own */
  origins?: readonly string[] | undefined;
  /** Where the token is kept. @default `localStorage` in a browser, which its tabs share; otherwise memory */
  storage?: TokenStorage | undefined;
  /** The name under which it is kept. @default 'refresh-auth' */
  key?: string | undefined;
  /** What requests are sent with. @default the global `fetch` */
  fetch?: typeof globalThis.fetch | undefined;
}

/** What a client tells its listeners. */
export type RefreshAuthClientEvent =
  /** Another token is held, or none any more; `elsewhere`: it was another tab that changed it. */
  | { readonly type: 'token'; readonly token: string | undefined; readonly elsewhere: boolean }
  /** The server answered 401 to the token that is held, or to a request without one. The response is the listener's own copy. */
  | { readonly type: 'unauthorized'; readonly response: Response };

type Listener = (event: RefreshAuthClientEvent) => void;

/**
 * `fetch` for clients that keep the token themselves: sends it, and takes up the next one from whichever answer carries it.
 *
 * ```ts
 * const auth = new RefreshAuthClient({ origins: ['https://api.example.com'] });
 * await auth.fetch('https://api.example.com/profile');
 * ```
 */
export class RefreshAuthClient {
  readonly #origins: ReadonlySet<string>;
  readonly #storage: TokenStorage;
  readonly #key: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly #listeners = new Set<Listener>();

  /** @throws TypeError when `origins` are not origins, or are missing where there is no page to take them from */
  constructor({ origins, storage, key = 'refresh-auth', fetch = globalThis.fetch }: RefreshAuthClientOptions = {}) {
    this.#origins = new Set(origins ?? ownOrigin());
    for (const origin of this.#origins) checkOrigin(origin);
    this.#storage = storage ?? defaultStorage();
    this.#key = key;
    // Browsers refuse to call theirs as a method of anything else.
    this.#fetch = (...request) => fetch(...request);
  }

  /** The token that is held. Read from the storage each time, since another tab may have changed it. */
  get token(): string | undefined {
    return this.#storage.getItem(this.#key) ?? undefined;
  }

  /**
   * As the global `fetch`: fulfilled with every answer, rejected when there is none. What is for another origin, or has an
   * `Authorization` header already, passes as it is. Nothing is sent twice, and a 503 changes nothing: the caller may come again.
   */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (!this.#isOurs(request.url) || request.headers.has('Authorization')) return this.#fetch(request);

    const sent = this.token;
    if (sent !== undefined) request.headers.set('Authorization', `Bearer ${sent}`);
    const response = await this.#fetch(request);
    // A redirect may have led elsewhere, and whoever answers there hands out no tokens of ours.
    if (response.redirected && !this.#isOurs(response.url)) return response;

    this.#takeUp(/^Bearer (\S+)$/i.exec(response.headers.get('Authorization') ?? '')?.[1], sent);
    if (response.status === 401 && this.token === sent) {
      this.#tell(() => ({ type: 'unauthorized', response: response.clone() }));
    }
    return response;
  };

  /**
   * Asks the server to end the session, by POST unless `init` says otherwise, and lets go of the token once it has: not after a 503, since
   * the session goes on then.
   */
  async signOut(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const sent = this.token;
    const response = await this.fetch(input, { method: 'POST', ...init });
    const isOver = response.ok || response.status === 401;
    if (isOver && positionOf(this.token)?.sid === positionOf(sent)?.sid) this.clear();
    return response;
  }

  /** Lets go of the token, here and in the tabs that share the storage. The session goes on: {@link signOut} ends it. */
  clear(): void {
    if (this.token === undefined) return;
    this.#storage.removeItem(this.#key);
    this.#tell(() => ({ type: 'token', token: undefined, elsewhere: false }));
  }

  /**
   * Calls the listener soon after each event.
   *
   * @returns how to stop
   */
  subscribe(listener: (event: RefreshAuthClientEvent) => void): () => void {
    const own: Listener = (event) => listener(event);
    const stop = onOtherTabs(this.#storage, this.#key, () => {
      own({ type: 'token', token: this.token, elsewhere: true });
    });
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
      stop();
    };
  }

  #isOurs(url: string): boolean {
    return this.#origins.has(new URL(url).origin);
  }

  /** Answers come in any order: an older token never takes the place of a newer one, nor that of a session begun or ended meanwhile. */
  #takeUp(received: string | undefined, sent: string | undefined): void {
    const next = positionOf(received);
    if (received === undefined || next === undefined) return;
    const held = positionOf(this.token);
    const isOutdated = held?.sid === next.sid ? held.gen >= next.gen : positionOf(sent)?.sid === next.sid;
    if (isOutdated) return;
    this.#storage.setItem(this.#key, received);
    this.#tell(() => ({ type: 'token', token: received, elsewhere: false }));
  }

  /** Not at once: a listener that throws must not cost the caller an answer. */
  #tell(happened: () => RefreshAuthClientEvent): void {
    for (const listener of this.#listeners) {
      const event = happened();
      queueMicrotask(() => listener(event));
    }
  }
}

function ownOrigin(): string[] {
  const window = browserWindow();
  if (!window) {
    throw new TypeError("`origins` is missing: write who gets the token, such as ['https://api.example.com']");
  }
  return [window.location.origin];
}

function checkOrigin(origin: string): void {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
    throw new TypeError(
      `\`origins\` contains ${JSON.stringify(origin)}: write scheme://host[:port] and nothing more, such as https://api.example.com`,
    );
  }
}
