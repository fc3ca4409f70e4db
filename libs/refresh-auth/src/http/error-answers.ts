import {
  ForbiddenException,
  type HttpException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import type { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { appendToList, type HttpResponse, setHeader } from './http-message.js';

/** Turns errors of the library into HTTP responses. */
export class ErrorAnswers {
  readonly #realm: string;

  /** @param issuer the name of the protection space, `realm`. Defaults to `refresh-auth` */
  constructor(issuer = 'refresh-auth') {
    // Clients often mishandle escapes in quoted strings (RFC 9110 section 5.6.4). Percent-encoding needs none.
    this.#realm = issuer.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/gu, encodeCharacter);
  }

  /**
   * Sets the response headers that belong to an error.
   *
   * @returns the exception to throw; its body is `{ statusCode, error, message, code }`
   */
  refuse(error: RefreshAuthError, response: HttpResponse | undefined): HttpException {
    if (response) this.#setHeaders(error, response);
    return toException(error);
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

const EXCEPTIONS = { 401: UnauthorizedException, 403: ForbiddenException, 503: ServiceUnavailableException };
const NAMES = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' };

function toException(cause: RefreshAuthError): HttpException {
  const { code, statusCode, message } = cause;
  return new EXCEPTIONS[statusCode]({ statusCode, error: NAMES[statusCode], message, code }, { cause });
}

function encodeCharacter(character: string): string {
  // encodeURIComponent throws on half a surrogate pair. Buffer replaces it.
  return encodeURIComponent(Buffer.from(character).toString());
}
