import ms, { type StringValue } from 'ms';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { GRACE, GRACE_SECONDS, REVOKE_AFTER_SECONDS } from '../grace/grace.js';
import type { Settings } from '../settings.js';
import type { About } from './about.interface.js';
import { repositoryAddress } from './repository.js';

export const ABOUT = Symbol('The settings of the demo that its page needs');

/** The settings that do not change while the demo runs. */
export type FixedAbout = Omit<About, 'now' | 'storeState'>;

export function describe({ httpAdapter, faults, grace, process, refreshAuth }: Settings): FixedAbout {
  const { expiresIn = '15m', refreshWindow = '7d', sessionLifetime = '30d', reuseDetection, redis } = refreshAuth;
  return {
    adapter: httpAdapter,
    store: redis === undefined ? 'memory' : 'redis',
    delivery: describeDelivery(refreshAuth.delivery),
    processes: process.of,
    faults,
    lifetimes: {
      expiresIn: seconds(expiresIn),
      refreshWindow: seconds(refreshWindow),
      sessionLifetime: sessionLifetime === false ? null : seconds(sessionLifetime),
    },
    repository: repositoryAddress(),
    policies: [
      { base: '', reuse: describeReuse(reuseDetection, seconds(refreshWindow)) },
      ...(grace ? [{ base: `/${GRACE}`, reuse: { grace: GRACE_SECONDS, revokeAfter: REVOKE_AFTER_SECONDS } }] : []),
    ],
  };
}

function describeDelivery({ header, cookie }: NonNullable<RefreshAuthOptions['delivery']> = {}): About['delivery'] {
  if (header === false) return 'cookie';
  return cookie === false ? 'header' : 'both';
}

function describeReuse(
  reuseDetection: RefreshAuthOptions['reuseDetection'],
  refreshWindow: number,
): About['policies'][number]['reuse'] {
  if (!reuseDetection) return null;
  const { grace = '30s', revokeAfter = Math.min(30 * 60, refreshWindow) } = reuseDetection;
  return { grace: seconds(grace), revokeAfter: seconds(revokeAfter) };
}

/** Reads a duration as the library does. The library has already checked it. */
function seconds(duration: number | string): number {
  return typeof duration === 'number' ? duration : ms(duration as StringValue) / 1000;
}
