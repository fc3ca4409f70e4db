import type { Redis } from 'ioredis';
import { RefreshAuthOptionsError } from '../../errors/refresh-auth-options-error.js';

type ScriptArguments = [shaOrSource: string, keys: number, ...rest: (string | Buffer | number)[]];

/** The part of an ioredis `Redis` or `Cluster` that the library uses. */
export interface RedisClient {
  readonly isCluster?: boolean;
  readonly options?: { readonly enableAutoPipelining?: boolean };
  evalshaBuffer(...args: ScriptArguments): Promise<unknown>;
  evalBuffer(...args: ScriptArguments): Promise<unknown>;
  pipeline(): RedisPipeline;
  info(section: string): Promise<string>;
  time(): Promise<(string | number)[]>;
  duplicate(...args: unknown[]): RedisSubscriber & PipelineClient;
}

/** The part of a duplicated client that waiting for replicas uses. */
export interface PipelineClient {
  eval(source: string, keys: number, ...args: (string | Buffer | number)[]): Promise<unknown>;
  pipeline(): Pipeline;
  once(event: string, listener: () => void): unknown;
  on(event: string, listener: () => void): unknown;
  disconnect(): void;
}

interface Pipeline {
  eval(source: string, keys: number, ...args: (string | Buffer | number)[]): Pipeline;
  wait(replicas: number, milliseconds: number): Pipeline;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

interface RedisPipeline {
  evalshaBuffer(...args: ScriptArguments): unknown;
  evalBuffer(...args: ScriptArguments): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

interface RedisSubscriber {
  subscribe(channel: string): Promise<unknown>;
  on(event: string, listener: () => void): unknown;
  disconnect(): void;
}

/**
 * The option `redis`: a URL, options of ioredis, or a `Redis` or `Cluster` of the application, which stays the application's to close.
 * Typed without ioredis, which is optional, so that applications without it compile.
 */
export type RedisOption = string | object;

/** ioredis would keep a timer of two seconds after it was closed, and so the process, if the server does not answer. */
const LEAVE_AT_ONCE = { disconnectTimeout: 0 };
const FAIL_FAST = {
  ...LEAVE_AT_ONCE,
  // A command that waits for a lost connection is a request that waits. Fail at once, and let the client retry.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  // The longest delay of ioredis is 2 s in one major version, and 5 s in the next.
  retryStrategy: retryDelay,
  // Replaces a connection whose other end vanished silently.
  socketTimeout: 5_000,
  // After a failover the name may lead to another server, while this connection still leads to a server that is read-only now.
  reconnectOnError: ({ message }: Error) => /\bREADONLY\b/.test(message),
};
/** The boot waits this long for a server that neither accepts nor refuses a connection, in milliseconds. */
const BOOT_PATIENCE = 10_000;
/** No request waits for the subscriber, so it may try for as long as it takes. */
const KEEP_TRYING = {
  ...LEAVE_AT_ONCE,
  enableOfflineQueue: true,
  // Done in `subscribe`, which catches a refusal; in ioredis that would end the process.
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  lazyConnect: false,
  retryStrategy: retryDelay,
  clusterRetryStrategy: retryDelay,
};

/** A client, and the knowledge who closes it. */
export class RedisConnection {
  constructor(
    readonly client: RedisClient,
    private readonly isOurs: boolean,
  ) {}

  /**
   * Runs a script. With `enableAutoPipelining`, a `Cluster` of ioredis before 5.11.1 takes the script for the key, puts scripts of several
   * nodes into one pipeline, and rejects all of them. In a pipeline of its own a script is routed by its keys in every version.
   */
  async run(command: 'evalshaBuffer' | 'evalBuffer', ...args: ScriptArguments): Promise<unknown> {
    const { client } = this;
    if (!client.isCluster || !client.options?.enableAutoPipelining) return client[command](...args);
    const pipeline = client.pipeline();
    pipeline[command](...args);
    const [[error, reply] = [null, undefined]] = (await pipeline.exec()) ?? [];
    if (error) throw error;
    return reply;
  }

  /**
   * Listens on a channel, over a connection of its own. The listener is also called after each (re)connect, since messages may have been
   * missed.
   *
   * @param refused called with the reason if Redis does not allow the subscription
   */
  subscribe(channel: string, listener: () => void, refused: (reason: string) => void): { disconnect(): void } {
    const subscriber = this.client.isCluster
      ? this.client.duplicate([], { ...KEEP_TRYING, redisOptions: KEEP_TRYING })
      : this.client.duplicate(KEEP_TRYING);
    subscriber.on('error', ignore);
    subscriber.on('message', listener);
    subscriber.on('ready', () => {
      subscriber.subscribe(channel).then(listener, (error: Error) => {
        // A connection that was lost meanwhile will subscribe when it is ready again.
        if (isReply(error)) refused(error.message);
      });
    });
    return subscriber;
  }

  /**
   * Opens another connection like this one, which the library closes. Waits for it as `connectRedis` does.
   *
   * @param longest the longest time that a command may block it, in milliseconds
   */
  async duplicate(longest: number): Promise<PipelineClient> {
    const options = { ...FAIL_FAST, lazyConnect: false, socketTimeout: FAIL_FAST.socketTimeout + longest };
    const client = this.client.isCluster
      ? this.client.duplicate([], { ...options, redisOptions: options, clusterRetryStrategy: retryDelay })
      : this.client.duplicate(options);
    await untilTried(client);
    return client;
  }

  async close(): Promise<void> {
    if (this.isOurs) (this.client as unknown as RedisSubscriber).disconnect();
  }
}

/**
 * Checks the option and connects. Waits for the first attempt only, since an application boots without Redis too.
 *
 * @throws RefreshAuthOptionsError when the option is none of the three, or ioredis is missing
 */
export async function connectRedis(option: unknown): Promise<RedisConnection> {
  if (isRedisClient(option)) return new RedisConnection(option, false);
  const isUsable = typeof option === 'string' ? isRedisUrl(option) : isPlainObject(option);
  if (!isUsable) {
    throw new RefreshAuthOptionsError(
      'redis',
      option === '' ? 'is an empty string' : 'is not a way to reach Redis',
      "Write a URL such as 'redis://localhost:6379', options of ioredis, or a Redis or Cluster instance of ioredis. Leave it out to keep sessions in memory.",
    );
  }
  return openConnection(option as RedisOption);
}

async function openConnection(option: RedisOption): Promise<RedisConnection> {
  const Client = await importIoredis();
  const client =
    typeof option === 'string'
      ? new Client(option, FAIL_FAST)
      : new Client({ ...FAIL_FAST, ...option, lazyConnect: false });
  await untilTried(client);
  // Their types know the two methods only without their `Buffer` forms.
  return new RedisConnection(client as unknown as RedisClient, true);
}

/** Resolves when a client is connected, or its first attempt to connect has failed. */
async function untilTried(client: Pick<PipelineClient, 'on' | 'once'>): Promise<void> {
  // Each failure reaches the request that it affects. Without a listener ioredis would print it too.
  client.on('error', ignore);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, BOOT_PATIENCE);
    const goOn = () => {
      clearTimeout(timer);
      resolve();
    };
    client.once('ready', goOn);
    client.once('error', goOn);
  });
}

async function importIoredis(): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (cause) {
    const error = new RefreshAuthOptionsError('redis', 'needs the package ioredis', 'Install it: npm install ioredis');
    error.cause = cause;
    throw error;
  }
}

/** Returns true if Redis answered with an error. Compares names, since the application's client may come from another copy of ioredis. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

function isRedisClient(option: unknown): option is RedisClient {
  return typeof (option as Partial<RedisClient> | null)?.evalshaBuffer === 'function';
}

/** Returns false for a URL object or a client of another library, which ioredis would take for options without a host, and so for localhost. */
function isPlainObject(option: unknown): boolean {
  if (typeof option !== 'object' || option === null) return false;
  const prototype: unknown = Object.getPrototypeOf(option);
  return prototype === Object.prototype || prototype === null;
}

function retryDelay(times: number): number {
  return Math.min(times * 100, 2000);
}

function isRedisUrl(text: string): boolean {
  return URL.canParse(text) && ['redis:', 'rediss:'].includes(new URL(text).protocol);
}

function ignore(): void {}
