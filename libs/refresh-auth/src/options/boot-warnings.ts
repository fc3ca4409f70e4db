import cluster from 'node:cluster';
import type { RefreshAuthSettings } from './refresh-auth-options.js';
import { within } from '../store/deadline.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import { RedisSessionStore } from '../store/redis/redis-session-store.js';
import type { SessionStore } from '../store/session-store.js';
import type { Clock } from '../tokens/clock.js';
import { TokenTimes } from '../tokens/token-times.js';

/**
 * Finds set-ups that work but are risky, at boot. Each warning says what may happen, and what to do.
 *
 * Waits at most `storeTimeout` for what only the store can tell.
 */
export async function findWarnings(
  settings: RefreshAuthSettings,
  store: SessionStore,
  clock: Clock,
): Promise<readonly string[]> {
  return [
    ...warnOfSecrets(settings),
    ...warnOfSharedKeys(settings),
    ...warnOfMemory(store),
    ...warnOfEndlessSessions(settings),
    ...warnOfContradictingReuse(settings),
    ...(await warnOfRedis(settings, store, clock)),
  ];
}

function warnOfSecrets({ keys }: RefreshAuthSettings): string[] {
  return keys.all.flatMap(({ warning }) => (warning ? [`${warning.message} It does not boot in production.`] : []));
}

function warnOfSharedKeys({ keys }: RefreshAuthSettings): string[] {
  return keys.all.flatMap(({ verifyingKey }, index) => {
    const twin = keys.all.findIndex((other) => other.verifyingKey.equals(verifyingKey));
    if (twin === index) return [];
    return [
      `RefreshAuthModule: options \`keys[${twin}]\` and \`keys[${index}]\` have the same secret or key pair, so whoever has one has both. Give each a key of its own (RFC 8725 section 3.1).`,
    ];
  });
}

function warnOfMemory(store: SessionStore): string[] {
  if (!(store instanceof InMemorySessionStore) || process.env['NODE_ENV'] !== 'production') return [];
  // pm2 sets NODE_APP_INSTANCE, with and without its cluster mode.
  if (cluster.isWorker || process.env['NODE_APP_INSTANCE'] !== undefined) {
    return [
      'Sessions are kept in the memory of each of several workers: a logout is known to one of them alone, and each refreshes the same token anew. Set the option `redis`.',
    ];
  }
  return [
    'Sessions are kept in memory: a restart forgets revocations, and other processes do not see them. Set the option `redis`.',
  ];
}

function warnOfEndlessSessions({ lifetimes, reuseDetection }: RefreshAuthSettings): string[] {
  if (lifetimes.sessionLifetime !== Number.POSITIVE_INFINITY || reuseDetection) return [];
  return [
    'Sessions have no end, and superseded tokens are handed over for their refresh window: a token that leaks can be refreshed for ever. Set the option `sessionLifetime` or `reuseDetection`.',
  ];
}

/** Finds what weakens reuse detection, or leaves honest clients with superseded tokens under it. */
function warnOfContradictingReuse({ lifetimes, reuseDetection, delivery }: RefreshAuthSettings): string[] {
  if (!reuseDetection) return [];
  const warnings: string[] = [];
  if (reuseDetection.grace > lifetimes.expiresIn * 1000) {
    warnings.push(
      'The option `reuseDetection.grace` is longer than `expiresIn`: a stolen token is handed the latest one for longer than that is valid. Set a grace of at most `expiresIn`.',
    );
  }
  if (delivery.header && delivery.cookie) {
    warnings.push(
      'Under `reuseDetection` each new token is written both to a header and to a cookie: a client that keeps both soon presents a superseded one. Set `delivery.header` to false for browsers that use the cookie, or `delivery.cookie` to false for clients that use the header.',
    );
  }
  return warnings;
}

async function warnOfRedis(
  { storeTimeout, lifetimes }: RefreshAuthSettings,
  store: SessionStore,
  clock: Clock,
): Promise<string[]> {
  if (!(store instanceof RedisSessionStore)) return [];
  const warnings = within(storeTimeout, 'storeTimeout', () => store.warnings(new TokenTimes(lifetimes, clock)));
  return warnings.catch(() => []);
}
