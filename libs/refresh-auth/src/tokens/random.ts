import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;

/**
 * A source of random bytes of the system's CSPRNG. It reads them in blocks, because a call takes longer than a signature, no matter how few
 * bytes it reads. Every byte is handed out once.
 */
export class Random {
  #pool = Buffer.alloc(0);

  bytes(count: number): Buffer {
    if (this.#pool.length < count) this.#pool = randomFillSync(Buffer.alloc(Math.max(POOL_BYTES, count)));
    const drawn = Buffer.from(this.#pool.subarray(0, count));
    // So that a later leak of memory does not reveal bytes that are in use.
    this.#pool.fill(0, 0, count);
    this.#pool = this.#pool.subarray(count);
    return drawn;
  }

  /** Returns 128 random bits in base64url, for a `jti` or the random part of a `sid`. */
  id(): string {
    return this.bytes(16).toString('base64url');
  }
}
