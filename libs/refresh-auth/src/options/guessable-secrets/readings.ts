const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const CAPITALS = LETTERS.toUpperCase();
const DIGITS = '0123456789';
const PRINTABLE = String.fromCodePoint(...Array.from({ length: 95 }, (_, index) => 32 + index));

/** The characters that count. Case and signs are ignored, because they do not stop a guesser. */
const CHARACTERS = LETTERS + DIGITS;
/** The value in a context that marks the possible beginning of a word. */
const GAP = CHARACTERS.length;
/** The number of values that a character, or a gap, can have. */
export const SIZE = GAP + 1;
/** The context of the first character. */
const START = contextOf(GAP, GAP);

/** The alphabets from which generators draw, smallest first. */
const ALPHABETS = [
  DIGITS,
  `${DIGITS}abcdef`,
  `${DIGITS}ABCDEF`,
  LETTERS + CAPITALS,
  `${LETTERS}234567`,
  `${CAPITALS}234567`,
  LETTERS + DIGITS,
  CAPITALS + DIGITS,
  LETTERS + CAPITALS + DIGITS,
  PRINTABLE,
];

/** A text as a guesser sees it. */
export interface Row {
  /** Letters and digits, as indexes of CHARACTERS. */
  readonly characters: readonly number[];
  /** For each character, the two before it, with a gap at each possible beginning of a word. */
  readonly contexts: readonly number[];
  /** For each character, the two before it. */
  readonly closeContexts: readonly number[];
  /** For each character of CHARACTERS, its cost in bits if only the alphabet of the text is known. */
  readonly bits: readonly number[];
  /** The number of different signs. */
  readonly signs: number;
}

/** A way to read a text. */
export class Reading {
  /** By character code: the character that it is read as, or GAP. */
  readonly #characters: readonly number[];
  /** By character code: the alphabets that contain it, as a bit field. Characters that are ignored count as part of every alphabet. */
  readonly #alphabets: readonly number[];
  /** By alphabet: the bits of each character, as in Row. */
  readonly #bits: readonly (readonly number[])[];

  /** @param changes the characters that are read as another one */
  constructor(changes: Readonly<Record<string, string>> = {}) {
    this.#characters = Array.from({ length: 128 }, (_, code) => {
      const character = String.fromCodePoint(code);
      const index = CHARACTERS.indexOf((changes[character] ?? character).toLowerCase());
      return index < 0 ? GAP : index;
    });
    this.#alphabets = this.#characters.map((character, code) =>
      ALPHABETS.reduce(
        (field, alphabet, bit) =>
          character === GAP || alphabet.includes(String.fromCodePoint(code)) ? field | (1 << bit) : field,
        0,
      ),
    );
    this.#bits = ALPHABETS.map((alphabet) => {
      const read = alphabet.split('').map((character) => this.#characters[character.charCodeAt(0)]);
      const all = read.filter((character) => character !== GAP).length;
      return Array.from({ length: SIZE }, (_, index) =>
        Math.log2(all / read.filter((other) => other === index).length),
      );
    });
  }

  read(text: string): Row {
    const characters: number[] = [];
    const contexts: number[] = [];
    const closeContexts: number[] = [];
    let alphabets = -1;
    const signs = new Set<number>();
    let context = START;
    let closeContext = START;
    let wasSmall = false;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const character = this.#characters[code] ?? GAP;
      const isCapital = code >= 65 && code <= 90;
      if (character === GAP || (isCapital && wasSmall)) context = followed(context, GAP);
      wasSmall = code >= 97 && code <= 122;
      if (character === GAP) {
        signs.add(code);
        continue;
      }
      characters.push(character);
      contexts.push(context);
      context = followed(context, character);
      closeContexts.push(closeContext);
      closeContext = followed(closeContext, character);
      alphabets &= this.#alphabets[code] ?? 0;
    }
    const smallest = 31 - Math.clz32(alphabets & -alphabets);
    return { characters, contexts, closeContexts, bits: this.#bits[smallest] ?? [], signs: signs.size };
  }
}

/** Returns two characters as one number, below SIZE ** 2. */
export function contextOf(first: number, second: number): number {
  return first * SIZE + second;
}

function followed(context: number, character: number): number {
  return contextOf(context % SIZE, character);
}

/** Returns true if a word may begin after this context. */
export function endsInGap(context: number): boolean {
  return context % SIZE === GAP;
}

export const PLAIN = new Reading();

/** Reads digits and signs as the letters that they resemble. */
export const LOOKALIKES = new Reading({ 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', '@': 'a', $: 's', '!': 'i' });
