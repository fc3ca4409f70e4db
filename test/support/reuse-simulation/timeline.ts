import { TestClock } from '../clock.js';

/** Simulated time: a queue of planned events. The clock shows the time of the event that is running. */
export class Timeline {
  readonly clock = new TestClock();
  readonly #start = this.clock.now();
  /** The latest first, so that the next is at the end. */
  readonly #events: { readonly at: number; readonly happen: () => unknown }[] = [];

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.clock.now() - this.#start;
  }

  /** Plans an event in this many milliseconds. Events of the same moment run in the order in which they were planned. */
  in(delay: number, happen: () => unknown): void {
    const at = this.clock.now() + Math.max(0, Math.round(delay));
    let place = this.#events.length;
    while (place > 0 && (this.#events[place - 1]?.at ?? 0) <= at) place--;
    this.#events.splice(place, 0, { at, happen });
  }

  /** Runs events until none is left, or until `stop` returns true. */
  async run(stop: () => boolean = () => false): Promise<void> {
    for (let event = this.#events.pop(); event && !stop(); event = this.#events.pop()) {
      this.clock.set(event.at);
      await event.happen();
    }
  }
}

/** Random numbers that are the same for the same seed, on every machine (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** Returns a number from 0 to 1, or to another limit. */
  upTo(limit = 1): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit;
  }

  between(least: number, most: number): number {
    return least + this.upTo(most - least);
  }

  /** Returns true with this probability. */
  isLucky(chance: number): boolean {
    return chance > 0 && this.upTo() < chance;
  }

  oneOf<T>(choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.upTo(choices.length))] ?? choices[0];
  }
}
