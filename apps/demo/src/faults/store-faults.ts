import type { RefreshAuthOptions } from 'nestjs-refresh-auth';

/** What stands between the demo and its store, so that an outage can be tried. */
export interface StoreFaults {
  readonly isRunning: boolean;
  /** The same options, with the way to the store leading through here. */
  through(options: RefreshAuthOptions): RefreshAuthOptions;
  /** From now on the store does not answer. What it holds stays. */
  stop(): void;
  start(): void;
  close(): Promise<void>;
}
