const START = Date.parse('2026-01-01T00:00:00Z');

/** The library's `Clock` in the test's hand: tokens expire when the test says so, and no test sleeps. */
export class TestClock {
  constructor(private milliseconds = START) {}

  now(): number {
    return this.milliseconds;
  }

  set(milliseconds: number): void {
    this.milliseconds = milliseconds;
  }

  advance(milliseconds: number): void {
    this.milliseconds += milliseconds;
  }
}
