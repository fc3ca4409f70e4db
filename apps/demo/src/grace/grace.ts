import { createHmac } from 'node:crypto';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';

/** Name of a second module with reuse detection, beside the usual one. Its routes are under `/grace`, so that both can be tried side by side. */
export const GRACE = 'grace';

/** Short enough to watch, in seconds. For real users, take the defaults: 30 seconds, and 30 minutes. */
export const GRACE_SECONDS = 1;
export const REVOKE_AFTER_SECONDS = 5;

/**
 * Returns the settings of the usual module, with reuse detection. Neither module accepts the tokens of the other: each has a key and a cookie
 * of its own. Where the usual one delivers tokens in a header and in a cookie, this one uses the header alone: under reuse detection a client
 * must not keep two copies.
 */
export function gracePolicy(options: RefreshAuthOptions & { secret: string }): RefreshAuthOptions {
  const { header, cookie } = options.delivery ?? {};
  // Browsers accept the prefix, which keeps other hosts of the site from setting the cookie, only with `Secure`.
  const name = `${cookie && cookie.secure === false ? '' : '__Host-'}${GRACE}-authorization`;
  return {
    ...options,
    secret: createHmac('sha256', options.secret).update(GRACE).digest(),
    reuseDetection: { grace: GRACE_SECONDS, revokeAfter: REVOKE_AFTER_SECONDS, onReuse: 'revoke' },
    delivery: header === false ? { header, cookie: { ...cookie, name } } : { cookie: false },
  };
}
