/** The settings of the demo that its page needs. Durations are in seconds. */
export interface About {
  adapter: 'express' | 'fastify';
  store: 'memory' | 'redis';
  delivery: 'both' | 'header' | 'cookie';
  /** The number of processes behind this port. */
  processes: number;
  /** True if the page can stop the store. */
  faults: boolean;
  /** How long tokens and sessions live, unless a sign-in asks for less; `null` for no end. */
  lifetimes: { expiresIn: number; refreshWindow: number; sessionLifetime: number | null };
  /** What happens to superseded tokens, and where the routes of each policy are; `null`: they are handed over for their whole window. */
  policies: { base: string; reuse: { grace: number; revokeAfter: number } | null }[];
  /** The server's clock in milliseconds: the page draws by it, since the clocks of clients are often wrong. */
  now: number;
}
