import { describe, expect, test } from '@jest/globals';
import { createCipheriv } from 'node:crypto';
import { MADE_UP_SECRETS } from '../../../../../test/support/made-up-secrets.js';
import { whyGuessable } from './why-guessable.js';

const MADE_UP = 'is not random: it is made of words, keyboard patterns or repeated pieces';
const PUBLISHED = 'was published as an example';

function why(secret: string | Uint8Array): string | undefined {
  return whyGuessable(Buffer.from(secret));
}

describe('[F6] [K2] a secret that a person made up is recognized', () => {
  test('in at least nine of ten cases of a list that the check was not tuned for', () => {
    const missed = MADE_UP_SECRETS.filter((secret) => why(secret) === undefined);

    expect(MADE_UP_SECRETS.length).toBeGreaterThanOrEqual(200);
    expect(MADE_UP_SECRETS.filter((secret) => Buffer.byteLength(secret) < 32)).toEqual([]);
    expect(1 - missed.length / MADE_UP_SECRETS.length).toBeGreaterThanOrEqual(0.9);
  });

  test.each([
    // From the documentation of NestJS (two), jwt.io (earlier and today), Supabase, and templates of `.env`.
    'DO NOT USE THIS VALUE. INSTEAD, CREATE A COMPLEX SECRET AND KEEP IT SAFE OUTSIDE OF THE SOURCE CODE.',
    'hard!to-guess_secret hard!to-guess_secret',
    'a-string-secret-at-least-256-bits-long',
    'a-valid-string-secret-that-is-at-least-384-bits-long',
    'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
    'super-secret-jwt-token-with-at-least-32-characters-long',
    'your_super_secret_jwt_key_change_this_in_production',
    'my-secret-token-to-change-in-production',
    'YOUR_JWT_SECRET_HERE_MINIMUM_32_CHARACTERS',
    'ThisIsMySecretKeyForAuthentication12345',
    'please-change-me-please-change-me!',
    'dev-only-secret-do-not-use-in-production!!',
    'my-ultra-secure-and-ultra-long-secret',
    'correct horse battery staple, secret of my application',
    'esta-es-la-clave-secreta-de-mi-aplicacion',
    'bitte-diesen-schluessel-in-der-produktion-ersetzen',
  ])('in every form: %s', (text) => {
    const forms = [text, text.toUpperCase(), text.replaceAll(/[-_ ]/g, ''), ` ${text}\n`, Buffer.from(text)];
    const encoded = (['base64', 'base64url', 'hex'] as const).map((encoding) => Buffer.from(text).toString(encoding));
    const decoded = Buffer.from(text.replaceAll(/[^a-z0-9]/gi, ''), 'base64');

    expect([...forms, ...encoded, `0x${encoded[2]}`, decoded].map(why)).toEqual(
      Array.from({ length: 10 }, () => MADE_UP),
    );
  });

  test.each([
    ['a text in another script', 'мой-секретный-ключ-для-токенов'],
    ['a text in another script, encoded', Buffer.from('мой-секретный-ключ-для-токенов').toString('base64')],
    ['emoji', '🔑'.repeat(8)],
    ['a variable that nobody replaced', '${REFRESH_AUTH_JWT_SECRET_OF_THE_APPLICATION}'],
    ['a setting that was not there', 'undefined-undefined-undefined-undefined'],
    ['digits and signs for letters', '7h3-$3cr37-0f-7h1s-4ppl1c4710n-5erv3r'],
    ['a row of keys', 'qwertyuiopasdfghjklzxcvbnm123456'],
    ['a row of keys, backwards', 'poiuytrewqlkjhgfdsamnbvcxz098765'],
    ['columns of keys', '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9'],
    ['columns of keys, upwards', 'zaq1xsw2cde3vfr4bgt5nhy6mju78iko'],
    ['columns of keys, up and down', '1qazxsw23edcvfr45tgbnhy67ujmki89'],
    ['columns of keys, with Shift', '!QAZ2wsx#EDC4rfv%TGB6yhn&UJM8ik,'],
    ['two rows in turn', 'q1w2e3r4t5y6u7i8o9p0q1w2e3r4t5y6'],
    ['keys pressed several times', 'qqqqwwwweeeerrrrttttyyyyuuuuiiii'],
    ['the left hand', 'asdfqwerzxcvasdf1234qwerasdfzxcv'],
    ['a QWERTZ keyboard', 'yxcvbnmasdfghjklqwertzuiop123456'],
    ['columns of a QWERTZ keyboard', '1qay2wsx3edc4rfv5tgb6zhn7ujm8ik9'],
    ['an AZERTY keyboard', 'azertyuiopqsdfghjklmwxcvbn123456'],
    ['a number pad', '74185296374185296378945612378945'],
    ['digits in order', '12345678901234567890123456789012'],
    ['the alphabet', 'AbCdEfGhIjKlMnOpQrStUvWxYz012345'],
    ['the alphabet and digits', 'a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6'],
    ['runs', 'aaaaaaaabbbbbbbbccccccccdddddddd'],
    ['counted bytes', Buffer.from(Array.from({ length: 32 }, (_, index) => index))],
    ['counted bytes in hexadecimal digits', '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'],
    ['days in order', '2023-01-15,2023-01-16,2023-01-17,2023-01-18'],
    ['one character', 'x'.repeat(32)],
    ['one sign', '-'.repeat(32)],
    ['one byte', Buffer.alloc(32)],
    ['a repeated piece', 'x9$kQ7#mP2'.repeat(4)],
    ['half a secret, twice', 'Kx9vQ2mZp7RtLw4JKx9vQ2mZp7RtLw4J'],
    ['half a secret and its mirror image', 'Kx9vQ2mZp7RtLw4JJ4wLtR7pZm2Qv9xK'],
    ['a random label in a text', 'this-is-the-secret-of-the-application-x7Kq2'],
  ])('%s', (_, secret) => {
    expect(why(secret)).toBe(MADE_UP);
  });
});

describe('[K2] a published secret is recognized', () => {
  test.each([
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg',
    '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
    '3EK6FD+o0+c7tzBNVfjpMkNDi2yARAAKzQlk8O2IKoxQu4nF7EdAh8s3TwpHwrdWT6R',
    '404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970',
  ])('%s', (text) => {
    const encoding = /^[\da-f]+$/i.test(text) ? 'hex' : 'base64url';
    const bytes = Buffer.from(text, encoding);
    // The last character of some encodings has bits that no decoder keeps.
    const isLossless = [text.toLowerCase(), text.replaceAll('+', '-')].includes(bytes.toString(encoding));

    expect([text, ` ${text} `, Buffer.from(text), ...(isLossless ? [bytes] : [])].map(why)).not.toContain(undefined);
    expect(why(text)).toBe(PUBLISHED);
  });
});

describe('[F6] [K2] no random secret is reported', () => {
  const digits = '0123456789';
  const small = 'abcdefghijklmnopqrstuvwxyz';
  const capitals = small.toUpperCase();
  const printable = String.fromCodePoint(...Array.from({ length: 95 }, (_, index) => 32 + index));

  /** Makes the same bytes in every run. One random secret in ten million is rejected, so real randomness could make this test fail. */
  class Source {
    readonly #stream = createCipheriv('aes-128-ctr', 'refresh-auth F6.', Buffer.alloc(16));
    #ready = Buffer.alloc(0);

    bytes(length: number): Buffer {
      if (this.#ready.length < length) this.#ready = this.#stream.update(Buffer.alloc(1 << 16));
      const bytes = this.#ready.subarray(0, length);
      this.#ready = this.#ready.subarray(length);
      return bytes;
    }

    from(alphabet: string): string {
      const bytes = this.bytes(32 * 2);
      let text = '';
      for (let at = 0; at < bytes.length; at += 2) text += alphabet.charAt(bytes.readUInt16LE(at) % alphabet.length);
      return text;
    }

    uuid(): string {
      const bytes = this.bytes(16);
      bytes[6] = (bytes[6]! & 0x0f) | 0x40;
      bytes[8] = (bytes[8]! & 0x3f) | 0x80;
      return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    }
  }

  function refused(draws: number, draw: (source: Source) => string | Uint8Array): (string | Uint8Array)[] {
    const source = new Source();
    const secrets = [];
    for (let drawn = 0; drawn < draws; drawn++) {
      const secret = draw(source);
      if (why(secret) !== undefined) secrets.push(secret);
    }
    return secrets;
  }

  test.each<[name: string, draw: (source: Source) => string]>([
    ['32 hexadecimal digits', (source) => source.bytes(16).toString('hex')],
    ['32 hexadecimal digits in capitals', (source) => source.bytes(16).toString('hex').toUpperCase()],
    ['32 characters of base64', (source) => source.bytes(24).toString('base64')],
    ['32 characters of base64url', (source) => source.bytes(24).toString('base64url')],
    ['32 characters of base32', (source) => source.from(`${capitals}234567`)],
    ['32 characters of base32 in small letters', (source) => source.from(`${small}234567`)],
    ['two UUIDs', (source) => source.uuid() + source.uuid()],
    ['two UUIDs without dashes', (source) => (source.uuid() + source.uuid()).replaceAll('-', '')],
    ['32 printable characters', (source) => source.from(printable)],
    ['32 small letters', (source) => source.from(small)],
    ['32 capital letters', (source) => source.from(capitals)],
    ['32 letters', (source) => source.from(small + capitals)],
    ['32 letters and digits', (source) => source.from(small + capitals + digits)],
  ])(
    'of 200,000: %s',
    (_, draw) => {
      expect(refused(200_000, draw)).toEqual([]);
    },
    120_000,
  );

  test.each<[name: string, draw: (source: Source) => string | Uint8Array]>([
    ['32 bytes', (source) => source.bytes(32)],
    ['64 bytes', (source) => source.bytes(64)],
    ['48 bytes in base64, as the error recommends', (source) => source.bytes(48).toString('base64')],
    [
      '64 hexadecimal digits, by colons',
      (source) =>
        source
          .bytes(32)
          .toString('hex')
          .replaceAll(/..(?=.)/g, '$&:'),
    ],
    ['32 digits', (source) => source.from(digits)],
    ['32 characters of Latin-1', (source) => source.bytes(32).toString('latin1')],
    ['a label and 48 bytes in base64', (source) => `jwt-secret-key-${source.bytes(48).toString('base64')}`],
    ['a label and two UUIDs', (source) => `JWT_SECRET_PRODUCTION=${source.uuid()}${source.uuid()}`],
  ])('of 10,000: %s', (_, draw) => {
    expect(refused(10_000, draw)).toEqual([]);
  });

  test.each([
    ['a label', 'jwt-secret-key-PTVlh/y9oqZzoNNa4bp3qYfcHkBAkTYd'],
    ['a label of another kind', 'JWT_SECRET=5cf2b09a174e3d86c1f09b7a2e64d835'],
    [
      'a long label',
      'the-secret-of-our-application-in-production-0f8c3a61-7d25-4b9e-a1c4-5e6f7a8b9c0d-9b1d7e42-3c58-4f60-8a2b-c7d6e5f4a3b2',
    ],
    ['what was random before it was encoded', Buffer.from('Zk3vTq81LwXbN5yRhD7mPsG2').toString('base64')],
    ['a random secret, twice', 'n4Zk3vTq81LwXbN5yRhD7mPsG2aCn4Zk3vTq81LwXbN5yRhD7mPsG2aC'],
  ])('nor a random secret beside %s', (_, secret) => {
    expect(why(secret)).toBeUndefined();
  });
});

test('a secret may be of any length', () => {
  expect(why('please change me '.repeat(100_000))).toBe(MADE_UP);
  expect(
    why(createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(1_000_000))),
  ).toBeUndefined();
});
