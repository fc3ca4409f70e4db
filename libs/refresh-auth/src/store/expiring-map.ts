/** A map whose entries end, each at its own time. Those that have ended are not returned, and are removed by `sweep`. */
export class ExpiringMap<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly expiresAt: number }>();

  constructor(
    /** The time, in milliseconds. */
    private readonly now: () => number,
    /** Called when something is kept, and so will have to be swept. */
    private readonly kept: () => void,
  ) {}

  /** The number of entries, with those that have ended and are not yet swept. */
  get size(): number {
    return this.#entries.size;
  }

  get(name: string): T | undefined {
    return this.timeLeft(name) > 0 ? this.#entries.get(name)?.value : undefined;
  }

  /** How long an entry is still kept, in milliseconds; 0 if there is none. */
  timeLeft(name: string): number {
    return Math.max(0, (this.#entries.get(name)?.expiresAt ?? 0) - this.now());
  }

  /** Keeps a value for `ttl` milliseconds, or for as long as the one that it replaces, whichever is longer. */
  set(name: string, value: T, ttl = 0): void {
    this.#entries.set(name, { value, expiresAt: this.now() + Math.max(ttl, this.timeLeft(name)) });
    this.kept();
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  entries(): { name: string; value: T; expiresAt: number }[] {
    const entries = [...this.#entries].map(([name, entry]) => ({ name, ...entry }));
    return entries.filter(({ expiresAt }) => expiresAt > this.now());
  }

  sweep(): void {
    for (const name of this.#entries.keys()) {
      if (this.timeLeft(name) === 0) this.#entries.delete(name);
    }
  }
}
