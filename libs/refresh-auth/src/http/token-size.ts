import { LONGEST_TOKEN } from '../tokens/compact.js';
import type { DeliverySettings } from './delivery-options.js';

/** What a browser keeps at most of a cookie, name and value together (RFC 6265bis section 5.6). */
export const MOST_COOKIE_BYTES = 4096;

export function cookieBytes(name: string, token: string): number {
  return Buffer.byteLength(name) + Buffer.byteLength(token);
}

/** The longest token that reaches a client and is read when it comes back. */
export function longestDeliverable({ header, cookie }: DeliverySettings): number {
  return header || !cookie ? LONGEST_TOKEN : MOST_COOKIE_BYTES - Buffer.byteLength(cookie.name);
}
