import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { malformed } from '../tokens/compact.js';
import { chooseToken, type FindLive, MAX_TOKENS } from './chosen-token.js';
import { cookieValues } from './cookie-values.js';
import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';
import { sentHeaders } from './sent-headers.js';

/** Matches the scheme in any case, but not a longer scheme that begins with the same letters (RFC 9110 section 11.1). */
const BEARER = /^bearer(?![\w!#$%&'*+.^`|~-])/i;

/**
 * Reads the token of a request. If a Bearer `Authorization` header is present, cookies are ignored. Other schemes are ignored. Tokens in query
 * or body are never accepted (RFC 6750 sections 2.2, 2.3 and 5.3).
 */
export class Credentials {
  /** The tokens chosen for requests with several cookie values. A request keeps its token even if a session ends while it is handled. */
  readonly #chosen = new WeakMap<RawRequest, string | RefreshAuthError>();

  /**
   * @param cookieNames the current name first, then those of earlier deployments; empty if cookies are not read
   * @param findLive tells which tokens are live if cookies carry several
   * @param mayBeLegacy tells which tokens only the application can verify; `undefined` without the option `legacy`
   */
  constructor(
    private readonly cookieNames: readonly string[],
    private readonly findLive: FindLive,
    private readonly mayBeLegacy?: (token: string) => boolean,
  ) {}

  /**
   * Returns the token of a request.
   *
   * @throws RefreshAuthError `token_missing` or `token_malformed`
   */
  token(request: HttpRequest): string {
    const raw = rawRequest(request);
    const token = headerToken(raw) ?? this.#cookieToken(raw);
    if (token === undefined) throw new RefreshAuthError('token_missing');
    return token;
  }

  /**
   * Returns the values of our cookies if several of them may be live, and otherwise none. Almost every request has only one. Above
   * {@link MAX_TOKENS} values it returns none, so that one request cannot make the library ask the store about many sessions.
   */
  rivals(request: HttpRequest): string[] {
    const raw = rawRequest(request);
    const { cookie } = raw.headers;
    if (cookie === undefined || !this.#hasSeveral(cookie) || this.#chosen.has(raw) || !this.areAmbient(raw)) return [];
    const values = new Set(this.#cookieValues(raw));
    return values.size > MAX_TOKENS ? [] : [...values];
  }

  /** Returns true if names of our cookies occur more than once. Cheap enough for every request, because it parses nothing. */
  #hasSeveral(header: string): boolean {
    return this.cookieNames.reduce((count, name) => count + header.split(`${name}=`).length - 1, 0) > 1;
  }

  /** Returns all tokens of a request, from header and cookies. A malformed `Authorization` header is skipped. */
  all(request: HttpRequest): string[] {
    const raw = rawRequest(request);
    const bearer = attempt(() => headerToken(raw));
    return [...new Set([...(bearer === undefined ? [] : [bearer]), ...this.#cookieValues(raw)])];
  }

  /**
   * Returns true if browsers attach this token by themselves, even to requests that other sites trigger: it came in our cookie, or is a legacy
   * token and came in any.
   */
  isAmbient(request: HttpRequest, token: string): boolean {
    if (this.areAmbient(request) && this.#cookieValues(rawRequest(request)).includes(token)) return true;
    return this.mayBeLegacy !== undefined && this.#mayBeAttached(request, token) && this.mayBeLegacy(token);
  }

  /** Returns true if any token of this request would be one that browsers attach by themselves. */
  areAmbient(request: HttpRequest): boolean {
    return this.cookieNames.length > 0 && !BEARER.test(rawRequest(request).headers.authorization ?? '');
  }

  /**
   * Returns true if a token may have come in a cookie, of any name and in any encoding: for every request with a cookie, unless another header
   * has the token. No other site can make a browser send such a header.
   */
  #mayBeAttached(request: HttpRequest, token: string): boolean {
    const raw = rawRequest(request);
    const sent = sentHeaders(raw);
    if (!sent) return raw.headers.cookie !== undefined;
    return sent.all('cookie').length > 0 && !sent.hasBesideCookies(token);
  }

  #cookieToken(request: RawRequest): string | undefined {
    const values = this.#cookieValues(request);
    // Almost every request has one value. It need not be verified here, because the guard does so.
    if (new Set(values).size < 2) return values[0];
    const chosen = this.#chosen.get(request) ?? this.#choose(request);
    if (chosen instanceof RefreshAuthError) throw chosen;
    return chosen;
  }

  #choose(request: RawRequest): string | RefreshAuthError | undefined {
    const valuesByName = this.cookieNames.map((name) => cookieValues(request.headers.cookie, [name]));
    const chosen = chooseToken(valuesByName, this.findLive, this.mayBeLegacy);
    if (chosen !== undefined) this.#chosen.set(request, chosen);
    return chosen;
  }

  #cookieValues({ headers }: RawRequest): string[] {
    return cookieValues(headers.cookie, this.cookieNames);
  }
}

function headerToken(request: RawRequest): string | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined) return undefined;
  if (hasSeveralAuthorizations(request)) throw malformed('more than one Authorization header');
  return bearerToken(authorization);
}

/**
 * Returns the one token of an `Authorization` header, which follows the scheme and one or more spaces (RFC 6750 section 2.1); `undefined` for
 * another scheme. The characters of the token are checked later, when it is verified.
 *
 * @throws RefreshAuthError `token_malformed`
 */
export function bearerToken(authorization: string): string | undefined {
  if (!BEARER.test(authorization)) return undefined;
  let start = 'bearer'.length;
  while (authorization[start] === ' ') start += 1;
  const token = authorization.slice(start);
  // A regular expression would take as long as all other checks of a known token together.
  const isOne = start > 'bearer'.length && token !== '' && !token.includes(' ') && !token.includes(',');
  if (!isOne) throw malformed('not one token after Bearer');
  return token;
}

/**
 * Returns true if a request has several `Authorization` headers. RFC 9110 section 5.3 allows one. Node.js keeps the first and drops the
 * others, so the order would decide.
 */
function hasSeveralAuthorizations({ rawHeaders = [] }: RawRequest): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') count += 1;
  }
  return count > 1;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
