import type { Redis } from 'ioredis';
import { RefreshAuthOptionsError } from '../../errors/refresh-auth-options-error.js';
import { ConnectionProblem, type ObservedClient } from './connection-problem.js';
import { checkRedisOption, type RedisOption } from './redis-option.js';
import type { Script } from './redis-scripts.js';

export type Argument = string | number | Buffer;
type ScriptArguments = [shaOrSource: string, keys: number, ...rest: Argument[]];

/** A script, its keys and its arguments. */
export type ScriptCall = readonly [script: Script, keys: readonly string[], args: readonly Argument[]];

interface Pipeline {
  evalshaBuffer(...args: ScriptArguments): Pipeline;
  evalBuffer(...args: ScriptArguments): Pipeline;
  wait(replicas: number, milliseconds: number): Pipeline;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** The part of an ioredis `Redis` or `Cluster` that the library uses. */
export interface RedisClient {
  readonly isCluster?: boolean;
  readonly options?: ObservedClient['options'] & { readonly enableAutoPipelining?: boolean };
  evalshaBuffer(...args: ScriptArguments): Promise<unknown>;
  evalBuffer(...args: ScriptArguments): Promise<unknown>;
  pipeline(): Pipeline;
  info(section: string): Promise<string>;
  time(): Promise<(string | number)[]>;
  duplicate(...args: unknown[]): DuplicatedClient;
}

/** A client that the library has made from another, and closes. */
export interface DuplicatedClient extends ObservedClient {
  readonly isCluster?: boolean;
  evalBuffer(...args: ScriptArguments): Promise<unknown>;
  pipeline(): Pipeline;
  subscribe(channel: string): Promise<unknown>;
  once(event: string, listener: () => void): unknown;
  disconnect(): void;
}

/** If the server does not answer, ioredis would keep a timer for two seconds after it was closed, and so keep the process alive. */
const LEAVE_AT_ONCE = { disconnectTimeout: 0 };
const FAIL_FAST = {
  ...LEAVE_AT_ONCE,
  // A command that waits for a connection holds up a request. Fail at once, and let the client retry.
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

/** A client of the application, or one that the library has made and therefore closes. */
export class RedisConnection {
  /** If the client is the application's, the subscriber reports it: a listener on that client would keep ioredis from printing its errors. */
  #problem: ConnectionProblem | undefined;

  /** @param ownProblem the problem of `client`, if the library has made it */
  constructor(
    readonly client: RedisClient,
    private readonly ownProblem?: ConnectionProblem,
  ) {
    this.#problem = ownProblem;
  }

  /**
   * Runs a script.
   *
   * @throws the error that Redis answered, or one that says why there is no connection
   */
  async run(...[{ sha1, source }, keys, args]: ScriptCall): Promise<unknown> {
    try {
      return await this.#send('evalshaBuffer', [sha1, keys.length, ...keys, ...args]);
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#send('evalBuffer', [source, keys.length, ...keys, ...args]);
    }
  }

  async #send(command: 'evalshaBuffer' | 'evalBuffer', args: ScriptArguments): Promise<unknown> {
    const { isCluster, options } = this.client;
    try {
      return await (isCluster && options?.enableAutoPipelining
        ? this.#sendAlone(command, args)
        : this.client[command](...args));
    } catch (error) {
      throw isReply(error) ? error : (this.#problem?.explain(error) ?? error);
    }
  }

  /**
   * With `enableAutoPipelining`, a `Cluster` of ioredis before 5.11.1 takes the script for the key, puts scripts of several nodes into one
   * pipeline, and rejects all of them. In a pipeline of its own a script is routed by its keys in every version.
   */
  async #sendAlone(command: 'evalshaBuffer' | 'evalBuffer', args: ScriptArguments): Promise<unknown> {
    const pipeline = this.client.pipeline();
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
    const problem = new ConnectionProblem(subscriber);
    if (!this.ownProblem) this.#problem = problem;
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
  async duplicate(longest: number): Promise<{ client: DuplicatedClient; problem: ConnectionProblem }> {
    const options = { ...FAIL_FAST, lazyConnect: false, socketTimeout: FAIL_FAST.socketTimeout + longest };
    const client = this.client.isCluster
      ? this.client.duplicate([], { ...options, redisOptions: options, clusterRetryStrategy: retryDelay })
      : this.client.duplicate(options);
    return { client, problem: await untilTried(client) };
  }

  async close(): Promise<void> {
    if (this.ownProblem) (this.client as unknown as DuplicatedClient).disconnect();
  }
}

/**
 * Checks the option and connects. Waits for the first attempt only, since an application boots without Redis too.
 *
 * @throws RefreshAuthOptionsError when the option is none of the three, or ioredis is missing
 */
export async function connectRedis(option: unknown, call?: string): Promise<RedisConnection> {
  if (isRedisClient(option)) return new RedisConnection(option);
  const checked = checkRedisOption(option, call);
  const client = createClient(checked, await importIoredis(call), call);
  const problem = await untilTried(client);
  // Their types know the two methods only without their `Buffer` forms.
  return new RedisConnection(client as unknown as RedisClient, problem);
}

function createClient(option: RedisOption, Client: typeof Redis, call?: string): Redis {
  try {
    return typeof option === 'string'
      ? new Client(option, FAIL_FAST)
      : new Client({ ...FAIL_FAST, ...option, lazyConnect: false });
  } catch (error) {
    const { message } = error as Error;
    throw new RefreshAuthOptionsError(
      'redis',
      `is refused by ioredis (${message})`,
      'Write the options that the documentation of ioredis names.',
      call,
    );
  }
}

/** Resolves when a client is connected, or its first attempt to connect has failed. */
async function untilTried(
  client: Pick<DuplicatedClient, 'on' | 'once' | 'options' | 'isCluster'>,
): Promise<ConnectionProblem> {
  // Each failure reaches the request that it affects. Without a listener for errors ioredis would print it too.
  const problem = new ConnectionProblem(client);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, BOOT_PATIENCE);
    const goOn = () => {
      clearTimeout(timer);
      resolve();
    };
    // Not `close` for a cluster: if its first node does not answer, it closes that connection and tries the next node.
    for (const event of client.isCluster ? ['ready', 'error'] : ['ready', 'error', 'close']) client.once(event, goOn);
  });
  return problem;
}

async function importIoredis(call?: string): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (cause) {
    const error = new RefreshAuthOptionsError(
      'redis',
      'needs the package ioredis',
      'Install it: npm install ioredis',
      call,
    );
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

function retryDelay(times: number): number {
  return Math.min(times * 100, 2000);
}
