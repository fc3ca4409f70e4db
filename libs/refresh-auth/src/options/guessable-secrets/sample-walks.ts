const DIGITS = '1234567890';
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

/** Rows of keys: the keyboards of most countries, their left half, the number pad, and the alphabet, alone and beside digits. */
const ROWS: readonly (readonly string[])[] = [
  [DIGITS, 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'],
  [DIGITS, 'qwertzuiop', 'asdfghjkl', 'yxcvbnm'],
  [DIGITS, 'azertyuiop', 'qsdfghjklm', 'wxcvbn'],
  ['1234', 'qwer', 'asdf', 'zxcv'],
  ['789', '456', '123'],
  [ALPHABET],
  [ALPHABET, DIGITS.repeat(3)],
];

/**
 * Walks over the keyboard: along rows and columns, from either end, in zigzags, and with each key pressed several times. The last one
 * counts bytes in hexadecimal digits, as test vectors do.
 */
export const SAMPLE_WALKS: readonly string[] = [
  ...ROWS.flatMap((rows) => [rows, ...blocksOf(rows).map(columnsOf)])
    .flatMap((lines) =>
      [[], [0], [1], [0, 1]].map((turned) =>
        lines.map((line, index) => (turned.includes(index % 2) ? reversed(line) : line)).join(''),
      ),
    )
    .flatMap((walk) => [walk, reversed(walk)])
    .flatMap((walk) => [walk, walk.replaceAll(/./g, '$&$&$&')]),
  Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex'),
];

/** Returns all blocks of two or more neighbouring rows, on which a hand can move up and down. */
function blocksOf(rows: readonly string[]): string[][] {
  return rows.flatMap((_, from) => rows.slice(from + 1).map((__, more) => rows.slice(from, from + more + 2)));
}

function columnsOf(rows: readonly string[]): string[] {
  return (rows[0] ?? '').split('').map((_, column) => rows.map((row) => row.charAt(column)).join(''));
}

function reversed(text: string): string {
  return text.split('').reduceRight((reverse, character) => reverse + character, '');
}
