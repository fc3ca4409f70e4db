import type { Clock } from '../tokens/clock.js';
import { milliseconds } from './milliseconds.js';

const START = Date.parse('2026-01-01T00:00:00Z');

/** The library's clock in the hand of a test: tokens expire when the test says so, and no test sleeps. */
export class TestClock implements Clock {
  #elapsed = 0;

  /** @param time milliseconds since 1970; by default the beginning of 2026 */
  constructor(private time = START) {}

  now(): number {
    return this.time;
  }

  /** Milliseconds that have passed: by how much the clock was advanced, or set forward. */
  monotonic(): number {
    return this.#elapsed;
  }

  /** @param time milliseconds since 1970 */
  set(time: number): void {
    this.#elapsed += Math.max(0, time - this.time);
    this.time = time;
  }

  /**
   * Sets the time without letting any pass, as NTP does to the clock of a machine that was wrong.
   *
   * @param by milliseconds, or a string with a unit such as `'15m'`
   * @throws TypeError when it is neither
   */
  step(by: number | string): void {
    this.time += milliseconds(by);
  }

  /**
   * @param by milliseconds, or a string with a unit such as `'15m'`
   * @throws TypeError when it is neither
   */
  advance(by: number | string): void {
    this.set(this.time + milliseconds(by));
  }
}
