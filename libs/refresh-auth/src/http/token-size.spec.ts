import { expect, test } from '@jest/globals';
import { resolveDelivery } from './delivery-options.js';
import { cookieBytes, longestDeliverable } from './token-size.js';

test('a cookie has the bytes of its name and its value', () => {
  expect(cookieBytes('name', 'a.b.c')).toBe(9);
});

test.each([
  [8192, 'header and cookie', {}],
  [8192, 'the header alone', { cookie: false }],
  [4096 - 'authorization'.length, 'the cookie alone', { header: false }],
  [4096 - 't'.length, 'a cookie with a short name', { header: false, cookie: { name: 't' } }],
])('at most %i bytes of a token go out in %s', (bytes, _, options) => {
  expect(longestDeliverable(resolveDelivery(options))).toBe(bytes);
});
