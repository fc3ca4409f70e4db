import { type NowOrLater, orElse } from '../sessions/now-or-later.js';
import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';

/** What was done, in fields that nobody sees who prints a request: it may end with a token. */
class Done<T> {
  readonly #token: string;
  readonly #result: NowOrLater<T>;
  /** With another token of the same request, which another guard has found. */
  readonly #before: Done<T> | undefined;

  constructor(token: string, result: NowOrLater<T>, before: Done<T> | undefined) {
    this.#token = token;
    this.#result = result;
    this.#before = before;
  }

  with(token: string): { readonly result: NowOrLater<T> } | undefined {
    return this.#token === token ? { result: this.#result } : this.#before?.with(token);
  }
}

/**
 * Does something once for a request and the token that a guard has found in it, however many guards ask: every resolver of a GraphQL
 * query passes one. A failure is as final as a result.
 */
export class OncePerRequest<T> {
  /** Kept on Node's own request, which every wrapper of it shares: maps that are keyed by requests weigh on every garbage collection. */
  readonly #key = Symbol('nestjs-refresh-auth:once');

  get(request: HttpRequest, token: string, make: () => NowOrLater<T>): NowOrLater<T> {
    const raw = rawRequest(request) as RawRequest & { [key: symbol]: Done<T> | undefined };
    const before = raw[this.#key];
    const done = before?.with(token);
    if (done) return done.result;
    const result = orElse(make, async (error) => {
      throw error;
    });
    raw[this.#key] = new Done(token, result, before);
    return result;
  }
}
