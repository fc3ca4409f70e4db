import { positionOf } from './token-position.js';
import { browserWindow, defaultStorage, onOtherTabs, type TokenStorage } from './token-storage.js';

export interface RefreshAuthClientOptions {
  /** The only origins to which the token is sent, such as `['https://api.example.com']`. @default in a browser, the origin of the page */
  origins?: readonly string[] | undefined;
  /** The storage for the token. @default in a browser `localStorage`, which all tabs share; otherwise memory */
  storage?: TokenStorage | undefined;
  /** The key under which the token is stored. @default 'refresh-auth' */
  key?: string | undefined;
  /** The function that sends requests. @default the global `fetch` */
  fetch?: typeof globalThis.fetch | undefined;
}

/** An event that a client sends to its listeners. */
export type RefreshAuthClientEvent =
  /** The client holds another token, or none any more. `elsewhere` is true if another tab changed it. */
  | { readonly type: 'token'; readonly token: string | undefined; readonly elsewhere: boolean }
  /** The server answered 401 to the current token, or to a request without one. Each listener gets its own copy of the response. */
  | { readonly type: 'unauthorized'; readonly response: Response };

type Listener = (event: RefreshAuthClientEvent) => void;

/**
 * A `fetch` for clients that store the token themselves. It sends the token and stores the next one from any response that carries it.
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

  /** @throws TypeError if `origins` contains something else than origins, or is missing outside of a browser */
  constructor({ origins, storage, key = 'refresh-auth', fetch = globalThis.fetch }: RefreshAuthClientOptions = {}) {
    this.#origins = new Set(origins ?? ownOrigin());
    for (const origin of this.#origins) checkOrigin(origin);
    this.#storage = storage ?? defaultStorage();
    this.#key = key;
    // Browsers throw if their `fetch` is called as a method of another object.
    this.#fetch = (...request) => fetch(...request);
  }

  /** The current token. It is read from the storage each time, because another tab may have changed it. */
  get token(): string | undefined {
    return this.#storage.getItem(this.#key) ?? undefined;
  }

  /**
   * Sends a request with the token. Resolves and rejects as the global `fetch` does. A request to another origin, or with an `Authorization`
   * header of its own, is sent unchanged. After a 503 the client keeps the token, and the caller can retry.
   *
   * A request is sent a second time only if its token was rejected as superseded (401 `token_superseded`), the client holds a newer one by
   * then, and the body can be read again.
   */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (!this.#isOurs(request.url) || request.headers.has('Authorization')) return this.#fetch(request);

    const sent = this.token;
    const response = await this.#send(request, sent);
    if (response.status !== 401 || !this.#isOurResponse(response)) return response;
    if (this.token === sent) {
      this.#notify(() => ({ type: 'unauthorized', response: response.clone() }));
      return response;
    }
    const again = this.token !== undefined && (await isSuperseded(response)) ? copyOf(input, init) : undefined;
    return again ? this.#send(again, this.token) : response;
  };

  /**
   * Asks the server to end the session, by POST unless `init` sets another method. Removes the token once the server has done so. After a 503
   * or a 401 `token_superseded` the session lives on, so the token is kept.
   */
  async signOut(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const sent = this.token;
    const response = await this.fetch(input, { method: 'POST', ...init });
    const isOver = response.ok || (response.status === 401 && !(await isSuperseded(response)));
    if (isOver && positionOf(this.token)?.sid === positionOf(sent)?.sid) this.clear();
    return response;
  }

  /** Removes the token, here and in all tabs that share the storage. This does not end the session; {@link signOut} does. */
  clear(): void {
    if (this.token === undefined) return;
    this.#storage.removeItem(this.#key);
    this.#notify(() => ({ type: 'token', token: undefined, elsewhere: false }));
  }

  /**
   * Calls the listener after each event.
   *
   * @returns a function that unsubscribes the listener
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

  async #send(request: Request, token: string | undefined): Promise<Response> {
    if (token !== undefined) request.headers.set('Authorization', `Bearer ${token}`);
    const response = await this.#fetch(request);
    if (this.#isOurResponse(response)) {
      this.#receive(/^Bearer (\S+)$/i.exec(response.headers.get('Authorization') ?? '')?.[1], token);
    }
    return response;
  }

  #isOurs(url: string): boolean {
    return this.#origins.has(new URL(url).origin);
  }

  /** Returns false for a response of another origin, to which a redirect may lead: its tokens are not accepted. */
  #isOurResponse({ redirected, url }: Response): boolean {
    return !redirected || this.#isOurs(url);
  }

  /**
   * Stores a received token. Responses arrive in any order, so a token is ignored if the client holds a newer one, or if its session was ended
   * or replaced by another one meanwhile.
   */
  #receive(received: string | undefined, sent: string | undefined): void {
    const next = positionOf(received);
    if (received === undefined || next === undefined) return;
    const held = positionOf(this.token);
    const isOutdated = held?.sid === next.sid ? held.gen >= next.gen : positionOf(sent)?.sid === next.sid;
    if (isOutdated) return;
    this.#storage.setItem(this.#key, received);
    this.#notify(() => ({ type: 'token', token: received, elsewhere: false }));
  }

  /** Calls the listeners in a microtask, so that a listener that throws does not make the caller lose the response. */
  #notify(happened: () => RefreshAuthClientEvent): void {
    for (const listener of this.#listeners) {
      const event = happened();
      queueMicrotask(() => listener(event));
    }
  }
}

/** Returns true for a 401 `token_superseded`. The caller can still read the body. */
async function isSuperseded(response: Response): Promise<boolean> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return typeof body === 'object' && body !== null && (body as { code?: unknown }).code === 'token_superseded';
}

/** Returns the same request once more, or `undefined` if its body was a stream, which can be read only once. */
function copyOf(...request: ConstructorParameters<typeof Request>): Request | undefined {
  try {
    return new Request(...request);
  } catch {
    return undefined;
  }
}

function ownOrigin(): string[] {
  const window = browserWindow();
  if (!window) {
    throw new TypeError(
      "`origins` is missing: write the origins to which the token is sent, such as ['https://api.example.com']",
    );
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
