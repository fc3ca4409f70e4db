import { RefreshAuthCore } from '../../../../libs/refresh-auth/dist/compiled/refresh-auth.core.js';
import { resolveOptions } from '../../../../libs/refresh-auth/dist/compiled/options/refresh-auth-options.js';
import { InMemorySessionStore } from '../../../../libs/refresh-auth/dist/compiled/store/in-memory-session-store.js';
import { connectRedis } from '../../../../libs/refresh-auth/dist/compiled/store/redis/redis-connection.js';
import { RedisSessionStore } from '../../../../libs/refresh-auth/dist/compiled/store/redis/redis-session-store.js';
import type { Clock } from '../../../../libs/refresh-auth/dist/compiled/tokens/clock.js';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { LIFETIMES, PATIENT, SECRET } from './tokens.js';

const SYSTEM_CLOCK: Clock = { now: Date.now, monotonic: () => performance.now() };

/** How a client presents a token, whose request has just arrived. */
export const AT_ONCE = { waited: 0, isUse: true } as const;

/** One process, as far as the library goes: everything of it but Nest and HTTP. */
export interface Process {
  readonly core: RefreshAuthCore;
  readonly stop: () => Promise<void>;
}

function settingsOf(options: RefreshAuthOptions) {
  const { expiresIn, refreshWindow, sessionLifetime } = LIFETIMES;
  return resolveOptions({
    ...(options.keys ? {} : { secret: SECRET }),
    expiresIn,
    refreshWindow,
    sessionLifetime,
    ...PATIENT,
    ...options,
  });
}

export function coreInMemory(options: RefreshAuthOptions = {}, clock = SYSTEM_CLOCK): RefreshAuthCore {
  return new RefreshAuthCore(settingsOf(options), new InMemorySessionStore(clock), clock);
}

export async function startProcess(
  redis: NonNullable<RefreshAuthOptions['redis']>,
  clock = SYSTEM_CLOCK,
  options: RefreshAuthOptions = {},
): Promise<Process> {
  const settings = settingsOf(options);
  const store = new RedisSessionStore(await connectRedis(redis), settings.keyPrefix);
  const core = new RefreshAuthCore(settings, store, clock);
  await core.start();
  return {
    core,
    stop: async () => {
      await core.stop();
      await store.close();
    },
  };
}
