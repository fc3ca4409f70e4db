import { endsInGap, type Row, SIZE } from './readings.js';

/** The words of a sample as a tree. Each place in it is the beginning of one or more words. Place 0 is the root. */
export class Dictionary {
  readonly #next: Uint16Array;
  readonly #bits: Float32Array;

  constructor({ characters, contexts }: Row) {
    const counts = new Float32Array(characters.length + 1);
    this.#next = new Uint16Array(counts.length * SIZE);
    let [words, places, place] = [0, 1, 0];
    for (const [at, character] of characters.entries()) {
      const step = place * SIZE + character;
      if (this.#next[step] === 0) this.#next[step] = places++;
      place = this.#next[step] ?? 0;
      const following = contexts[at + 1];
      if (following === undefined || endsInGap(following)) {
        counts[place] = (counts[place] ?? 0) + 1;
        words++;
        place = 0;
      }
    }
    this.#bits = counts.map((times) => Math.log2(words / times));
  }

  /** Returns the place that follows with this character; 0 if no word continues with it. */
  next(place: number, character: number): number {
    return this.#next[place * SIZE + character] ?? 0;
  }

  /** Returns the cost of the word that ends at this place, in bits; Infinity if none does. */
  bits(place: number): number {
    return this.#bits[place] ?? Infinity;
  }
}
