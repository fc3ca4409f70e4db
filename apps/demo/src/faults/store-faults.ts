import type { RefreshAuthOptions } from 'nestjs-refresh-auth';

/** A switch between the demo and its store, for trying an outage. */
export interface StoreFaults {
  readonly isRunning: boolean;
  /** Returns the options with the store behind this switch. */
  through(options: RefreshAuthOptions): RefreshAuthOptions;
  /** Makes the store stop answering. It keeps its data. */
  stop(): void;
  start(): void;
  close(): Promise<void>;
}
