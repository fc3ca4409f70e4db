import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import type { StoreFaults } from './store-faults.js';

/** A proxy in front of Redis, on this machine only. While it is stopped, it closes all connections and accepts none. */
export class RedisFaults implements StoreFaults {
  isRunning = true;
  readonly #redis: URL;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => this.#connect(client));

  private constructor(url: string) {
    this.#redis = new URL(url);
  }

  /** @param url the URL of the real server */
  static async open(url: string): Promise<RedisFaults> {
    const faults = new RedisFaults(url);
    await once(faults.#server.listen(0, '127.0.0.1'), 'listening');
    return faults;
  }

  through(options: RefreshAuthOptions): RefreshAuthOptions {
    const url = new URL(this.#redis);
    url.hostname = '127.0.0.1';
    url.port = String((this.#server.address() as AddressInfo).port);
    return { ...options, redis: url.href };
  }

  stop(): void {
    this.isRunning = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  start(): void {
    this.isRunning = true;
  }

  async close(): Promise<void> {
    this.stop();
    this.#server.close();
  }

  #connect(client: Socket): void {
    if (!this.isRunning) {
      client.destroy();
      return;
    }
    const server = connect(Number(this.#redis.port || 6379), this.#redis.hostname.replace(/^\[|\]$/g, ''));
    this.#join(client, server);
    this.#join(server, client);
  }

  /** Connects two sockets. When one closes, so does the other. */
  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
