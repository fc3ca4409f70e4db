import { RefreshAuthOptionsError } from '../../errors/refresh-auth-options-error.js';

/**
 * The option `redis`: a URL, options of ioredis, or a `Redis` or `Cluster` of the application, which stays the application's to close.
 * Typed without ioredis, which is optional, so that applications without it compile.
 */
export type RedisOption = string | object;

/** The options of ioredis from 5.2.5 to 6.0. It ignores all others, and an address that it ignores becomes localhost. */
export const IOREDIS_OPTIONS = [
  'autoPipeliningIgnoredCommands',
  'autoResendUnfulfilledCommands',
  'autoResubscribe',
  'blockingTimeout',
  'blockingTimeoutGrace',
  'clientInfoTag',
  'commandQueue',
  'commandTimeout',
  'connectionName',
  'Connector',
  'connectTimeout',
  'db',
  'disableClientInfo',
  'disconnectTimeout',
  'enableAutoPipelining',
  'enableOfflineQueue',
  'enableReadyCheck',
  'enableTLSForSentinelMode',
  'failoverDetector',
  'family',
  'himportFieldsets',
  'host',
  'keepAlive',
  'keyPrefix',
  'lazyConnect',
  'maxLoadingRetryTime',
  'maxRetriesPerRequest',
  'monitor',
  'name',
  'natMap',
  'noDelay',
  'offlineQueue',
  'password',
  'path',
  'port',
  'preferredSlaves',
  'protocol',
  'readOnly',
  'reconnectOnError',
  'replyMapping',
  'retryStrategy',
  'role',
  'scripts',
  'sentinelCommandTimeout',
  'sentinelMaxConnections',
  'sentinelPassword',
  'sentinelReconnectStrategy',
  'sentinelRetryStrategy',
  'sentinels',
  'sentinelTLS',
  'sentinelUsername',
  'showFriendlyErrorStack',
  'socketTimeout',
  'stringNumbers',
  'tls',
  'updateSentinels',
  'username',
] as const;

const REMEDY =
  "Write a URL such as 'redis://localhost:6379', options of ioredis, or a Redis or Cluster instance of ioredis. Leave it out to keep sessions in memory.";

/** What to write instead of the options of node-redis, the other client for Redis. */
const REMEDIES: Readonly<Record<string, string>> = {
  url: "Write the URL itself: redis: 'redis://localhost:6379'.",
  socket: 'Write host, port and tls without it: redis: { host, port, tls: {} }.',
  database: 'Write `db`.',
};

/**
 * Checks the option, unless it is a client of ioredis.
 *
 * @param call to which it was given, as errors name it
 * @throws RefreshAuthOptionsError if ioredis would ignore it, or a part of it
 */
export function checkRedisOption(option: unknown, call?: string): RedisOption {
  const fail = (problem: string, remedy = REMEDY, name = 'redis'): never => {
    throw new RefreshAuthOptionsError(name, problem, remedy, call);
  };
  if (typeof option === 'string') {
    if (isRedisUrl(option)) return option;
    return fail(option === '' ? 'is an empty string' : 'is not a way to reach Redis');
  }
  if (isForeignClient(option)) return fail('is a client of another library than ioredis');
  if (!isPlainObject(option)) return fail('is not a way to reach Redis');
  const unknown = Object.keys(option).find((name) => !(IOREDIS_OPTIONS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    const remedy = Object.hasOwn(REMEDIES, unknown) ? REMEDIES[unknown] : undefined;
    fail(
      'is not an option of ioredis',
      remedy ?? 'Leave it out, or write options of ioredis, such as host, port, username, password, db and tls.',
      `redis.${unknown}`,
    );
  }
  const { host } = option as { host?: unknown };
  if (typeof host === 'string' && host.includes('/')) {
    fail(
      'is a URL',
      "Write the name of the host alone, or the URL itself: redis: 'redis://localhost:6379'.",
      'redis.host',
    );
  }
  return option;
}

/** Every client for Redis has this method. */
function isForeignClient(option: unknown): boolean {
  return typeof (option as { sendCommand?: unknown } | null | undefined)?.sendCommand === 'function';
}

/** Returns false for a URL object, say, which ioredis would take for options without a host, and so for localhost. */
function isPlainObject(option: unknown): option is object {
  if (typeof option !== 'object' || option === null) return false;
  const prototype: unknown = Object.getPrototypeOf(option);
  return prototype === Object.prototype || prototype === null;
}

function isRedisUrl(text: string): boolean {
  return URL.canParse(text) && ['redis:', 'rediss:'].includes(new URL(text).protocol);
}
