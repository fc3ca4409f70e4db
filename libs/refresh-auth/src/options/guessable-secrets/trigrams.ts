import { type Row, SIZE } from './readings.js';

/** The probability of each character after any two others, learned from samples. */
export class Trigrams {
  /** By `context * SIZE + character`. */
  readonly #bits: Float32Array;

  private constructor(shares: Float32Array) {
    this.#bits = shares;
    for (let place = 0; place < shares.length; place++) shares[place] = -Math.log2(shares[place] ?? 0);
  }

  /** Learns from samples that contain every possible sequence. Any other sequence costs Infinity. */
  static exact(samples: readonly Row[]): Trigrams {
    return new Trigrams(toShares(count(samples), () => 0));
  }

  /** Learns from samples of a larger language. Estimates rare sequences from one character before, or none (Witten-Bell smoothing). */
  static smooth(samples: readonly Row[]): Trigrams {
    const triples = count(samples);
    const pairs = summed(triples, SIZE ** 2);
    const singles = toShares(summed(pairs, SIZE), () => 1 / (SIZE - 1));
    toShares(pairs, (place) => singles[place % SIZE] ?? 0);
    return new Trigrams(toShares(triples, (place) => pairs[place % SIZE ** 2] ?? 0));
  }

  /** Returns the cost of a character after a context, in bits. */
  bits(context: number, character: number): number {
    return this.#bits[context * SIZE + character] ?? 0;
  }
}

function count(samples: readonly Row[]): Float32Array {
  const counts = new Float32Array(SIZE ** 3);
  for (const { characters, contexts } of samples) {
    for (let at = 0; at < characters.length; at++) add(counts, (contexts[at] ?? 0) * SIZE + (characters[at] ?? 0), 1);
  }
  return counts;
}

/** Returns the counts without the first character of each context. */
function summed(counts: Float32Array, length: number): Float32Array {
  const sums = new Float32Array(length);
  for (let place = 0; place < counts.length; place++) add(sums, place % length, counts[place] ?? 0);
  return sums;
}

function add(counts: Float32Array, place: number, times: number): void {
  counts[place] = (counts[place] ?? 0) + times;
}

/**
 * Turns the counts of each context into shares, in place.
 *
 * @param guess returns the share of a character if nothing was counted. It gets more weight if a context has more different characters
 */
function toShares(counts: Float32Array, guess: (place: number) => number): Float32Array {
  for (let start = 0; start < counts.length; start += SIZE) {
    const context = counts.subarray(start, start + SIZE);
    let total = 0;
    let different = 0;
    for (const times of context) {
      total += times;
      if (times > 0) different++;
    }
    different = Math.max(1, different);
    for (let character = 0; character < SIZE; character++) {
      const times = context[character] ?? 0;
      context[character] = (times + different * guess(start + character)) / (total + different);
    }
  }
  return counts;
}
