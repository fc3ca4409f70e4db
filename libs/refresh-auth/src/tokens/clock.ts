/** The source of time for the library. Tests replace it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. It may be set forward or back while a process runs. */
  now(): number;
  /** Milliseconds since an arbitrary moment, for ages and intervals inside this process. It is never set and never goes back. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
