import { describe, expect, test } from '@jest/globals';
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import {
  algorithms,
  certificateForms,
  certifiedKey,
  keyFor,
  p256,
  publicForms,
  rsa,
  secret,
} from '../../../../test/support/key-material.js';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import { createKeyRing, type KeyOptions } from './key-options.js';

const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const pem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

const secretRemedy = (bytes: number): string =>
  `Write a random secret of at least ${bytes} bytes, such as the output of \`openssl rand -base64 48\`, and keep it out of the source.`;
const SECRET_REMEDY = secretRemedy(32);
const KEY_REMEDY = 'Write [{ kid, algorithm, secret }] or [{ kid, algorithm, privateKey, publicKey }].';
const PUBLIC_FORM =
  'is a public-key format, which others may know. Use it as `privateKey` or `publicKey`, or write a random secret.';

/** Returns the error for a key in the second place of `keys`, so that the path has to name the right one. */
function errorOfKey(key: unknown): object {
  return optionsErrorOf(() => createKeyRing({ keys: [{ algorithm: 'HS256', secret }, key] }));
}

describe('[K1] a secret', () => {
  test.each([
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ] as const)('for %s has at least %d bytes', (algorithm, bytes) => {
    const twoBytesEach = Array.from({ length: bytes / 2 }, (_, index) => 0xc0 + ((7 * index) % 64));
    const long = String.fromCharCode(...twoBytesEach);
    const short = Buffer.from(long).subarray(1);

    expect(createKeyRing({ keys: [{ algorithm, secret: long }] }).signing.algorithm).toBe(algorithm);
    expect(createKeyRing({ keys: [{ algorithm, secret: Buffer.from(long) }] }).signing.algorithm).toBe(algorithm);
    expect(errorOfKey({ kid: 'k', algorithm, secret: short })).toEqual({
      option: 'keys[1].secret',
      says: `has ${bytes - 1} bytes, which is too short for ${algorithm}. ${secretRemedy(bytes)}`,
    });
  });

  test.each([
    ['empty', ''],
    ['no bytes', new Uint8Array()],
    ['spaces', ' '.repeat(64)],
    ['tabs and line breaks', '\t\r\n'.repeat(32)],
    ['white space in bytes', Buffer.from('\n'.repeat(64))],
    ['no-break spaces', '\u00a0'.repeat(32)],
    ['ideographic spaces', '\u3000'.repeat(32)],
  ])('is not blank: %s', (_, blank) => {
    expect(optionsErrorOf(() => createKeyRing({ secret: blank }))).toEqual({
      option: 'secret',
      says: `is blank. ${SECRET_REMEDY}`,
    });
  });

  test.each([null, 7, true, {}, ['x'.repeat(40)], createSecretKey(Buffer.from(secret))])(
    'is a string or bytes, not %p',
    (odd) => {
      expect(optionsErrorOf(() => createKeyRing({ secret: odd }))).toEqual({
        option: 'secret',
        says: `is neither a string nor bytes. ${SECRET_REMEDY}`,
      });
    },
  );

  test.each([{}, { keys: undefined }])('is required: %j', (options) => {
    expect(optionsErrorOf(() => createKeyRing(options))).toEqual({
      option: 'secret',
      says: `is missing. ${SECRET_REMEDY}`,
    });
  });
});

describe('[V6] a public key is rejected as a secret', () => {
  test.each([
    ...publicForms(rsa.publicKey).map(([name, form]) => [`RSA ${name}`, form] as const),
    ...publicForms(p256.publicKey).map(([name, form]) => [`P-256 ${name}`, form] as const),
    ...publicForms(certifiedKey).map(([name, form]) => [`certified ${name}`, form] as const),
    ...certificateForms,
  ])('%s', (_, form) => {
    expect(optionsErrorOf(() => createKeyRing({ secret: form }))).toEqual({ option: 'secret', says: PUBLIC_FORM });
    expect(errorOfKey({ kid: 'k', algorithm: 'HS256', secret: form })).toEqual({
      option: 'keys[1].secret',
      says: PUBLIC_FORM,
    });
  });

  test.each([
    ['base64', Buffer.from(secret).toString('base64')],
    ['hexadecimal digits', Buffer.from(secret).toString('hex')],
    ['bytes that begin as DER does', Buffer.concat([Buffer.from([0x30, 0x59]), Buffer.from(secret)])],
  ])('but a random secret in %s is accepted', (_, random) => {
    expect(createKeyRing({ secret: random }).signing.algorithm).toBe('HS256');
  });
});

describe('[F6] a value that tokens or the store reveal is rejected as a secret', () => {
  // Random, but present in the header or the claims of each token.
  const shown = 'JQZ7Vn5vWb0kK3f9Xo2TtYx8LmRrCcEe1DdGgHhUuAa';
  const says = (bytes: number): string =>
    `is also a kid, the issuer, the audience or the keyPrefix, which others can read. ${secretRemedy(bytes)}`;

  test.each(['issuer', 'audience', 'keyPrefix'])('the %s', (name) => {
    expect(optionsErrorOf(() => createKeyRing({ secret: shown, [name]: shown }))).toEqual({
      option: 'secret',
      says: says(32),
    });
    expect(
      optionsErrorOf(() =>
        createKeyRing({ keys: [keyFor('ES256'), { algorithm: 'HS256', secret: Buffer.from(shown) }], [name]: shown }),
      ),
    ).toEqual({ option: 'keys[1].secret', says: says(32) });
  });

  test('a kid, of this key or another one', () => {
    const long = shown + shown;

    expect(errorOfKey({ kid: shown, algorithm: 'HS256', secret: shown })).toEqual({
      option: 'keys[1].secret',
      says: says(32),
    });
    expect(
      optionsErrorOf(() =>
        createKeyRing({
          keys: [
            { algorithm: 'HS512', secret: long },
            { ...keyFor('RS256'), kid: long },
          ],
        }),
      ),
    ).toEqual({ option: 'keys[0].secret', says: says(64) });
  });

  test('but a secret may contain such a value', () => {
    expect(createKeyRing({ secret: `${shown}.`, issuer: shown }).signing.algorithm).toBe('HS256');
  });
});

describe('the option keys', () => {
  test.each([null, {}, 'HS256', 7, []])('is a list with at least one key, not %j', (keys) => {
    expect(optionsErrorOf(() => createKeyRing({ keys }))).toEqual({
      option: 'keys',
      says: `is ${Array.isArray(keys) ? 'an empty' : 'not a'} list. ${KEY_REMEDY}`,
    });
  });

  test('cannot be combined with secret', () => {
    expect(optionsErrorOf(() => createKeyRing({ secret, keys: [keyFor('HS256')] }))).toEqual({
      option: 'secret',
      says: 'is given beside `keys`. Keep one of them.',
    });
  });

  test.each([null, undefined, 'HS256', 7])('contains objects, not %j', (key) => {
    expect(errorOfKey(key)).toEqual({ option: 'keys[1]', says: `is not an object. ${KEY_REMEDY}` });
  });

  test('rejects unknown properties of a key', () => {
    expect(errorOfKey({ ...keyFor('HS256'), key: secret })).toEqual({
      option: 'keys[1].key',
      says: 'is not known. Use only kid, algorithm, secret, privateKey, publicKey.',
    });
  });

  // jsonwebtoken writes headers as Latin-1 and reads them as UTF-8. With any other kid, a token would be rejected by its own key.
  test.each(['', 7, null, ['k'], 'k'.repeat(256), 'é'.repeat(128), 'clé', 'ключ', '🔑', 'a\nb', 'a\u007f'])(
    'has kids that a header can carry, not %j',
    (kid) => {
      expect(errorOfKey({ kid, algorithm: 'HS256', secret })).toEqual({
        option: 'keys[1].kid',
        says: 'is not a key id. Write 1 to 255 printable ASCII characters.',
      });
    },
  );

  test.each(['k', '2026-01', 'a b', 'k'.repeat(255), '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '__proto__'])(
    'has kid %j',
    (kid) => {
      const ring = createKeyRing({ keys: [{ kid, algorithm: 'HS256', secret }] });

      expect(ring.find(kid)).toBe(ring.signing);
    },
  );

  test.each([
    ['the same kid', [{ ...keyFor('HS256') }, { ...keyFor('HS384') }, { ...keyFor('ES256'), kid: 'HS256' }], 2],
    [
      'no kid',
      [
        { algorithm: 'HS256', secret },
        { algorithm: 'HS384', secret },
      ],
      1,
    ],
  ])('rejects two keys with %s', (_, keys, index) => {
    expect(optionsErrorOf(() => createKeyRing({ keys }))).toEqual({
      option: `keys[${index}].kid`,
      says: 'is that of another key. Give each key a `kid` of its own; one may have none.',
    });
  });

  test.each([
    undefined,
    null,
    '',
    'none',
    'None',
    'NONE',
    'noNE',
    'hs256',
    'HS256 ',
    'EdDSA',
    'ES256K',
    'HS1',
    7,
    ['HS256'],
  ])('[V5] rejects the algorithm %j', (algorithm) => {
    expect(errorOfKey({ kid: 'k', algorithm, secret })).toEqual({
      option: 'keys[1].algorithm',
      says: `is not an algorithm that can sign. Write one of HS256, HS384, HS512, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512.`,
    });
  });

  test('signs with the first key, which must be able to sign', () => {
    expect(optionsErrorOf(() => createKeyRing({ keys: [{ algorithm: 'RS256', publicKey: publicPem }] }))).toEqual({
      option: 'keys[0]',
      says: 'cannot sign. The first key signs: give it a `secret` or a `privateKey`.',
    });
  });

  test('[V4] binds each key to one algorithm, in all families', () => {
    const ring = createKeyRing({ keys: algorithms.map(keyFor) });

    expect(ring.signing.algorithm).toBe('HS256');
    expect(ring.all.map(({ kid, algorithm }) => [kid, algorithm])).toEqual(algorithms.map((name) => [name, name]));
  });
});

describe('a key of one family', () => {
  test.each([
    ['privateKey', { privateKey: pem }],
    ['publicKey', { publicKey: publicPem }],
    ['both beside a secret', { secret, privateKey: pem }],
  ])('[V6] for HMAC is rejected with a %s', (_, material) => {
    expect(errorOfKey({ kid: 'k', algorithm: 'HS256', ...material })).toEqual({
      option: 'keys[1]',
      says: 'has a private or public key for HS256. Give it a `secret` instead.',
    });
  });

  test.each(['RS256', 'PS512', 'ES384'])('[V6] for %s is rejected with a secret', (algorithm) => {
    expect(errorOfKey({ kid: 'k', algorithm, secret, privateKey: pem })).toEqual({
      option: 'keys[1].secret',
      says: `is given for ${algorithm}. Give it a \`privateKey\` or a \`publicKey\` instead.`,
    });
  });

  test('is rejected without key material', () => {
    expect(errorOfKey({ kid: 'k', algorithm: 'ES256' })).toEqual({
      option: 'keys[1]',
      says: `has neither \`privateKey\` nor \`publicKey\`. ${KEY_REMEDY}`,
    });
  });
});

describe('[K1] an asymmetric key', () => {
  test.each([
    ['PEM', { privateKey: pem }],
    ['PKCS#1 PEM', { privateKey: rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString() }],
    ['PEM in bytes', { privateKey: Buffer.from(pem) }],
    ['a KeyObject', { privateKey: rsa.privateKey }],
    ['both halves', { privateKey: pem, publicKey: publicPem }],
  ])('can be %s', (_, material) => {
    const { signing } = createKeyRing({ keys: [{ algorithm: 'RS256', ...material }] });

    expect(signing.signingKey.equals(rsa.privateKey)).toBe(true);
    expect(signing.verifyingKey.equals(rsa.publicKey)).toBe(true);
  });

  test.each([
    ['PEM', publicPem],
    ['bytes', Buffer.from(publicPem)],
    ['a KeyObject', rsa.publicKey],
  ])('can have only a public half, as %s', (_, publicKey) => {
    const [, key] = createKeyRing({ keys: [keyFor('HS256'), { algorithm: 'RS256', publicKey }] }).all;

    expect(key?.signingKey).toBeUndefined();
    expect(key?.verifyingKey.equals(rsa.publicKey)).toBe(true);
  });

  const encrypted = rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' });

  test.each([
    ['private', 'null', null, 'cannot be read as a private key'],
    ['private', 'a number', 7, 'cannot be read as a private key'],
    ['private', 'an empty string', '', 'cannot be read as a private key'],
    ['private', 'a secret', secret, 'cannot be read as a private key'],
    ['private', 'a public key', publicPem, 'is a public key'],
    ['private', 'a JWK', rsa.privateKey.export({ format: 'jwk' }), 'cannot be read as a private key'],
    ['private', 'a public KeyObject', rsa.publicKey, 'is a public key'],
    ['private', 'a secret KeyObject', createSecretKey(Buffer.from(secret)), 'is a secret key'],
    ['public', 'null', null, 'cannot be read as a public key'],
    ['public', 'a number', 7, 'cannot be read as a public key'],
    ['public', 'an object', {}, 'cannot be read as a public key'],
    ['public', 'an empty string', '', 'cannot be read as a public key'],
    ['public', 'a secret', secret, 'cannot be read as a public key'],
    ['public', 'a JWK', rsa.publicKey.export({ format: 'jwk' }), 'cannot be read as a public key'],
    ['public', 'a private key', pem, 'is a private key'],
    ['public', 'an encrypted private key', encrypted, 'is a private key'],
    ['public', 'a private KeyObject', rsa.privateKey, 'is a private key'],
    ['public', 'a secret KeyObject', createSecretKey(Buffer.from(secret)), 'is a secret key'],
  ])('in the place of a %s one cannot be %s', (half, _, material, problem) => {
    expect(errorOfKey({ kid: 'k', algorithm: 'RS256', [`${half}Key`]: material })).toEqual({
      option: `keys[1].${half}Key`,
      says: `${problem}. Write the ${half} key as PEM, or as a KeyObject.`,
    });
  });

  test('is rejected if its halves do not match', () => {
    expect(
      errorOfKey({ kid: 'k', algorithm: 'ES256', privateKey: p256.privateKey, publicKey: p384.publicKey }),
    ).toEqual({
      option: 'keys[1].publicKey',
      says: 'does not belong to the private key. Leave it out: it is derived from `privateKey`.',
    });
  });

  test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])('has 2048 bits or more for %s', (algorithm) => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });

    expect(errorOfKey({ kid: 'k', algorithm, privateKey: weak.privateKey })).toEqual({
      option: 'keys[1]',
      says: 'is an RSA key of 1024 bits. It needs 2048 to 16384.',
    });
  });

  const ed25519 = generateKeyPairSync('ed25519');

  test.each([
    ['ES256', 'P-384', p384, 'It needs an elliptic-curve key on prime256v1.'],
    ['ES384', 'P-256', p256, 'It needs an elliptic-curve key on secp384r1.'],
    ['ES512', 'P-384', p384, 'It needs an elliptic-curve key on secp521r1.'],
    [
      'ES256',
      'secp256k1',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      'It needs an elliptic-curve key on prime256v1.',
    ],
    ['ES256', 'RSA', rsa, 'It needs an elliptic-curve key on prime256v1.'],
    ['ES256', 'Ed25519', ed25519, 'It needs an elliptic-curve key on prime256v1.'],
    ['RS256', 'P-256', p256, 'It needs an RSA key.'],
    ['PS256', 'Ed25519', ed25519, 'It needs an RSA key.'],
  ])('for %s cannot be one of %s, private or public', (algorithm, _, { privateKey, publicKey }, remedy) => {
    const expected = { option: 'keys[1]', says: `is not a key for ${algorithm}. ${remedy}` };

    expect(errorOfKey({ kid: 'k', algorithm, privateKey })).toEqual(expected);
    expect(errorOfKey({ kid: 'k', algorithm, publicKey })).toEqual(expected);
  });
});

describe('[V7] a key is found by its kid', () => {
  const named: KeyOptions[] = [keyFor('HS256'), keyFor('ES256')];

  test('only if the kid is equal', () => {
    const ring = createKeyRing({ keys: named });

    expect(ring.find('ES256')).toBe(ring.all[1]);
    expect(
      ['es256', 'ES256 ', 'ES25', '', ['ES256'], 0, null, {}, true, undefined].map((kid) => ring.find(kid)),
    ).toEqual(Array.from({ length: 10 }, () => undefined));
  });

  test('and the key without a kid by a token without one', () => {
    const ring = createKeyRing({ keys: [...named, { algorithm: 'HS512', secret }] });

    expect(ring.find(undefined)).toBe(ring.all[2]);
    expect([null, '', 'undefined', 'null'].map((kid) => ring.find(kid))).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });
});

test('no message contains key material', () => {
  const broken = pem.replace('MII', 'M!I');

  expect(JSON.stringify(errorOfKey({ kid: 'k', algorithm: 'RS256', privateKey: broken }))).not.toContain('M!I');
  expect(JSON.stringify(optionsErrorOf(() => createKeyRing({ secret: 'a short secret' })))).not.toContain(
    'a short secret',
  );
});
