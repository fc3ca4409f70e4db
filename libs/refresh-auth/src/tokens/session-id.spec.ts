import { expect, test } from '@jest/globals';
import { hashed, isSessionId, sessionName, tagOf } from './session-id.js';

// NIST, "Secure Hash Standard (SHA-256): one-block message sample": the hash of `abc`, here in base64url.
const OF_ABC = 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0';

test('the hash is SHA-256, base64url, cut to 22 characters', () => {
  expect(hashed('abc')).toBe(OF_ABC.slice(0, 22));
});

test('the tag of a user begins the hash of their `sub`', () => {
  expect(tagOf('abc')).toBe(OF_ABC.slice(0, 8));
});

test('the name of a session is its tag and the hash of its `sid`, and is not a `sid`', () => {
  const sid = `${tagOf('abc')}${'x'.repeat(22)}`;

  expect(sessionName(sid)).toBe(`ungWv48B.${hashed(sid)}`);
  expect([isSessionId(sid), isSessionId(sessionName(sid))]).toEqual([true, false]);
});

test.each([
  '',
  'x'.repeat(29),
  'x'.repeat(31),
  `${'x'.repeat(29)}.`,
  `${'x'.repeat(29)}=`,
  `${'x'.repeat(30)}\n`,
  `${'x'.repeat(29)}ä`,
  ' '.repeat(30),
  undefined,
  null,
  30,
  ['x'.repeat(30)],
])('%j is not a `sid`', (value) => {
  expect(isSessionId(value)).toBe(false);
});
