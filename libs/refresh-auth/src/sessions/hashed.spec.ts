import { expect, test } from '@jest/globals';
import { hashed } from './hashed.js';

test('a name is SHA-256 in base64url, which all processes and versions must agree on', () => {
  // FIPS 180-2, appendix B.1.
  expect(hashed('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
});
