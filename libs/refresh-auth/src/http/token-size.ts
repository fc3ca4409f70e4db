import { Logger } from '@nestjs/common';
import { moduleTitle } from '../errors/module-title.js';
import { LONGEST_TOKEN } from '../tokens/compact.js';
import type { DeliverySettings } from './delivery-settings.js';

/** The largest cookie that browsers keep, in bytes of name and value together (RFC 6265bis section 5.6). */
export const MAX_COOKIE_BYTES = 4096;

/** Returns the size of a cookie, name and value together, in bytes. */
export function cookieBytes(name: string, token: string): number {
  return Buffer.byteLength(name) + Buffer.byteLength(token);
}

/** Returns the length of the longest token, in bytes, that reaches a client and is accepted when the client sends it. */
export function longestDeliverable({ header, cookie }: DeliverySettings): number {
  return header || !cookie ? LONGEST_TOKEN : MAX_COOKIE_BYTES - Buffer.byteLength(cookie.name);
}

/** Returns the value of the header that carries a token. */
export function headerValue(
  { scheme }: Pick<NonNullable<DeliverySettings['header']>, 'scheme'>,
  token: string,
): string {
  return scheme === '' ? token : `${scheme} ${token}`;
}

/**
 * Returns the size of all response headers that delivering a token takes, in bytes: those that carry it, and those that accompany it.
 *
 * @param cookies the `Set-Cookie` lines
 */
export function headerBytes({ header }: DeliverySettings, token: string, cookies: readonly string[]): number {
  const lines = ['Cache-Control: private, no-store', ...cookies.map((line) => `Set-Cookie: ${line}`)];
  if (header) {
    lines.push(`${header.name}: ${headerValue(header, token)}`, `Access-Control-Expose-Headers: ${header.name}`);
  }
  return lines.reduce((sum, line) => sum + Buffer.byteLength(`${line}\r\n`), 0);
}

/**
 * The default limit of nginx for all headers of a response together, in bytes. It is one memory page, 4 or 8 KB
 * (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size).
 */
const MAX_HEADER_BYTES = 4096;
/** Reserved for all other headers. NestJS on Express writes about 250 bytes, helmet about 660 more, and applications add their own. */
const OTHER_HEADER_BYTES = 1024;

/** Warns once, at the first token that makes the response headers too large for a proxy with default settings. */
export class HeaderSizeWarning {
  readonly #logger: Logger;
  #isGiven = false;

  /** @param name that of the module */
  constructor(
    private readonly delivery: DeliverySettings,
    name?: string,
  ) {
    this.#logger = new Logger(moduleTitle(name));
  }

  /** @param cookies the `Set-Cookie` lines of the response */
  check(token: string, cookies: readonly string[]): void {
    if (this.#isGiven) return;
    const bytes = headerBytes(this.delivery, token, cookies);
    if (bytes <= MAX_HEADER_BYTES - OTHER_HEADER_BYTES) return;
    this.#isGiven = true;
    const { header, cookie } = this.delivery;
    const where = header && cookie ? 'the header and the cookie' : `the ${header ? 'header' : 'cookie'}`;
    const once =
      header && cookie ? 'Send the token only once (delivery: { header: false } or { cookie: false }), sign' : 'Sign';
    this.#logger.warn(
      `A token of ${token.length} bytes adds ${bytes} bytes of response headers, in ${where}. By default, nginx answers 502 when all headers of a response together exceed ${MAX_HEADER_BYTES} bytes. ${once} fewer claims, or set proxy_buffer_size 16k and proxy_busy_buffers_size 16k in nginx.`,
    );
  }
}
