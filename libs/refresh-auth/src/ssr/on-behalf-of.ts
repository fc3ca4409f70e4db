import { CookieJar } from './cookie-jar.js';

/** The headers of a browser's request, as frameworks have them: `Headers`, or the object of Node.js. */
export type BrowserHeaders =
  { get(name: string): string | null } | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Options of {@link onBehalfOf}. */
export interface OnBehalfOfOptions {
  /** The origin of the API as this server reaches it, such as `'http://api:3000'`. */
  api: string;
  /**
   * True if you add the lines of {@link ApiOnBehalf.setCookies} to the response for the browser. False where the framework can no longer set
   * cookies: requests then carry `Refresh-Auth: no-refresh`, so that the API issues no token that the browser would not get.
   */
  canSetCookies: boolean;
  /** The function that sends requests. @default the global `fetch` */
  fetch?: typeof globalThis.fetch | undefined;
}

/** Sends requests to the API for the browser whose request this server is answering. */
export interface ApiOnBehalf {
  /**
   * Sends a request with the browser's cookies. Redirects are returned, not followed. Requests of other methods than GET, HEAD and OPTIONS
   * also carry `Origin` and `Sec-Fetch-Site` of the browser's request, by which the API recognizes requests that another site triggered. If the
   * browser's request has neither, nothing is sent, and the response is 403 `request_cross_site`.
   *
   * @param path the path at the API, such as `'/me'`
   * @throws TypeError if `path` is a URL of another origin, or the browser's cookie has a character that no header may have
   */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /**
   * Refreshes the browser's token if it has expired, by a GET request. For the place that runs before all others, such as a middleware. Never
   * rejects: if the API is down, the requests that follow say so.
   *
   * @param path the path of any route at the API that the guard protects
   */
  readonly refresh: (path: string, init?: RequestInit) => Promise<void>;
  /**
   * The `Set-Cookie` lines for the browser, one for each cookie. Empty without `canSetCookies`. A response with one of them must not be
   * cached: send `Cache-Control: private, no-store` with it.
   */
  readonly setCookies: readonly string[];
  /** The `Cookie` header that the browser will send once it has the lines of `setCookies`, for what still runs for the same request. */
  readonly cookie: string;
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Frameworks may cache the responses of `fetch` for all users. */
const NOT_CACHED = { cache: 'no-store' } as const;

/** A redirect that is followed loses the cookies that it sets, and some runtimes send the browser's cookies to the host that it leads to. */
const NOT_FOLLOWED = { redirect: 'manual' } as const;

/** The headers of the browser's request that the API needs to recognize a request that another site triggered. */
const CROSS_SITE_HEADERS = ['Origin', 'Sec-Fetch-Site'];

/**
 * Returns a `fetch` for a server that acts for a browser, such as one that renders pages. Make one for each request of a browser.
 *
 * ```ts
 * const api = onBehalfOf(request.headers, { api: 'http://api:3000', canSetCookies: true });
 * const me = await api.fetch('/me');
 * for (const line of api.setCookies) response.headers.append('Set-Cookie', line);
 * ```
 *
 * @throws TypeError if `headers` is missing, or `api` is not an origin
 */
export function onBehalfOf(
  headers: BrowserHeaders,
  { api, canSetCookies, fetch = globalThis.fetch }: OnBehalfOfOptions,
): ApiOnBehalf {
  const read = readerOf(headers);
  const origin = checkedOrigin(api);
  const browserCookie = read('Cookie') ?? '';
  const jar = new CookieJar(browserCookie);

  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(path, origin);
    if (url.origin !== origin) throw new TypeError(`${JSON.stringify(path)} is not on ${origin}: write a path`);
    // `Headers` would show the cookie, and with it a token, in its own error.
    if (/[\0\r\n]|[^\0-\xff]/.test(browserCookie)) {
      throw new TypeError("The `Cookie` header of the browser's request has a character that no header may have");
    }
    const own = new Headers(init.headers);
    const cookie = jar.toSend();
    if (cookie !== '') own.set('Cookie', cookie);
    if (!canSetCookies) own.set('Refresh-Auth', 'no-refresh');
    if (!SAFE_METHODS.includes((init.method ?? 'GET').toUpperCase())) {
      const given = CROSS_SITE_HEADERS.filter((name) => read(name));
      if (given.length === 0) return refused();
      for (const name of CROSS_SITE_HEADERS) own.delete(name);
      for (const name of given) own.set(name, read(name) ?? '');
    }
    const response = await fetch(url.href, { ...NOT_CACHED, ...init, ...NOT_FOLLOWED, headers: own });
    if (canSetCookies) jar.receive(response.headers.getSetCookie());
    return response;
  };

  return {
    fetch: send,
    refresh: async (path, init) => {
      if (!canSetCookies || !jar.hasExpired(Date.now())) return;
      // Read to its end, which frees the connection. `cancel()` would wait for copies of the body that frameworks keep.
      await send(path, init)
        .then((response) => response.text())
        .catch(() => undefined);
    },
    get setCookies() {
      return jar.setCookies;
    },
    get cookie() {
      return jar.after();
    },
  };
}

/** A function that reads a header of the browser's request. */
function readerOf(headers: BrowserHeaders | undefined): (name: string) => string | undefined {
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError("`headers` is missing: pass the headers of the browser's request");
  }
  if (isHeaders(headers)) return (name) => headers.get(name) ?? undefined;
  return (name) => {
    const lines = [headers[name.toLowerCase()] ?? headers[name] ?? []].flat();
    return lines.join(name === 'Cookie' ? '; ' : ', ') || undefined;
  };
}

function isHeaders(headers: BrowserHeaders): headers is Pick<Headers, 'get'> {
  return typeof headers['get'] === 'function';
}

function checkedOrigin(api: string): string {
  if (URL.canParse(api) && new URL(api).origin === api.replace(/\/$/, '')) return new URL(api).origin;
  throw new TypeError(
    `\`api\` is ${JSON.stringify(api)}: write scheme://host[:port] and nothing more, such as http://api:3000`,
  );
}

/** The API's answer to a cross-site request. Without the browser's headers nobody can tell if this one is cross-site. */
function refused(): Response {
  const message =
    "The request has neither `Origin` nor `Sec-Fetch-Site`, as browsers send it. Pass all headers of the browser's request to onBehalfOf()";
  const body = { statusCode: 403, error: 'Forbidden', message, code: 'request_cross_site' };
  return Response.json(body, { status: 403 });
}
