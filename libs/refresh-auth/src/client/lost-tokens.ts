import { positionOf } from './token-position.js';

const WARNING =
  'RefreshAuthClient: the API issues tokens, but they do not arrive. Let the response header `Authorization` through: a proxy may remove or rename it, ' +
  '`Access-Control-Expose-Headers` of the API must not be overwritten, and `delivery.header` must have its default.';

/**
 * Detects that something between the API and this client removes `Authorization` from responses, and warns once in the console. Without the
 * warning, users would be signed out when the refresh window ends, and nobody would know why. It measures only intervals, because the clock of
 * the device may be wrong.
 */
export class LostTokens {
  #isWarned = false;
  #hasSentSignIn = false;
  #last: { readonly token: string; readonly expiresAt: number } | undefined;

  /** Notes a token that has arrived. */
  arrived(token: string): void {
    const { exp = 0, iat = 0 } = positionOf(token) ?? {};
    this.#last = { token, expiresAt: performance.now() + (exp - iat) * 1000 };
    this.#hasSentSignIn = false;
  }

  /** Checks a response that has no token. The API forbids caches to store a response that it gave one. */
  check({ ok, status, headers }: Response, sent: string | undefined, isSafe: boolean): void {
    const wasGivenOne = ok && (headers.get('Cache-Control') ?? '').includes('no-store');
    if (sent === undefined) {
      if (wasGivenOne && !isSafe) this.#hasSentSignIn = true;
      if (status === 401 && this.#hasSentSignIn) this.#warn();
    } else if (wasGivenOne && this.#last?.token === sent && performance.now() >= this.#last.expiresAt) {
      this.#warn();
    }
  }

  #warn(): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    // oxlint-disable-next-line no-console -- a client has no logger
    console.warn(WARNING);
  }
}
