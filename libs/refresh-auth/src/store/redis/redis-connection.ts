import type { Redis } from 'ioredis';
import { RefreshAuthOptionsError } from '../../errors/refresh-auth-options-error.js';

type ScriptArguments = [shaOrSource: string, keys: number, ...rest: (string | Buffer | number)[]];

/** What the library uses of an ioredis `Redis` or `Cluster`. */
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

/** The part of a client of its own that waiting for replicas uses. */
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
 * Not spelled with the types of ioredis, which is optional: whoever does without it can still compile.
 */
export type RedisOption = string | object;

/** Without it ioredis keeps a timer of two seconds after it was closed, and with it the process, if the server does not answer. */
const LEAVE_AT_ONCE = { disconnectTimeout: 0 };
const FAIL_FAST = {
  ...LEAVE_AT_ONCE,
  // A command that waits in a queue for a lost connection is a request that waits: fail at once, and let the client come again.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  // The longest delay of ioredis is 2 s in one major version, and 5 s in the next.
  retryStrategy: retryDelay,
  // A connection whose other end vanished without a word is found out by its silence, and replaced.
  socketTimeout: 5_000,
  // After a failover the name may lead to another server, while this connection still leads to the one that may not write any more.
  reconnectOnError: ({ message }: Error) => /\bREADONLY\b/.test(message),
};
/** How long a boot waits for a server that neither accepts nor refuses, in milliseconds. */
const BOOT_PATIENCE = 10_000;
/** A subscriber holds up nobody: it comes back by itself, however long that takes. */
const KEEP_TRYING = {
  ...LEAVE_AT_ONCE,
  enableOfflineQueue: true,
  // Done here, with a refusal caught: ioredis would let one end the process.
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  lazyConnect: false,
  retryStrategy: retryDelay,
  clusterRetryStrategy: retryDelay,
};

/** A client, and who closes it. */
export class RedisConnection {
  constructor(
    readonly client: RedisClient,
    private readonly isOurs: boolean,
  ) {}

  /**
   * Has Redis run a script. With `enableAutoPipelining`, a `Cluster` of ioredis before 5.11.1 takes the script itself for the key, puts
   * scripts of several nodes into one pipeline, and rejects all of them. In a pipeline of its own a script goes by its keys in each version.
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
   * Listens on a channel, over a connection of its own. The listener is also called when that connection is there (again), since
   * whatever was published meanwhile has gone unheard.
   *
   * @param refused called when Redis does not let it subscribe, with the reason
   */
  subscribe(channel: string, listener: () => void, refused: (reason: string) => void): { disconnect(): void } {
    const subscriber = this.client.isCluster
      ? this.client.duplicate([], { ...KEEP_TRYING, redisOptions: KEEP_TRYING })
      : this.client.duplicate(KEEP_TRYING);
    subscriber.on('error', ignore);
    subscriber.on('message', listener);
    subscriber.on('ready', () => {
      subscriber.subscribe(channel).then(listener, (error: Error) => {
        // A connection that was lost meanwhile is ready again soon, and subscribes then.
        if (isReply(error)) refused(error.message);
      });
    });
    return subscriber;
  }

  /**
   * Opens another connection like this one, which the library closes. Waits for it as `connectRedis` does.
   *
   * @param longest how long a command may block it, in milliseconds
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
 * Checks the option and connects.
 * Waits for the first connection, unless it fails: an application boots without Redis too.
 *
 * @throws RefreshAuthOptionsError when the option is none of the three, or ioredis is missing
 */
export async function connectRedis(option: unknown): Promise<RedisConnection> {
  if (isRedisClient(option)) return new RedisConnection(option, false);
  const isUsable = typeof option === 'string' ? isRedisUrl(option) : isPlainObject(option);
  if (!isUsable) {
    throw new RefreshAuthOptionsError(
      'redis',
      'is not a way to reach Redis',
      "Write a URL such as 'redis://localhost:6379', options of ioredis, or a Redis or Cluster instance of ioredis.",
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

/** Until a client is connected, or its first attempt to connect has failed. */
async function untilTried(client: Pick<PipelineClient, 'on' | 'once'>): Promise<void> {
  // Each failure reaches the request that it concerns; without a listener ioredis would print it as well.
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

/** Whether Redis itself has answered, with an error. By name, since the application's client may be of another copy of ioredis. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

function isRedisClient(option: unknown): option is RedisClient {
  return typeof (option as Partial<RedisClient> | null)?.evalshaBuffer === 'function';
}

/** A URL object or another library's client would be taken for options that name no host, and so for localhost. */
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
