import { describe, expect, test } from '@jest/globals';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  getDiffieHellman,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { certificateForms, certifiedKey, keyFor, p256, rsa } from '../../../../test/support/key-material.js';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import { createKeyRing } from './key-options.js';

const jwk = rsa.publicKey.export({ format: 'jwk' });
const modulus = numberOf(jwk.n ?? '');

function numberOf(base64url: string): bigint {
  return BigInt(`0x${Buffer.from(base64url, 'base64url').toString('hex')}`);
}

function base64urlOf(number: bigint): string {
  const hex = number.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}

function pemOf(der: Uint8Array, label: string): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;
}

function rsaKey({ n = modulus, e = 65_537n }): KeyObject {
  return createPublicKey({ key: { kty: 'RSA', n: base64urlOf(n), e: base64urlOf(e) }, format: 'jwk' });
}

/** Returns the errors for a key that only verifies, as PEM and as a KeyObject. */
function errorsOfPublicKey(algorithm: string, key: KeyObject): object[] {
  return [key, key.export({ type: 'spki', format: 'pem' }).toString()].map((publicKey) =>
    optionsErrorOf(() => createKeyRing({ keys: [keyFor('HS256'), { kid: 'k', algorithm, publicKey }] })),
  );
}

function errorOfKey(key: object): object {
  return optionsErrorOf(() => createKeyRing({ keys: [{ kid: 'k', ...key }] }));
}

function boots(key: object): boolean {
  return createKeyRing({ keys: [keyFor('HS256'), { kid: 'k', ...key }] }).all.length === 2;
}

describe('[F5] an RSA key', () => {
  const UNSAFE_EXPONENT = {
    option: 'keys[1]',
    says: 'has an unsafe public exponent. It needs an odd one from 3 to 64 bits; 65537 is usual.',
  };
  const NO_PRODUCT = {
    option: 'keys[1]',
    says: 'has a modulus that is not the product of large primes. Make a new key, for example with `openssl genrsa 3072`.',
  };

  test.each<[name: string, e: bigint]>([
    ['0', 0n],
    ['1', 1n],
    ['2', 2n],
    ['4', 4n],
    ['65536', 65_536n],
    ['2 ** 64 + 1', 2n ** 64n + 1n],
    ['2 ** 256 + 1', 2n ** 256n + 1n],
    ['as long as the modulus', modulus - 2n],
  ])('is rejected with the public exponent %s', (_, e) => {
    const errors = ['RS256', 'PS512'].flatMap((algorithm) => errorsOfPublicKey(algorithm, rsaKey({ e })));

    expect(errors).toEqual(Array.from({ length: 4 }, () => UNSAFE_EXPONENT));
  });

  test('is rejected with the public exponent 1 if it signs, too', () => {
    const one = base64urlOf(1n);
    const secret = rsa.privateKey.export({ format: 'jwk' });
    const privateKey = createPrivateKey({ key: { ...secret, e: one, d: one, dp: one, dq: one }, format: 'jwk' });

    expect(errorOfKey({ algorithm: 'RS256', privateKey })).toEqual({ ...UNSAFE_EXPONENT, option: 'keys[0]' });
  });

  test.each<[name: string, e: bigint]>([
    ['3', 3n],
    ['17', 17n],
    ['65537', 65_537n],
    ['2 ** 64 - 1', 2n ** 64n - 1n],
  ])('may have the public exponent %s', (_, e) => {
    expect(boots({ algorithm: 'RS256', publicKey: rsaKey({ e }) })).toBe(true);
  });

  test.each<[name: string, n: bigint]>([
    ['even', modulus - 1n],
    ['a multiple of 3', 3n * (2n ** 2047n + 1n)],
    ['a multiple of 751', 751n * BigInt(`0x${getDiffieHellman('modp14').getPrime('hex')}`)],
    ['a prime', BigInt(`0x${getDiffieHellman('modp14').getPrime('hex')}`)],
  ])('is rejected with a modulus that is %s', (_, n) => {
    expect(errorsOfPublicKey('RS256', rsaKey({ n }))).toEqual([NO_PRODUCT, NO_PRODUCT]);
  });

  /** An exponent of 8,192 bits. */
  const prime = BigInt(`0x${getDiffieHellman('modp18').getPrime('hex')}`);

  test('may have 16,384 bits', () => {
    expect(boots({ algorithm: 'RS256', publicKey: rsaKey({ n: prime * prime }) })).toBe(true);
  });

  test.each([
    [2047, modulus >> 1n],
    [16_385, (prime * prime) << 1n],
    [65_536, 2n ** 65_535n + 1n],
  ])('is rejected with %d bits', (bits, n) => {
    const expected = { option: 'keys[1]', says: `is an RSA key of ${bits} bits. It needs 2048 to 16384.` };

    expect(errorsOfPublicKey('RS256', rsaKey({ n }))).toEqual([expected, expected]);
  });

  function pssPair(hash: string): { publicKey: KeyObject; privateKey: KeyObject } {
    // The types declare the salt's length as a string, but it is a number.
    const parameters: object = { hashAlgorithm: hash, mgf1HashAlgorithm: hash, saltLength: 32 };
    return generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...parameters });
  }

  test.each<[name: string, pair: { publicKey: KeyObject; privateKey: KeyObject }]>([
    ['no parameters', generateKeyPairSync('rsa-pss', { modulusLength: 2048 })],
    ['the parameters of PS256', pssPair('sha256')],
    ['those of another hash', pssPair('sha512')],
  ])('is rejected if it is for RSA-PSS only, with %s', (__, { publicKey, privateKey }) => {
    const says = 'is a key for RSA-PSS only. PS256 needs a plain RSA key, such as `openssl genrsa 3072` makes.';

    expect(errorsOfPublicKey('PS256', publicKey)).toEqual(
      Array.from({ length: 2 }, () => ({ option: 'keys[1]', says })),
    );
    expect(errorOfKey({ algorithm: 'PS256', privateKey })).toEqual({ option: 'keys[0]', says });
  });
});

describe('[F5] an EC key', () => {
  const spki = p256.publicKey.export({ type: 'spki', format: 'der' });
  const point = spki.subarray(-65);

  function withPoint(encoded: Buffer): string {
    const algorithm = spki.subarray(2, 23);
    const bits = Buffer.from([0x03, encoded.length + 1, 0x00]);
    const body = Buffer.concat([algorithm, bits, encoded]);
    return pemOf(Buffer.concat([Buffer.from([0x30, body.length]), body]), 'PUBLIC KEY');
  }

  const flipped = Buffer.from(point);
  flipped[64]! ^= 1;

  test('is accepted in the encoding of these tests', () => {
    expect(boots({ algorithm: 'ES256', publicKey: withPoint(point) })).toBe(true);
  });

  test.each([
    ['a point that is not on the curve', flipped],
    [
      'the coordinates in the wrong order',
      Buffer.concat([point.subarray(0, 1), point.subarray(33), point.subarray(1, 33)]),
    ],
    ['zeros', Buffer.concat([point.subarray(0, 1), Buffer.alloc(64)])],
    [
      'a point of another curve',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
        .publicKey.export({ type: 'spki', format: 'der' })
        .subarray(-65),
    ],
    ['half a point', point.subarray(0, 33)],
  ])('node:crypto does not read %s', (_, encoded) => {
    expect(() => createPublicKey(withPoint(encoded))).toThrow(/./);
    expect(errorOfKey({ algorithm: 'ES256', publicKey: withPoint(encoded) })).toEqual({
      option: 'keys[0].publicKey',
      says: 'cannot be read as a public key. Write the public key as PEM, or as a KeyObject.',
    });
  });

  test.each<[name: string, key: JsonWebKey]>([
    ['off the curve', { ...p256.publicKey.export({ format: 'jwk' }), y: point.subarray(1, 33).toString('base64url') }],
    ['under the name of another curve', { ...p256.publicKey.export({ format: 'jwk' }), crv: 'P-384' }],
  ])('node:crypto does not make a KeyObject of a JWK %s', (_, key) => {
    expect(() => createPublicKey({ key, format: 'jwk' })).toThrow('Invalid JWK EC key');
  });

  // Node.js reads this key, but aborts if it is asked for its curve.
  test('is rejected if it is the point at infinity', () => {
    expect(errorOfKey({ algorithm: 'ES256', publicKey: withPoint(Buffer.from([0])) })).toEqual({
      option: 'keys[0]',
      says: 'is not a key for ES256. It needs an elliptic-curve key on prime256v1.',
    });
  });

  test('is rejected with a generator of its own (CVE-2020-0601)', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    const der = publicKey.export({ type: 'spki', format: 'der' });
    const generator = der.indexOf(
      Buffer.from('046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296', 'hex'),
    );
    const forged = Buffer.concat([der.subarray(0, generator), point, der.subarray(generator + 65)]);

    expect(generator).toBeGreaterThan(0);
    expect(boots({ algorithm: 'ES256', publicKey: pemOf(der, 'PUBLIC KEY') })).toBe(true);
    expect(errorOfKey({ algorithm: 'ES256', publicKey: pemOf(forged, 'PUBLIC KEY') })).toMatchObject({
      option: expect.stringMatching(/^keys\[0\]/),
    });
  });
});

describe('[F5] a private key', () => {
  const pkcs8 = p256.privateKey.export({ type: 'pkcs8', format: 'der' });
  const scalar = pkcs8.indexOf(Buffer.from([0x04, 0x20])) + 2;
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });
  const secret = rsa.privateKey.export({ format: 'jwk' });

  function withScalar(bytes: Buffer): string {
    return pemOf(Buffer.concat([pkcs8.subarray(0, scalar), bytes, pkcs8.subarray(scalar + 32)]), 'PRIVATE KEY');
  }

  test.each<[name: string, algorithm: string, privateKey: string | KeyObject]>([
    ['zero', 'ES256', withScalar(Buffer.alloc(32))],
    ['the order of the curve', 'ES256', withScalar(order)],
    [
      'one with the public half of another',
      'ES256',
      pemOf(Buffer.concat([pkcs8.subarray(0, -65), other.subarray(-65)]), 'PRIVATE KEY'),
    ],
    [
      'an RSA key with a wrong exponent',
      'RS256',
      createPrivateKey({
        key: { ...secret, d: base64urlOf(numberOf(secret.d ?? '') + 2n), dp: secret.dq ?? '', dq: secret.dp ?? '' },
        format: 'jwk',
      }),
    ],
  ])('that is damaged does not boot: %s', (_, algorithm, privateKey) => {
    expect(errorOfKey({ algorithm, privateKey })).toEqual({
      option: 'keys[0].privateKey',
      says: 'is damaged: its signatures do not verify. Make a new key.',
    });
  });
});

describe('[V6] [F5] key material in the wrong place is rejected', () => {
  const format = { type: 'pkcs8', format: 'pem' } as const;
  const pem = rsa.privateKey.export(format).toString();
  const [, certificate = ''] = certificateForms[0] ?? [];

  test.each<[name: string, material: string | Buffer, problem: string]>([
    ['a public key', rsa.publicKey.export({ type: 'spki', format: 'pem' }), 'is a public key'],
    ['a public key in PKCS#1', rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }), 'is a public key'],
    ['a public EC key', p256.publicKey.export({ type: 'spki', format: 'pem' }), 'is a public key'],
    ['a certificate', certificate, 'is a certificate'],
    ['a public key in DER', rsa.publicKey.export({ type: 'spki', format: 'der' }), 'cannot be read as a private key'],
    [
      'a private key in DER',
      rsa.privateKey.export({ type: 'pkcs8', format: 'der' }),
      'cannot be read as a private key',
    ],
    ['a JWK', JSON.stringify(rsa.privateKey.export({ format: 'jwk' })), 'cannot be read as a private key'],
  ])('as a private key: %s', (_, material, problem) => {
    const forms = [material, Buffer.from(material)];

    expect(forms.map((privateKey) => errorOfKey({ algorithm: 'RS256', privateKey }))).toEqual(
      forms.map(() => ({
        option: 'keys[0].privateKey',
        says: `${problem}. Write the private key as PEM, or as a KeyObject.`,
      })),
    );
  });

  test.each<[name: string, material: string | Buffer]>([
    ['in PKCS#8', rsa.privateKey.export({ ...format, cipher: 'aes-256-cbc', passphrase: 'p' })],
    ['in PKCS#1', rsa.privateKey.export({ ...format, type: 'pkcs1', cipher: 'aes-256-cbc', passphrase: 'p' })],
    ['in SEC 1', p256.privateKey.export({ ...format, type: 'sec1', cipher: 'aes-256-cbc', passphrase: 'p' })],
  ])('as a private key: an encrypted one %s', (_, material) => {
    const forms = [material, Buffer.from(material)];

    expect(forms.map((privateKey) => errorOfKey({ algorithm: 'RS256', privateKey }))).toEqual(
      forms.map(() => ({
        option: 'keys[0].privateKey',
        says: 'is encrypted. Write the KeyObject that `createPrivateKey({ key, passphrase })` of node:crypto returns.',
      })),
    );
  });

  test.each<[name: string, material: string | Buffer]>([
    ['in PKCS#8', pem],
    ['in PKCS#1', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' })],
    ['in SEC 1', p256.privateKey.export({ type: 'sec1', format: 'pem' })],
    ['encrypted', rsa.privateKey.export({ ...format, cipher: 'aes-256-cbc', passphrase: 'p' })],
    [
      'encrypted in PKCS#1',
      rsa.privateKey.export({ ...format, type: 'pkcs1', cipher: 'aes-256-cbc', passphrase: 'p' }),
    ],
    ['behind a public key', rsa.publicKey.export({ type: 'spki', format: 'pem' }) + pem],
    ['behind a certificate', certificate + pem],
  ])('as a public key: a private one %s', (_, material) => {
    const forms = [material, Buffer.from(material)];

    expect(forms.map((publicKey) => errorOfKey({ algorithm: 'RS256', publicKey }))).toEqual(
      forms.map(() => ({
        option: 'keys[0].publicKey',
        says: 'is a private key. Write the public key as PEM, or as a KeyObject.',
      })),
    );
  });

  test('but a certificate is accepted as a public key', () => {
    const [, key] = createKeyRing({ keys: [keyFor('HS256'), { algorithm: 'ES256', publicKey: certificate }] }).all;

    expect(key?.verifyingKey.equals(certifiedKey)).toBe(true);
  });
});
