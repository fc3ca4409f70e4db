/** Where the library takes the time from. Replaced in tests. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. May be set, forward or back, while a process runs. */
  now(): number;
  /** Milliseconds since any moment, for ages and intervals inside this process: nobody sets it, and it never goes back. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
