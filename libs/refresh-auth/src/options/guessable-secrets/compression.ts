import { Dictionary } from './dictionary.js';
import { contextOf, PLAIN, type Row } from './readings.js';
import { SAMPLE_TEXT } from './sample-text.js';
import { SAMPLE_WALKS } from './sample-walks.js';
import { Trigrams } from './trigrams.js';

/** The result of compressing a text. */
export interface Compressed {
  /** Bits saved, compared with writing down each character on its own. */
  readonly saved: number;
  /** Bits of the characters that could not be predicted. */
  readonly random: number;
}

/** The cost of beginning a word, a text, a walk or a copy, in bits. Returning to random characters costs nothing. */
const BEGIN = 10;
/** The probability that a copy continues. */
const FAITHFUL = 0.95;
/** The cost of each different sign in the text, in bits, except for the one that separates words. */
const SIGN_BITS = 5;

/** One way to split everything before a character into stretches. */
interface Path {
  saved: number;
  random: number;
}

let learned: ReturnType<typeof learn> | undefined;

/** Learns from the samples. Takes some milliseconds, so it runs only in applications with a secret. */
function learn() {
  const text = PLAIN.read(SAMPLE_TEXT);
  return {
    dictionary: new Dictionary(text),
    text: Trigrams.smooth([text]),
    walks: Trigrams.exact(SAMPLE_WALKS.map((walk) => PLAIN.read(walk))),
  };
}

/**
 * Compresses a text with the knowledge of how people make up secrets. It splits the text into words, text (letters in an order that words
 * have), walks over the keyboard, copies of what came before, and random characters.
 *
 * The Viterbi algorithm finds the split that saves most: it goes through the characters once and keeps, for each kind of stretch, the best
 * path that ends in one.
 *
 * @param enough random bits: once every path has as many, the rest of the text is not read
 */
export function compress(row: Row, enough: number): Compressed {
  const { characters, contexts, closeContexts, bits, signs } = row;
  const { dictionary, text, walks } = (learned ??= learn());
  const [inRandom, inText, inWalk, inCopy] = [startOfPath(), startOfPath(), startOfPath(), startOfPath()];
  const paths = [inRandom, inText, inWalk, inCopy];
  /** The best path that ends in a word, by the position of its end. */
  const afterWord: (Path | undefined)[] = [startOfPath()];
  for (let at = 0; at < characters.length; at++) {
    const { saved, random } = bestOf(inRandom, paths, afterWord[at]);
    if (afterWord.length <= at && paths.every((path) => path.random >= enough)) {
      return { saved, random };
    }
    const character = characters[at] ?? 0;
    const own = bits[character] ?? 0;

    follow(inRandom, saved, random);
    inRandom.random += own;

    follow(inText, saved - BEGIN, random);
    inText.saved += own - text.bits(contexts[at] ?? 0, character);

    follow(inWalk, saved - BEGIN, random);
    inWalk.saved += own - walks.bits(closeContexts[at] ?? 0, character);

    follow(inCopy, saved - BEGIN, random);
    const copied = bitsInCopy(row, at, own);
    inCopy.saved += own - copied;
    inCopy.random += copied;

    const inWord = afterWord[at] ?? { saved: saved - BEGIN, random };
    follow(inWord, saved - BEGIN, random);
    let place = 0;
    for (let end = at; end < characters.length; end++) {
      const next = characters[end] ?? 0;
      place = dictionary.next(place, next);
      if (place === 0) break;
      inWord.saved += bits[next] ?? 0;
      const savedByWord = inWord.saved - dictionary.bits(place);
      if (savedByWord > (afterWord[end + 1]?.saved ?? 0)) {
        afterWord[end + 1] = { saved: savedByWord, random: inWord.random };
      }
    }
  }
  const { saved, random } = bestOf(inRandom, paths, afterWord[characters.length]);
  return { saved, random: random + Math.max(0, signs - 1) * SIGN_BITS };
}

function startOfPath(): Path {
  return { saved: 0, random: 0 };
}

function bestOf(first: Path, others: readonly Path[], last: Path | undefined): Path {
  let best = first;
  for (const path of others) if (path.saved > best.saved) best = path;
  return last && last.saved > best.saved ? last : best;
}

/** Replaces a path by another one if that saves more. */
function follow(path: Path, saved: number, random: number): void {
  if (path.saved >= saved) return;
  path.saved = saved;
  path.random = random;
}

/** Returns the bits of a character in a copy: its own bits if there is nothing to copy. */
function bitsInCopy(row: Row, at: number, own: number): number {
  const copied = continuationAt(row, at);
  if (copied === undefined) return own;
  return -Math.log2((copied === row.characters[at] ? FAITHFUL : 0) + (1 - FAITHFUL) * 2 ** -own);
}

/**
 * Looks for the last place where the three characters before this one stood, and returns what followed them; else for the last place
 * where they stood in reverse order, and returns what preceded them there.
 */
function continuationAt({ characters, closeContexts }: Row, at: number): number | undefined {
  if (at < 3) return undefined;
  const third = characters[at - 3];
  const forward = closeContexts[at];
  for (let from = at - 1; from >= 3; from--) {
    if (closeContexts[from] === forward && characters[from - 3] === third) return characters[from];
  }
  const backward = contextOf(characters[at - 1] ?? 0, characters[at - 2] ?? 0);
  for (let from = at - 4; from >= 0; from--) {
    if (closeContexts[from + 3] === backward && characters[from + 3] === third) return characters[from];
  }
  return undefined;
}
