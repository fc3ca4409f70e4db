import { Logger } from '@nestjs/common';
import type { IssuedToken } from '../tokens/claims.js';
import { LONGEST_TOKEN } from '../tokens/compact.js';
import { CookieLines } from './cookie-lines.js';
import type { DeliverySettings } from './delivery-settings.js';

/** What a browser keeps at most of a cookie, name and value together (RFC 6265bis section 5.6). */
export const MOST_COOKIE_BYTES = 4096;

export function cookieBytes(name: string, token: string): number {
  return Buffer.byteLength(name) + Buffer.byteLength(token);
}

/** The longest token that reaches a client and is read when it comes back. */
export function longestDeliverable({ header, cookie }: DeliverySettings): number {
  return header || !cookie ? LONGEST_TOKEN : MOST_COOKIE_BYTES - Buffer.byteLength(cookie.name);
}

/**
 * Returns how many bytes of response headers a token takes: its own lines, in all places to which it is delivered, and those that go out
 * with it.
 */
export function headerBytes({ header, cookie }: DeliverySettings, { token, claims }: IssuedToken): number {
  const lines = ['Cache-Control: private, no-store'];
  if (header) {
    lines.push(`${header.name}: ${header.scheme === '' ? token : `${header.scheme} ${token}`}`);
    lines.push(`Access-Control-Expose-Headers: ${header.name}`);
  }
  if (cookie && cookieBytes(cookie.name, token) <= MOST_COOKIE_BYTES) {
    const maxAge = claims.refresh_exp - claims.iat;
    lines.push(...new CookieLines(cookie).carrying(token, maxAge).map((line) => `Set-Cookie: ${line}`));
  }
  return lines.reduce((sum, line) => sum + Buffer.byteLength(`${line}\r\n`), 0);
}

/**
 * The most that nginx accepts by default of all headers of a response together: one page of memory, which is 4 or 8 KB
 * (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size).
 */
const MOST_HEADER_BYTES = 4096;
/** For all other headers: NestJS on Express writes some 250 bytes, helmet by default 660 more, and applications have some of their own. */
const OTHER_HEADER_BYTES = 1024;

/** Warns once, at the first token with which a response may not get through a proxy, whether or not there is one already. */
export class HeaderSizeWarning {
  readonly #logger = new Logger('RefreshAuthModule');
  #isGiven = false;

  constructor(private readonly delivery: DeliverySettings) {}

  look(issued: IssuedToken): void {
    if (this.#isGiven) return;
    const bytes = headerBytes(this.delivery, issued);
    if (bytes <= MOST_HEADER_BYTES - OTHER_HEADER_BYTES) return;
    this.#isGiven = true;
    const { header, cookie } = this.delivery;
    const where = header && cookie ? 'the header and the cookie' : `the ${header ? 'header' : 'cookie'}`;
    const once =
      header && cookie ? 'Send the token only once (delivery: { header: false } or { cookie: false }), sign' : 'Sign';
    this.#logger.warn(
      `A token of ${issued.token.length} bytes makes response headers of ${bytes} bytes, in ${where}. nginx answers 502 when all headers of a response have more than ${MOST_HEADER_BYTES} bytes, unless it is configured otherwise. ${once} fewer claims, or set proxy_buffer_size 16k and proxy_busy_buffers_size 16k in nginx.`,
    );
  }
}
