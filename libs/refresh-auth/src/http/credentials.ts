import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { malformed } from '../tokens/compact.js';
import { chooseToken, type FindLive, MOST_TOKENS } from './chosen-token.js';
import { cookieValues } from './cookie-values.js';
import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';

/** The scheme, in any case, and not merely the beginning of another one's name (RFC 9110 section 11.1). */
const BEARER = /^bearer(?![\w!#$%&'*+.^`|~-])/i;

/**
 * Reads the token of a request. A Bearer `Authorization` header decides alone; then the cookies, if there are any to read.
 * Other schemes are ignored; query and body are never read (RFC 6750 sections 2.2, 2.3 and 5.3).
 */
export class Credentials {
  /** A request keeps its token, even if a session ends while it is handled. Only of requests with more than one value. */
  readonly #chosen = new WeakMap<RawRequest, string | RefreshAuthError>();

  /**
   * @param cookieNames the current one first, then those of earlier deployments; empty: cookies are not read
   * @param findLive judges tokens, where cookies have more than one
   */
  constructor(
    private readonly cookieNames: readonly string[],
    private readonly findLive: FindLive,
  ) {}

  /** @throws RefreshAuthError `token_missing` or `token_malformed` */
  token(request: HttpRequest): string {
    const raw = rawRequest(request);
    const token = bearerToken(raw) ?? this.#cookieToken(raw);
    if (token === undefined) throw new RefreshAuthError('token_missing');
    return token;
  }

  /**
   * Returns the values of our cookies if several of them may be live, which they are in almost no request. More values than a choice is
   * made of are none: nobody can make one request ask the store about many sessions.
   */
  rivals(request: HttpRequest): string[] {
    const raw = rawRequest(request);
    if (!this.#hasSeveral(raw.headers.cookie) || this.#chosen.has(raw) || !this.areAmbient(request)) return [];
    const values = new Set(this.#cookieValues(raw));
    return values.size > MOST_TOKENS ? [] : [...values];
  }

  /** Returns true if names of our cookies occur more than once: a first look, before anything is parsed. */
  #hasSeveral(header: string | undefined): boolean {
    if (header === undefined) return false;
    return this.cookieNames.reduce((count, name) => count + header.split(`${name}=`).length - 1, 0) > 1;
  }

  /** Every well-formed token of a request, from header and cookies alike. */
  all(request: HttpRequest): string[] {
    const raw = rawRequest(request);
    const bearer = attempt(() => bearerToken(raw));
    return [...new Set([...(bearer === undefined ? [] : [bearer]), ...this.#cookieValues(raw)])];
  }

  /** Whether browsers send this token by themselves, whichever site asks them: it is that of a cookie, and no header decides. */
  isAmbient(request: HttpRequest, token: string): boolean {
    return this.areAmbient(request) && this.#cookieValues(rawRequest(request)).includes(token);
  }

  /** Whether any token of this request would be one that browsers send by themselves. */
  areAmbient(request: HttpRequest): boolean {
    return this.cookieNames.length > 0 && !BEARER.test(rawRequest(request).headers.authorization ?? '');
  }

  #cookieToken(request: RawRequest): string | undefined {
    const values = this.#cookieValues(request);
    // Almost every request has one value, which is verified once, by the guard.
    if (new Set(values).size < 2) return values[0];
    const chosen = this.#chosen.get(request) ?? this.#choose(request);
    if (chosen instanceof RefreshAuthError) throw chosen;
    return chosen;
  }

  #choose(request: RawRequest): string | RefreshAuthError | undefined {
    const valuesByName = this.cookieNames.map((name) => cookieValues(request.headers.cookie, [name]));
    const chosen = chooseToken(valuesByName, this.findLive);
    if (chosen !== undefined) this.#chosen.set(request, chosen);
    return chosen;
  }

  #cookieValues({ headers }: RawRequest): string[] {
    return cookieValues(headers.cookie, this.cookieNames);
  }
}

function bearerToken(request: RawRequest): string | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined) return undefined;
  if (hasSeveralAuthorizations(request)) throw malformed('more than one Authorization header');
  if (!BEARER.test(authorization)) return undefined;
  return onlyToken(authorization);
}

/** Behind one or more spaces, and with nothing after it (RFC 6750 section 2.1). What else a token must not have in it is found when it is read. */
function onlyToken(authorization: string): string {
  let start = 'bearer'.length;
  while (authorization[start] === ' ') start += 1;
  const token = authorization.slice(start);
  // Not by a regular expression, which takes as long for a token as all the rest of a request that carries a known one.
  const isOne = start > 'bearer'.length && token !== '' && !token.includes(' ') && !token.includes(',');
  if (!isOne) throw malformed('not one token after Bearer');
  return token;
}

/** Node keeps the first of several and drops the others: order would decide (RFC 9110 section 5.3 allows one). */
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
