import { expect, test } from '@jest/globals';
import { isHttpToken, trimWhiteSpace } from './header-syntax.js';

test.each([
  ['', ''],
  [' ', ''],
  ['\t \t', ''],
  ['a', 'a'],
  [' a', 'a'],
  ['a\t', 'a'],
  ['\t a \t b \t', 'a \t b'],
])('[F4] the white space of %j is removed', (text, trimmed) => {
  expect(trimWhiteSpace(text)).toBe(trimmed);
});

/** All characters that `String.trim()` removes, and those that other languages treat as white space. */
const others = Array.from(
  '\n\v\f\r\u001c\u0085\u00a0\u1680\u180e\u2000\u2003\u2009\u200b\u2028\u2029\u202f\u205f\u3000\ufeff\0',
);

test.each(others)('[F4] %j is not white space', (character) => {
  const text = `${character}a${character}`;

  expect(trimWhiteSpace(text)).toBe(text);
  expect(trimWhiteSpace(` ${text}\t`)).toBe(text);
});

test.each(["a1!#$%&'*+-.^_`|~", 'A'])('%s is an HTTP token', (value) => {
  expect(isHttpToken(value)).toBe(true);
});

test.each(['', ' ', 'a b', 'a\n', 'a:b', 'a=b', 'a;b', 'é', 7, null, undefined, ['a']])(
  '%j is no token of HTTP',
  (value) => {
    expect(isHttpToken(value)).toBe(false);
  },
);
