import { describe, expect, test } from '@jest/globals';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { whyGuessable } from './guessable-secrets.js';

const PLACEHOLDER = 'is made of words that placeholders are made of';
const PUBLISHED = 'was published as an example';
const REPETITION = 'is one text over and over';
const SEQUENCE = 'is a sequence of characters';

function why(secret: string | Uint8Array): string | undefined {
  return whyGuessable(Buffer.from(secret));
}

describe('[K2] a well-known secret is refused however long it is', () => {
  test.each([
    // The documentation of NestJS, twice; jwt.io, before and now; Supabase; and what templates of `.env` say.
    'DO NOT USE THIS VALUE. INSTEAD, CREATE A COMPLEX SECRET AND KEEP IT SAFE OUTSIDE OF THE SOURCE CODE.',
    'hard!to-guess_secret hard!to-guess_secret',
    'your-256-bit-secret',
    'your-384-bit-secret',
    'your-512-bit-secret',
    'a-string-secret-at-least-256-bits-long',
    'a-valid-string-secret-that-is-at-least-384-bits-long',
    'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
    'super-secret-jwt-token-with-at-least-32-characters-long',
    'your-super-secret-jwt-token-with-at-least-32-characters-long',
    'your_super_secret_jwt_key_change_this_in_production',
    'my-secret-token-to-change-in-production',
    'YOUR_JWT_SECRET_HERE_MINIMUM_32_CHARACTERS',
    'ThisIsMySecretKeyForAuthentication12345',
    'please-change-me-please-change-me!',
    'secretKeySecretKey secretkey 2024',
    'changeme_CHANGEME_changeme_ChangeMe_1',
    'mySuperSecretKey1234567890',
    'dev-only-secret-do-not-use-in-production!!',
    'keyboard cat keyboard cat keyboard cat, the session secret',
    'qwertyuiop-password-1234567890-admin',
  ])('%s', (text) => {
    const forms = [text, text.toUpperCase(), text.replaceAll(/[-_ ]/g, ''), ` ${text}\n`, Buffer.from(text)];
    const encoded = [Buffer.from(text).toString('base64'), Buffer.from(text).toString('hex')];

    expect([...forms, ...encoded].map(why)).toEqual(
      Array.from({ length: 7 }, () => expect.stringMatching(`^(${PLACEHOLDER}|${REPETITION})$`)),
    );
  });

  test.each([
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg',
    '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
    '3EK6FD+o0+c7tzBNVfjpMkNDi2yARAAKzQlk8O2IKoxQu4nF7EdAh8s3TwpHwrdWT6R',
    'reallyreallyreallyreallyverysafe',
    '404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970',
  ])('%s', (text) => {
    const bytes = Buffer.from(text, /^[\da-f]+$/i.test(text) ? 'hex' : 'base64');
    const isLossless =
      [bytes.toString('hex'), bytes.toString('base64url')].includes(text.toLowerCase()) || /[-_]/.test(text);

    expect([text, ` ${text} `, Buffer.from(text), ...(isLossless ? [bytes] : [])].map(why)).not.toContain(undefined);
    expect(why(text)).toBe(PUBLISHED);
  });

  test.each([
    'a',
    '0',
    '\0',
    'ab',
    'abc',
    'secret',
    'changeme',
    'Secret1!',
    'x9$kQ7',
    '0123456789',
    'été',
    'x9$kQ7#mP2',
  ])('one text over and over: %j', (unit) => {
    const whole = unit.repeat(64);

    expect([whole, whole.slice(0, 32), whole.slice(1, 50), Buffer.from(whole)].map(why)).toEqual(
      Array.from({ length: 4 }, () => expect.stringMatching(`^(${REPETITION}|${SEQUENCE})$`)),
    );
    expect(why(unit.repeat(64))).toBe(REPETITION);
  });

  test.each([
    'abcdefghijklmnopqrstuvwxyz012345',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
    'zyxwvutsrqponmlkjihgfedcba987654',
    'aaaaaaaabbbbbbbbccccccccdddddddd',
    Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
    Buffer.from(Array.from({ length: 64 }, (_, index) => 255 - index)),
  ])('a sequence: %s', (sequence) => {
    expect(why(sequence)).toBe(SEQUENCE);
  });
});

describe('[K2] no random secret is refused', () => {
  const DRAWS = 2000;
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');

  /** Drawn as people draw them, and not by fast-check, which prefers what repeats itself. */
  function drawn(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
  }

  test.each<[name: string, draw: () => string | Uint8Array]>([
    ['32 bytes', () => randomBytes(32)],
    ['64 bytes', () => randomBytes(64)],
    ['32 bytes in base64', () => randomBytes(32).toString('base64')],
    ['48 bytes in base64, as the error recommends', () => randomBytes(48).toString('base64')],
    ['32 bytes in base64url', () => randomBytes(32).toString('base64url')],
    ['32 bytes in hexadecimal digits', () => randomBytes(32).toString('hex')],
    ['32 hexadecimal digits', () => randomBytes(16).toString('hex')],
    ['32 decimal digits', () => drawn('0123456789', 32)],
    ['32 small letters', () => drawn('abcdefghijklmnopqrstuvwxyz', 32)],
    ['32 printable characters', () => drawn(printable, 32)],
    ['a label and base64', () => `jwt-secret-key-${randomBytes(24).toString('base64')}`],
    ['two UUIDs', () => randomUUID() + randomUUID()],
  ])('%s', (_, draw) => {
    const secrets = Array.from({ length: DRAWS }, draw);

    expect(secrets.filter((secret) => why(secret) !== undefined)).toEqual([]);
  });

  test.each([
    'correct horse battery staple, secret of my application',
    'secret-8f2c1b7e9d304a5686c1',
    'jwt:493027561038475620193847562019',
    Buffer.concat([Buffer.from('secret-key-of-production-'), Buffer.from([0x80, 0xff, 0x12, 0x9a, 0xe1, 0x07, 0xc4])]),
  ])('nor one that has more than placeholder words in it: %s', (secret) => {
    expect(why(secret)).toBeUndefined();
  });
});
