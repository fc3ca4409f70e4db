import { createHmac } from 'node:crypto';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';

/** The name of a second module, with reuse detection, whose routes are under `/grace`, so that both can be tried side by side. */
export const GRACE = 'grace';

/** Short enough to watch. For real users, the defaults are better: 30 seconds and 30 minutes. */
export const GRACE_SECONDS = 1;
export const REVOKE_AFTER_SECONDS = 5;

/**
 * Returns the settings of the first module with reuse detection. Each module has its own key and cookie, so that neither accepts the tokens of
 * the other. If the first module delivers tokens in a header and in a cookie, this one uses the header alone: under reuse detection a client
 * must not keep two copies.
 */
export function gracePolicy(options: RefreshAuthOptions & { secret: string }): RefreshAuthOptions {
  const { header, cookie } = options.delivery ?? {};
  // The prefix `__Host-` keeps other hosts of the site from setting the cookie. Browsers accept it only with `Secure`.
  const name = `${cookie && cookie.secure === false ? '' : '__Host-'}${GRACE}-authorization`;
  return {
    ...options,
    secret: createHmac('sha256', options.secret).update(GRACE).digest(),
    reuseDetection: { grace: GRACE_SECONDS, revokeAfter: REVOKE_AFTER_SECONDS, onReuse: 'revoke' },
    delivery: header === false ? { header, cookie: { ...cookie, name } } : { cookie: false },
  };
}
