import type { TokenStorage } from 'nestjs-refresh-auth/client';

export const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as the client reads it. Its signature is none. */
export const tokenOf = (sid: string, gen: number, claims: object = {}): string =>
  `${segment({ alg: 'HS256' })}.${segment({ sid, gen, name: 'Zoë ÿ~?>', ...claims })}.c2lnbmF0dXJl`;

interface Asked {
  url: string;
  authorization: string | null;
  answer: (status: number, token?: string, url?: string, headers?: Record<string, string>) => void;
  /** Answers 401 with this code. */
  reject: (code: string) => void;
  body: () => Promise<string>;
  fail: (error: Error) => void;
}

/** A `fetch` whose requests wait until the test answers them, in any order. */
export class WaitingNetwork {
  readonly asked: Asked[] = [];
  #onRequest: () => void = () => undefined;

  readonly fetch: typeof globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    if (request.signal.aborted) return Promise.reject(request.signal.reason as Error);
    return new Promise((resolve, reject) => {
      this.asked.push({
        url: request.url,
        authorization: request.headers.get('Authorization'),
        answer: (status, token, url, headers = {}) => {
          const response = new Response(status === 204 ? null : `${status}`, {
            status,
            headers: token === undefined ? headers : { ...headers, Authorization: `Bearer ${token}` },
          });
          if (url !== undefined) {
            Object.defineProperties(response, { redirected: { value: true }, url: { value: url } });
          }
          resolve(response);
        },
        reject: (code) => resolve(Response.json({ code }, { status: 401 })),
        body: () => request.text(),
        fail: reject,
      });
      this.#onRequest();
    });
  };

  /** Resolves when the client sends something. */
  nextRequest(): Promise<void> {
    return new Promise((resolve) => (this.#onRequest = resolve));
  }
}

export class Entries extends Map<string, string> implements TokenStorage {
  readonly getItem = (key: string): string | null => this.get(key) ?? null;
  readonly setItem = (key: string, value: string): void => void this.set(key, value);
  readonly removeItem = (key: string): void => void this.delete(key);
}
