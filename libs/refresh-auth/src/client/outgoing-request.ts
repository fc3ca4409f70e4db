/** The arguments of `fetch`. */
export type FetchArguments = readonly [input: string | URL | Request, init?: RequestInit | undefined];

/** Returns true for a `Request` of any implementation of `fetch`, such as npm's `undici`. */
export function isRequest(input: FetchArguments[0]): input is Request {
  return typeof input === 'object' && 'headers' in input;
}

/** Returns the absolute URL of a request. */
export function urlOf(input: FetchArguments[0]): string {
  const url = isRequest(input) ? input.url : String(input);
  const { document, location } = globalThis as { document?: { baseURI: string }; location?: { href: string } };
  try {
    return new URL(url, document?.baseURI ?? location?.href).href;
  } catch {
    return url;
  }
}

/** Returns true for GET and HEAD, which can be repeated, and which caches answer. */
export function isSafe([input, init]: FetchArguments): boolean {
  return /^(GET|HEAD)$/i.test(init?.method ?? (isRequest(input) ? input.method : 'GET'));
}

/** Returns the headers of a request. */
export function headersOf([input, init]: FetchArguments): Headers {
  return new Headers(init?.headers ?? (isRequest(input) ? input.headers : undefined));
}

/**
 * Returns a request with the token. Passes on all that is not a header as it is, because implementations of `fetch` know different options
 * and accept only their own `Request`.
 *
 * @throws TypeError if the body of a `Request` has been read
 */
export function withToken([input, init]: FetchArguments, token: string | undefined): FetchArguments {
  if (isRequest(input) && init?.headers === undefined) {
    const copy = new (input.constructor as typeof Request)(input);
    if (token !== undefined) copy.headers.set('Authorization', `Bearer ${token}`);
    return [copy, init];
  }
  if (token === undefined) return [input, init];
  const headers = headersOf([input, init]);
  headers.set('Authorization', `Bearer ${token}`);
  return [input, { ...init, headers }];
}

/** Returns false for a request whose body was a stream, or is in a `Request` that has been sent: neither can be read again. */
export function isRepeatable([input, init]: FetchArguments): boolean {
  const body = Object(init?.body) as object;
  return !('getReader' in body) && !(Symbol.asyncIterator in body) && !(isRequest(input) && input.bodyUsed);
}

/** Returns the signal that aborts a request. */
export function signalOf([input, init]: FetchArguments): AbortSignal | null | undefined {
  return init?.signal ?? (isRequest(input) ? input.signal : undefined);
}
