import type { RawResponse } from './http-message.js';

/**
 * What single caches obey instead of `Cache-Control`: targeted fields by their suffix, as RFC 9213 section 2 names them (`CDN-Cache-Control`,
 * `Cloudflare-CDN-Cache-Control` and so on), and those of the time before it (Fastly and Akamai, nginx).
 */
const OVERRIDES = /-cache-control$|^(surrogate-control|edge-control|x-accel-expires)$/i;

/**
 * Keeps a response out of every cache, whatever the handler said: one that kept it would hand one user's token to another (RFC 9111
 * section 7.3).
 */
export function forbidCaching(raw: RawResponse): void {
  for (const name of raw.getHeaderNames()) {
    if (OVERRIDES.test(name)) raw.removeHeader(name);
  }
  // Says nothing of caches: without it, compression would hold back the events of a stream.
  const keepsForm = [raw.getHeader('Cache-Control')].flat().some((said) => /\bno-transform\b/i.test(String(said)));
  raw.setHeader('Cache-Control', `private, no-store${keepsForm ? ', no-transform' : ''}`);
}
