import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { appendToList, type HttpResponse, setHeader } from './http-message.js';

const HAS_HEADERS = Symbol.for('nestjs-refresh-auth:has-headers');

/** Adds to the HTTP answers of errors the headers that NestJS does not know of. */
export class ErrorAnswers {
  readonly #realm: string;

  /** @param issuer the name of the protection space, `realm`. Defaults to `refresh-auth` */
  constructor(issuer = 'refresh-auth') {
    // Clients often mishandle escapes in quoted strings (RFC 9110 section 5.6.4). Percent-encoding needs none.
    this.#realm = issuer.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/gu, encodeCharacter);
  }

  /** Sets the headers that belong to an error, if its transport has a response. Afterwards the error is no {@link HeaderlessError}. */
  addHeaders(error: RefreshAuthError, response: HttpResponse | undefined): void {
    if (response) this.#setHeaders(error, response);
    Object.defineProperty(error, HAS_HEADERS, { value: true });
  }

  #setHeaders({ code, statusCode, message }: RefreshAuthError, response: HttpResponse): void {
    if (statusCode === 401) {
      // RFC 6750 section 3.1: the answer to a request without credentials should not have an error code.
      const reason = code === 'token_missing' ? '' : `, error="invalid_token", error_description="${message}"`;
      setHeader(response, 'WWW-Authenticate', `Bearer realm="${this.#realm}"${reason}`);
    }
    if (statusCode === 503) {
      setHeader(response, 'Retry-After', '1');
      appendToList(response, 'Access-Control-Expose-Headers', 'Retry-After');
    }
  }
}

/**
 * Matches errors whose headers nobody has added, which are those that a handler has thrown. The module's filter catches no others: it comes
 * before those that an application provides as `APP_FILTER`, and must not take from them what the guard throws.
 */
// oxlint-disable-next-line typescript/no-extraneous-class -- NestJS asks `instanceof` if a filter catches an error
export class HeaderlessError {
  static [Symbol.hasInstance](error: unknown): boolean {
    return error instanceof RefreshAuthError && !Object.hasOwn(error, HAS_HEADERS);
  }
}

function encodeCharacter(character: string): string {
  // encodeURIComponent throws on half a surrogate pair. Buffer replaces it.
  return encodeURIComponent(Buffer.from(character).toString());
}
