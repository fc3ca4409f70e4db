import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;

/**
 * Random bytes from the system's CSPRNG, drawn for many uses at once: a call costs more than a signature, however few bytes it is for.
 * Every byte is handed out once.
 */
export class Random {
  #pool = Buffer.alloc(0);

  bytes(count: number): Buffer {
    if (this.#pool.length < count) this.#pool = randomFillSync(Buffer.alloc(Math.max(POOL_BYTES, count)));
    const drawn = Buffer.from(this.#pool.subarray(0, count));
    // Whoever can read this process's memory later finds nothing of what was handed out.
    this.#pool.fill(0, 0, count);
    this.#pool = this.#pool.subarray(count);
    return drawn;
  }

  /** 128 bits, base64url: a `jti`, or the random part of a `sid`. */
  id(): string {
    return this.bytes(16).toString('base64url');
  }
}
