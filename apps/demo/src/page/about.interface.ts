/** The settings of the demo that its page needs. Durations are in seconds. */
export interface About {
  adapter: 'express' | 'fastify';
  store: 'memory' | 'redis';
  /** `stopped` by the switch of the demo; `down` if the store does not answer or answers with errors. */
  storeState: 'up' | 'down' | 'stopped';
  delivery: 'both' | 'header' | 'cookie';
  /** The number of processes behind this port. */
  processes: number;
  /** True if the page can stop the store. */
  faults: boolean;
  /** How long tokens and sessions live, unless a sign-in asks for less; `null` for no end. */
  lifetimes: { expiresIn: number; refreshWindow: number; sessionLifetime: number | null };
  /** The policies for superseded tokens, with the base path of their routes. `reuse` is `null` if reuse detection is off. */
  policies: { base: string; reuse: { grace: number; revokeAfter: number } | null }[];
  /** The web address of the repository, for links to the code; `null` if `libs/refresh-auth/package.json` names none. */
  repository: string | null;
  /** The server's clock in milliseconds. The page uses it, because the clocks of clients are often wrong. */
  now: number;
}
