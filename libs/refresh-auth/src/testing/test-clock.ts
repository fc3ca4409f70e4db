import type { Clock } from '../tokens/clock.js';
import { milliseconds } from './milliseconds.js';

const START = Date.parse('2026-01-01T00:00:00Z');

/** A clock that the test controls: it expires tokens without sleeping. */
export class TestClock implements Clock {
  #elapsed = 0;

  /** @param time milliseconds since 1970. Defaults to the beginning of 2026 */
  constructor(private time = START) {}

  now(): number {
    return this.time;
  }

  /** Returns the milliseconds by which the clock was advanced or set forward. */
  monotonic(): number {
    return this.#elapsed;
  }

  /**
   * Sets the time. Setting it forward lets the difference pass.
   *
   * @param time milliseconds since 1970
   */
  set(time: number): void {
    this.#elapsed += Math.max(0, time - this.time);
    this.time = time;
  }

  /**
   * Changes the time without letting any pass, as NTP does when it corrects the clock of a machine.
   *
   * @param by milliseconds, or a string with a unit such as `'15m'`
   * @throws TypeError if it is neither
   */
  step(by: number | string): void {
    this.time += milliseconds(by);
  }

  /**
   * Lets time pass.
   *
   * @param by milliseconds, or a string with a unit such as `'15m'`
   * @throws TypeError if it is neither
   */
  advance(by: number | string): void {
    this.set(this.time + milliseconds(by));
  }
}
