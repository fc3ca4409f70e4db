import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';

/**
 * Does something once for a request and the token that a guard has found in it, however many guards ask: every resolver of a GraphQL
 * query passes one.
 */
export class OncePerRequest<T> {
  readonly #results = new WeakMap<RawRequest, Map<string, Promise<T>>>();

  get(request: HttpRequest, token: string, make: () => Promise<T>): Promise<T> {
    const raw = rawRequest(request);
    const results = this.#results.get(raw) ?? new Map<string, Promise<T>>();
    this.#results.set(raw, results);
    const result = results.get(token) ?? make();
    results.set(token, result);
    return result;
  }
}
