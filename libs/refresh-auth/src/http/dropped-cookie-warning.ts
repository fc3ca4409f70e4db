import { Logger } from '@nestjs/common';
import { moduleTitle } from '../errors/module-title.js';
import type { Cookie } from './cookie.js';
import { type HttpRequest, rawRequest } from './http-message.js';
import { originOf } from './origin.js';
import { sentHeaders } from './sent-headers.js';

/** Browsers keep `Secure` cookies of these hosts over plain http as well (Secure Contexts, section 3.1). */
const LOOPBACK = /^http:\/\/([^/]+\.)?localhost(:\d+)?$|^http:\/\/127\.[\d.]+(:\d+)?$|^http:\/\/\[::1\](:\d+)?$/;

/**
 * Warns once, when a browser signs in over plain http and the cookie is `Secure`: the browser drops it (RFC 6265bis section 5.7), and its
 * next request is `token_missing`.
 *
 * Only the `Origin` header of the browser shows that it used plain http: a proxy in front of this process may speak TLS without telling. A
 * request with `Sec-Fetch-Site` came over https, since browsers send none over plain http. Clients without `Origin` do not show what they used.
 */
export class DroppedCookieWarning {
  readonly #logger: Logger;
  #isGiven = false;

  /** @param name that of the module */
  constructor(
    private readonly cookie: Cookie | undefined,
    name?: string,
  ) {
    this.#logger = new Logger(moduleTitle(name));
  }

  check(request: HttpRequest): void {
    if (this.#isGiven || !this.cookie?.secure) return;
    const sent = sentHeaders(rawRequest(request));
    const origin = originOf(sent?.only('origin') ?? '');
    if (!sent || origin !== `http://${sent.only('host')}` || LOOPBACK.test(origin)) return;
    if (sent.all('sec-fetch-site').length > 0) return;
    this.#isGiven = true;
    this.#logger.warn(
      `A browser signed in at ${origin}, over plain http, and dropped the cookie, which is \`Secure\`. Use https, or set \`delivery.cookie.secure\` to false where nobody else can listen.`,
    );
  }
}
