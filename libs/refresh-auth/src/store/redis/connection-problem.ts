/** The part of a client of ioredis that tells where it connects and how that goes. */
export interface ObservedClient {
  readonly options?: {
    readonly host?: string | undefined;
    readonly port?: number | string | undefined;
    readonly path?: string | undefined;
    readonly db?: number | undefined;
    readonly tls?: object | undefined;
    readonly sentinels?: readonly unknown[] | null | undefined;
    readonly name?: string | null | undefined;
  };
  on(event: string, listener: (error?: Error) => void): unknown;
}

/** The errors of ioredis for a command that had no connection. They do not say why. */
const NO_CONNECTION = /isn't writeable|Connection is closed|max retries per request|Command aborted/;

/** The error of ioredis after all sentinels have failed. The event of each has told why. */
const SENTINELS_FAILED = /^All sentinels are unreachable/;

/**
 * Remembers why a client has no connection: a wrong address, password or TLS setting. ioredis tells that only in its events, while the errors
 * of commands say that the stream is not writeable.
 */
export class ConnectionProblem {
  readonly #place: string;
  /** `undefined` while the client is connected. */
  #reason: string | undefined = 'it does not answer';
  #isReady = false;
  /** True if an event has told why the current attempt failed. */
  #isTold = false;

  constructor(client: ObservedClient) {
    this.#place = placeOf(client);
    client.on('error', (error) => this.#fail(error?.message ?? ''));
    client.on('sentinelError', (error) => this.#tell(error?.message ?? ''));
    client.on('ready', () => {
      this.#isReady = true;
      this.#isTold = false;
      this.#reason = undefined;
    });
    client.on('close', () => {
      if (!this.#isTold) this.#reason = this.#isReady ? CLOSED : CLOSED_EARLY;
      this.#isReady = false;
      this.#isTold = false;
    });
  }

  /** Returns an error that says where and why, if a command failed because its client was not connected; otherwise the error itself. */
  explain(error: unknown): unknown {
    const message = error instanceof Error ? error.message : '';
    if (this.#reason === undefined && !NO_CONNECTION.test(message)) return error;
    return new Error(`no connection to Redis${this.#place}: ${this.#reason ?? CLOSED}`);
  }

  #fail(message: string): void {
    // While a client is ready, these are about one command. ioredis 5 also reports commands of its own that a lost connection has failed.
    if (this.#isReady || NO_CONNECTION.test(message) || SENTINELS_FAILED.test(message)) return;
    this.#tell(message);
  }

  #tell(message: string): void {
    this.#isTold = true;
    // "unknown command `HELLO`, with args beginning with" is followed by the password.
    const reason = withoutUser(message.split(', with args')[0] ?? message);
    this.#reason = reason.startsWith('NOAUTH') ? `${reason.replace(/\.?$/, '.')} ${PASSWORD_REMEDY}` : reason;
  }
}

const PASSWORD_REMEDY = "Write redis: 'redis://:password@host:6379'";
const CLOSED = 'the connection is closed';
const CLOSED_EARLY = 'it closed the connection without an answer, as a port does that expects TLS (rediss://)';

/** Returns the address as a reader finds it in the settings; empty for a cluster, which has many. */
export function placeOf({
  options: { host, port, path, tls, sentinels, name: primary } = {},
}: Pick<ObservedClient, 'options'>): string {
  const secured = tls ? ' over TLS' : '';
  if (sentinels) return ` by the sentinels of '${primary ?? ''}'${secured}`;
  if (path) return ` at ${withoutUser(path)}`;
  if (host === undefined) return '';
  const name = withoutUser(host);
  return ` at ${name.includes(':') ? `[${name}]` : name}:${port}${secured}`;
}

/** Removes the `user:password@` that an application may have written before the name of a host. */
function withoutUser(text: string): string {
  return text.replaceAll(/\S*@/g, '');
}
