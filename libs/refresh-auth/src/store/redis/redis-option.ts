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

/** The remedy for each option of node-redis, the other client for Redis. */
const REMEDIES: Readonly<Record<string, string>> = {
  url: "Write the URL itself: redis: 'redis://localhost:6379'.",
  socket: 'Write host, port and tls without it: redis: { host, port, tls: {} }.',
  database: 'Write `db`.',
};

const UNKNOWN_REMEDY =
  'Leave it out, or write options of ioredis, such as host, port, username, password, db and tls. If your ioredis is newer and knows it, write a client: redis: new Redis({ … }).';
const OR_URL = ", or the URL itself: redis: 'redis://localhost:6379'.";

/**
 * Checks the option, unless it is a client of ioredis. No error shows its value, which may hold a password in any place.
 *
 * @param call to which it was given, as errors name it
 * @throws RefreshAuthOptionsError if ioredis would ignore it, or a part of it
 */
export function checkRedisOption(option: unknown, call?: string): RedisOption {
  const fail = (problem: string, remedy = REMEDY, name = 'redis'): never => {
    throw new RefreshAuthOptionsError(name, problem, remedy, call);
  };
  if (typeof option === 'string') {
    if (option === '') return fail('is an empty string');
    if (!/^rediss?:/i.test(option)) return fail('is not a way to reach Redis');
    if (isCompleteUrl(option)) return option;
    return fail(
      'is not a complete URL',
      "Write 'redis://user:password@host:6379', and write user name and password as encodeURIComponent() returns them.",
    );
  }
  if (isForeignClient(option)) return fail('is a client of another library than ioredis');
  if (!isPlainObject(option) && !isInstanceWithOptions(option)) return fail('is not a way to reach Redis');
  const unknown = Object.keys(option).find((name) => !isKnown(name));
  if (unknown !== undefined) {
    const remedy = Object.hasOwn(REMEDIES, unknown) ? REMEDIES[unknown] : undefined;
    fail('is not an option of ioredis', remedy ?? UNKNOWN_REMEDY, `redis.${unknown}`);
  }
  const { host, path, sentinels } = option as { host?: unknown; path?: unknown; sentinels?: unknown };
  if (isUrl(host)) fail(PART_OF_URL, `Write the name of the host alone${OR_URL}`, 'redis.host');
  if (typeof path === 'string' && path.includes('://'))
    fail('is a URL', `Write the path of a socket${OR_URL}`, 'redis.path');
  for (const [index, sentinel] of (Array.isArray(sentinels) ? sentinels : []).entries()) {
    const { host: its } = Object(sentinel) as { host?: unknown };
    if (isUrl(its)) fail(PART_OF_URL, 'Write the name of the host alone.', `redis.sentinels[${index}].host`);
  }
  return option;
}

const PART_OF_URL = 'is a URL or part of one';

function isUrl(host: unknown): boolean {
  return typeof host === 'string' && /[/@]/.test(host);
}

function isKnown(name: string): boolean {
  return (IOREDIS_OPTIONS as readonly string[]).includes(name);
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

/** Returns true for an instance of a class of settings, if it has options and nothing else. */
function isInstanceWithOptions(option: unknown): option is object {
  const names = typeof option === 'object' && option !== null && !Array.isArray(option) ? Object.keys(option) : [];
  return names.length > 0 && names.every(isKnown);
}

/**
 * Returns false for a URL without a host, for which ioredis takes localhost, and for one with a password that is not encoded: its beginning
 * counts as the host, which errors and logs show.
 */
function isCompleteUrl(text: string): boolean {
  if (!URL.canParse(text) || text.includes('#')) return false;
  const { hostname, username, password, pathname, search } = new URL(text);
  return hostname !== '' && !`${pathname}${search}`.includes('@') && [username, password].every(isEncoded);
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
