import { createHmac } from 'node:crypto';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';

/** A second module beside the usual one, and the routes under `/grace`, so that both policies can be tried side by side. */
export const GRACE = 'grace';

/** Short enough to watch it pass. Where users are behind it, 30 seconds are better. */
export const GRACE_SECONDS = 1;

/** The settings of the usual module, under the grace policy. Tokens of one module are none of the other: they have a key and a cookie of their own. */
export function gracePolicy(options: RefreshAuthOptions & { secret: string }): RefreshAuthOptions {
  const cookie = options.delivery?.cookie;
  // Browsers accept the prefix, which keeps other hosts of the site from setting the cookie, only with `Secure`.
  const name = `${cookie && cookie.secure === false ? '' : '__Host-'}${GRACE}-authorization`;
  return {
    ...options,
    secret: createHmac('sha256', options.secret).update(GRACE).digest(),
    reuseDetection: { grace: GRACE_SECONDS, onReuse: 'revoke' },
    delivery: { ...options.delivery, ...(cookie && { cookie: { ...cookie, name } }) },
  };
}
