import { createHmac } from 'node:crypto';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';

/** The name of a second module, whose routes are under `/grace`, so that both policies can be tried side by side. */
export const GRACE = 'grace';

/** Short enough to watch. For real users, 30 seconds are better. */
export const GRACE_SECONDS = 1;

/**
 * Returns the settings of the first module with the grace policy. Each module has its own key and cookie, so that neither accepts the
 * tokens of the other.
 */
export function gracePolicy(options: RefreshAuthOptions & { secret: string }): RefreshAuthOptions {
  const cookie = options.delivery?.cookie;
  // The prefix `__Host-` keeps other hosts of the site from setting the cookie. Browsers accept it only with `Secure`.
  const name = `${cookie && cookie.secure === false ? '' : '__Host-'}${GRACE}-authorization`;
  return {
    ...options,
    secret: createHmac('sha256', options.secret).update(GRACE).digest(),
    reuseDetection: { grace: GRACE_SECONDS, onReuse: 'revoke' },
    delivery: { ...options.delivery, ...(cookie && { cookie: { ...cookie, name } }) },
  };
}
