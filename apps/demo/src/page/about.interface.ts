/** What the page has to know of the demo that it shows. Durations are in seconds. */
export interface About {
  adapter: 'express' | 'fastify';
  store: 'memory' | 'redis';
  delivery: 'both' | 'header' | 'cookie';
  /** How many processes there are behind this port. */
  processes: number;
  /** Whether the store can be stopped from the page. */
  faults: boolean;
  /** How long tokens and sessions live unless a sign-in wants it shorter; `null`: without end. */
  lifetimes: { expiresIn: number; refreshWindow: number; sessionLifetime: number | null };
  /** The policies of reuse, and where the routes of each are; `grace` is `null` where superseded tokens are handed over for their whole window. */
  policies: { base: string; grace: number | null }[];
  /** The server's clock in milliseconds: the page draws by it, since the clocks of clients are often wrong. */
  now: number;
}
