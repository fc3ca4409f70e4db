import { HeldToken } from './held-token.js';
import { LostTokens } from './lost-tokens.js';
import {
  type FetchArguments,
  headersOf,
  isRepeatable,
  isSafe,
  signalOf,
  urlOf,
  withToken,
} from './outgoing-request.js';
import { retryDelay, wait } from './retry-after.js';
import { positionOf } from './token-position.js';
import { browserWindow, defaultStorage, onOtherTabs, type TokenStorage } from './token-storage.js';

/** Options of {@link RefreshAuthClient}. */
export interface RefreshAuthClientOptions {
  /** The only origins to which the token is sent, such as `['https://api.example.com']`. @default in a browser, the origin of the page */
  origins?: readonly string[] | undefined;
  /**
   * The storage for the token. If it throws or is full, the token is kept in memory. An asynchronous one is read once.
   *
   * @default in a browser `localStorage`, which all tabs share; otherwise memory
   */
  storage?: TokenStorage | undefined;
  /** The key under which the token is stored. @default 'refresh-auth' */
  key?: string | undefined;
  /** The function that sends requests, such as `fetch` of npm's `undici`. It is called like the global one. @default the global `fetch` */
  fetch?: typeof globalThis.fetch | undefined;
  /**
   * How often a GET or HEAD request that was answered 503 is sent again, each time after the delay that the answer's `Retry-After` names. It
   * is not sent again after a delay of more than a minute, or if the client holds the token of another session by then.
   *
   * @default 0
   */
  retries?: number | undefined;
}

/** An event that a client sends to its listeners. */
export type RefreshAuthClientEvent =
  /** The client holds another token, or none any more. `elsewhere` is true if another tab changed it. */
  | { readonly type: 'token'; readonly token: string | undefined; readonly elsewhere: boolean }
  /** The server answered 401 to the current token, or to a request without one. Each listener gets its own copy of the response. */
  | { readonly type: 'unauthorized'; readonly response: Response };

type Listener = (event: RefreshAuthClientEvent) => void;

/** A response, and the token with which the request was sent. */
type Exchange = readonly [response: Response, sent: string | undefined];

/**
 * A `fetch` for clients that store the token themselves. It sends the token and stores the next one from any response that carries it.
 *
 * ```ts
 * const auth = new RefreshAuthClient({ origins: ['https://api.example.com'] });
 * await auth.fetch('https://api.example.com/profile');
 * ```
 */
export class RefreshAuthClient {
  readonly #origins: readonly string[];
  readonly #held: HeldToken;
  readonly #lost = new LostTokens();
  readonly #fetch: typeof globalThis.fetch;
  readonly #retries: number;
  readonly #listeners = new Set<Listener>();
  readonly #onOtherTabs: (listener: () => void) => () => void;
  /** The token of the last event. */
  #told: string | undefined;

  /** @throws TypeError if `origins` contains something other than origins, or is missing and the page has no http(s) origin */
  constructor(options: RefreshAuthClientOptions = {}) {
    const { storage = defaultStorage(), key = 'refresh-auth', fetch = globalThis.fetch, retries = 0 } = options;
    this.#origins = options.origins ?? ownOrigin();
    for (const origin of this.#origins) checkOrigin(origin);
    this.#held = new HeldToken(storage, key);
    this.#told = this.token;
    this.#retries = retries;
    // Browsers throw if their `fetch` is called as a method of another object.
    this.#fetch = (...request) => fetch(...request);
    this.#onOtherTabs = (listener) => onOtherTabs(storage, key, listener);
  }

  /**
   * The current token. It is read from the storage each time, because another tab may have changed it. `undefined` before an asynchronous
   * storage has been read: wait for {@link ready}.
   */
  get token(): string | undefined {
    return this.#held.get();
  }

  /**
   * The id of the current session. It stays the same when the token is refreshed, and changes with each sign-in: a page then has to drop what it
   * shows of the previous user.
   */
  get session(): string | undefined {
    return positionOf(this.token)?.sid;
  }

  /** Resolves once the storage has been read. Only asynchronous storages take time. Requests wait by themselves. */
  get ready(): Promise<void> {
    return this.#held.ready ?? Promise.resolve();
  }

  /**
   * Sends a request with the token. Resolves and rejects as the global `fetch` does. A request to another origin, or with an `Authorization`
   * header of its own, is sent unchanged. After a 503 the client keeps the token, and the caller can retry.
   *
   * A request is sent a second time only if its token was rejected as superseded (401 `token_superseded`), the client holds a newer one of the
   * same session by then, and the body can be read again; or, with the option `retries`, after a 503.
   */
  readonly fetch: typeof globalThis.fetch = async (...request) => {
    if (!this.#isOurs(urlOf(request[0])) || headersOf(request).has('Authorization')) return this.#fetch(...request);
    if (this.#held.ready) await this.#held.ready;

    let [response, sent] = await this.#sendPatiently(request);
    if (!this.#isRefused(response)) return response;
    if (this.token !== sent && this.#isOfHeldSession(sent) && isRepeatable(request) && (await isSuperseded(response))) {
      [response, sent] = await this.#send(request);
    }
    if (this.#isRefused(response) && this.token === sent) {
      const refusal = response;
      this.#notify(() => ({ type: 'unauthorized', response: refusal.clone() }));
    }
    return response;
  };

  /**
   * Asks the server to end the session, by POST unless `init` sets another method. Removes the token once the server has done so. After a 503
   * or a 401 `token_superseded` the session lives on, so the token is kept.
   */
  async signOut(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    if (this.#held.ready) await this.#held.ready;
    const sent = this.token;
    const response = await this.fetch(input, { method: 'POST', ...init });
    const isOver = response.ok || (this.#isRefused(response) && !(await isSuperseded(response)));
    if (isOver && this.#isOfHeldSession(sent)) this.clear();
    return response;
  }

  /**
   * Removes the token, here and in all tabs that share the storage. From then on, this client ignores tokens of the session. This does not end
   * the session, and does not remove the cookie; {@link signOut} does.
   */
  clear(): void {
    const { token } = this;
    // Also if there is none: an asynchronous storage that is still being read may hold one.
    this.#held.set(undefined);
    if (token !== undefined) this.#tellToken(false);
  }

  /**
   * Calls the listener after each event.
   *
   * @returns a function that unsubscribes the listener
   */
  subscribe(listener: (event: RefreshAuthClientEvent) => void): () => void {
    if (this.#listeners.size === 0) this.#told = this.token;
    const own: Listener = (event) => listener(event);
    const stop = this.#onOtherTabs(() => {
      if (this.token !== this.#told) this.#tellToken(true);
    });
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
      stop();
    };
  }

  /** Sends a request, and sends it again after a 503, as often as the option `retries` allows. */
  async #sendPatiently(request: FetchArguments): Promise<Exchange> {
    const first = await this.#send(request);
    let last = first;
    for (let left = isSafe(request) ? this.#retries : 0; left > 0; left -= 1) {
      const delay = this.#isOurResponse(last[0]) ? retryDelay(last[0]) : undefined;
      if (delay === undefined) break;
      await wait(delay, signalOf(request));
      if (!this.#isOfHeldSession(first[1])) break;
      last = await this.#send(request);
    }
    return last;
  }

  async #send(request: FetchArguments): Promise<Exchange> {
    const { token } = this;
    const response = await this.#fetch(...withToken(request, token));
    if (!this.#isOurResponse(response)) return [response, token];
    const received = /^Bearer (\S+)$/i.exec(response.headers.get('Authorization') ?? '')?.[1];
    if (received === undefined) this.#lost.check(response, token, isSafe(request));
    else if (this.#held.receive(received, isSafe(request))) {
      this.#lost.arrived(received);
      this.#tellToken(false);
    }
    return [response, token];
  }

  /**
   * Compares texts, because some versions of React Native cannot parse URLs. An origin that ends, or is followed by one of these characters,
   * is the origin for every parser.
   */
  #isOurs(url: string): boolean {
    return this.#origins.some((origin) => url.startsWith(origin) && '/?#'.includes(url.charAt(origin.length)));
  }

  /** Returns false for a response of another origin, to which a redirect may lead: its tokens are not accepted. */
  #isOurResponse({ url }: Response): boolean {
    return !url || this.#isOurs(url);
  }

  #isRefused(response: Response): boolean {
    return response.status === 401 && this.#isOurResponse(response);
  }

  /** Returns true if the held token is of the session of this one. A request of one session is never repeated as another. */
  #isOfHeldSession(token: string | undefined): boolean {
    return this.session === positionOf(token)?.sid;
  }

  #tellToken(elsewhere: boolean): void {
    const { token } = this;
    this.#told = token;
    this.#notify(() => ({ type: 'token', token, elsewhere }));
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

function ownOrigin(): string[] {
  const origin = browserWindow()?.location.origin;
  // A page in a file, a mobile shell or an extension has an origin of its own, on which there is no API.
  if (!origin?.startsWith('http')) {
    throw new TypeError(
      "`origins` is missing: write the origins to which the token is sent, such as ['https://api.example.com']",
    );
  }
  return [origin];
}

function checkOrigin(origin: string): void {
  // React Native may have no working `URL`, so the form is checked by text; where there is one, it finds what it would write differently.
  const hasForm = /^https?:\/\/([a-z\d_.-]+|\[[\da-f:.]+\])(:\d+)?$/.test(origin);
  if (!hasForm || !isNormalized(origin)) {
    throw new TypeError(
      `\`origins\` contains ${JSON.stringify(origin)}: write scheme://host[:port] and nothing more, such as https://api.example.com`,
    );
  }
}

function isNormalized(origin: string): boolean {
  try {
    return new URL(origin).origin === origin;
  } catch {
    return true;
  }
}
