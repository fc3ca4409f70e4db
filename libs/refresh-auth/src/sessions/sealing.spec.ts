import { describe, expect, test } from '@jest/globals';
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { createKeyRing, type KeyOptions } from '../options/key-options.js';
import { type SealedPlace, Sealer } from './sealing.js';

const SECRET = 'a secret for tests, of more than thirty-two bytes';
const OTHER_SECRET = 'another secret for tests, also of more than 32 bytes';
const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
const PLACE: SealedPlace = { sid: 'session', gen: 7 };
const LONGEST_KID = 'k'.repeat(255);

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

function sealer(keys: KeyOptions[] = [{ algorithm: 'HS256', secret: SECRET }], keyPrefix = 'refresh-auth'): Sealer {
  return new Sealer(createKeyRing({ keys }), keyPrefix);
}

function withByte(sealed: Uint8Array, index: number, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(sealed);
  changed.writeUInt8(change(changed.readUInt8(index)), index);
  return changed;
}

/** The token in a sealed value; nothing if it does not open; or that a newer version sealed it. */
function outcomeOf(sealed: Uint8Array, place = PLACE, by = sealer()): string | undefined {
  try {
    return by.open(sealed, place);
  } catch (error) {
    if (!(error instanceof RefreshAuthError)) throw error;
    return `${error.code}: ${error.detail}`;
  }
}

describe('Sealer', () => {
  const KEYS: [string, KeyOptions][] = [
    ['a secret without kid', { algorithm: 'HS256', secret: SECRET }],
    ['a secret with kid', { kid: 'k1', algorithm: 'HS256', secret: SECRET }],
    ['the longest kid', { kid: LONGEST_KID, algorithm: 'HS256', secret: SECRET }],
    ['a secret of bytes', { algorithm: 'HS256', secret: Uint8Array.from({ length: 64 }, (_, index) => 37 * index) }],
    ['an elliptic-curve key', { kid: 'ec', algorithm: 'ES256', privateKey: p256 }],
    ['an RSA key', { kid: 'rsa', algorithm: 'PS256', privateKey: rsa }],
  ];

  test.each(KEYS)('opens what it sealed, with %s', (_, key) => {
    const sealed = sealer([key]).seal(TOKEN, PLACE);

    expect(sealer([key]).open(sealed, PLACE)).toBe(TOKEN);
  });

  test('opens what the same elliptic-curve key sealed in another encoding, without its public key', () => {
    const { d = '' } = p256.export({ format: 'jwk' });
    // ECPrivateKey (RFC 5915 section 3) with the curve, and without the public key, which is optional.
    const der = `30310201010420${Buffer.from(d, 'base64url').toString('hex')}a00a06082a8648ce3d030107`;
    const bare = createPrivateKey({ key: Buffer.from(der, 'hex'), format: 'der', type: 'sec1' });
    const encoded = (key: KeyObject) => key.export({ format: 'der', type: 'pkcs8' });
    expect(encoded(bare)).not.toEqual(encoded(p256));

    const [whole, other] = [p256, bare].map((privateKey) => sealer([{ algorithm: 'ES256', privateKey }]));

    expect(other?.open(whole?.seal(TOKEN, PLACE) ?? Buffer.alloc(0), PLACE)).toBe(TOKEN);
  });

  test('gives back the very bytes of the token', () => {
    const longest = `${TOKEN}${'A'.repeat(8192 - TOKEN.length)}`;

    expect(sealer().open(sealer().seal(longest, PLACE), PLACE)).toBe(longest);
  });

  test('opens a part of a larger buffer, such as a client hands out', () => {
    const sealed = sealer().seal(TOKEN, PLACE);
    const reply = Buffer.concat([Buffer.from('1:8:'), sealed, Buffer.from('\r\n')]);

    expect(sealer().open(new Uint8Array(reply.buffer, reply.byteOffset + 4, sealed.length), PLACE)).toBe(TOKEN);
  });

  test.each([
    [
      undefined,
      'AQDHu1s1MLyuX+f/edVJtS9fKQ/roBaSs2kxcFS5WrDWKoww0V4UviPLEQaEeeIKveOrhZRp0dUSGwp57uTYgLzgL4AFaVk3HaffQbvJxg==',
    ],
    [
      'k1',
      'AQJrMa0+2VzHwemzUtN6W876b7r/7JdBUfVPOsT/cQSEBUu2blVrRpvGBn6BOp7KvcXtixyxIWc0wagqfUF6QC+KWENCxRBktKJINobKpjYM',
    ],
  ])('opens what the first release sealed, with kid %s: processes of two releases share sessions', (kid, sealed) => {
    expect(sealer([{ kid, algorithm: 'HS256', secret: SECRET }]).open(Buffer.from(sealed, 'base64'), PLACE)).toBe(
      TOKEN,
    );
  });

  test.each(KEYS)('[K4] encrypts with a key of its own: the one that signs does not open it, with %s', (_, key) => {
    const sealed = sealer([key]).seal(TOKEN, PLACE);
    const start = 2 + (key.kid?.length ?? 0);
    const nonce = sealed.subarray(start, start + 12);
    const { signing } = createKeyRing({ keys: [key] });
    const material =
      signing.algorithm === 'HS256'
        ? signing.signingKey.export()
        : signing.signingKey.export({ type: 'pkcs8', format: 'der' });
    const guesses = [
      material.subarray(0, 32),
      createHash('sha256').update(material).digest(),
      createHmac('sha256', material).update(PLACE.sid).digest(),
    ];

    for (const guess of guesses) {
      const decipher = createDecipheriv('aes-256-gcm', guess, nonce, { authTagLength: 16 });
      decipher.setAuthTag(sealed.subarray(-16));
      expect(decipher.update(sealed.subarray(start + 12, -16)).toString('latin1')).not.toContain(TOKEN);
      expect(() => decipher.final()).toThrow('unable to authenticate data');
    }
  });

  test('shows nothing of the token: a dump of the store holds no usable one [G3]', () => {
    const sealed = sealer([{ kid: 'k1', algorithm: 'HS256', secret: SECRET }])
      .seal(TOKEN, PLACE)
      .toString('latin1');

    for (const text of [TOKEN, ...TOKEN.split('.'), '"sub"', 'eyJhbGci', PLACE.sid, SECRET]) {
      expect(sealed).not.toContain(text);
    }
  });

  test('seals the same token differently each time: no nonce comes twice', () => {
    const by = sealer();
    const sealed = Array.from({ length: 1000 }, () => by.seal(TOKEN, PLACE).toString('hex'));

    expect(new Set(sealed).size).toBe(1000);
  });

  test('writes its version and the kid in front, and nothing more than nonce and tag', () => {
    const sealed = sealer([{ kid: 'k1', algorithm: 'HS256', secret: SECRET }]).seal(TOKEN, PLACE);

    expect(sealed.subarray(0, 4)).toEqual(Buffer.from([1, 2, 0x6b, 0x31]));
    expect(sealed).toHaveLength(4 + 12 + TOKEN.length + 16);
  });

  describe('refuses', () => {
    test.each([
      ['another session', { ...PLACE, sid: 'session2' }],
      ['the session whose id begins the same', { ...PLACE, sid: 'sessio' }],
      ['the next generation', { ...PLACE, gen: 8 }],
      ['the former generation', { ...PLACE, gen: 6 }],
      ['a place whose parts read the same together', { sid: 'session7', gen: 0 }],
    ])('what was sealed for this place, at %s', (_, place) => {
      expect(outcomeOf(sealer().seal(TOKEN, PLACE), place)).toBeUndefined();
    });

    test.each([
      ['another secret', sealer([{ algorithm: 'HS256', secret: OTHER_SECRET }])],
      ['the same secret under a kid', sealer([{ kid: 'k1', algorithm: 'HS256', secret: SECRET }])],
      ['another prefix', sealer(undefined, 'refresh-auth-2')],
      ['a prefix that begins the same', sealer(undefined, 'refresh-aut')],
    ])('what was sealed with %s', (_, by) => {
      const sealed = by.seal(TOKEN, PLACE);

      expect(outcomeOf(sealed)).toBeUndefined();
      expect(by.open(sealed, PLACE)).toBe(TOKEN);
    });

    test('what was sealed under another kid of the same secret', () => {
      const [k1, k2] = ['k1', 'k2'].map((kid): KeyOptions => ({ kid, algorithm: 'HS256', secret: SECRET }));
      const both = sealer([k1 as KeyOptions, k2 as KeyOptions]);
      const renamed = withByte(both.seal(TOKEN, PLACE), 3, () => '2'.charCodeAt(0));

      expect(outcomeOf(renamed, PLACE, both)).toBeUndefined();
    });

    test('what a key sealed that it can only verify', () => {
      const keys: KeyOptions[] = [{ kid: 'ec', algorithm: 'ES256', privateKey: p256 }];
      const sealed = sealer(keys).seal(TOKEN, PLACE);
      const publicKey = createKeyRing({ keys }).signing.verifyingKey;
      const verifies = sealer([
        { algorithm: 'HS256', secret: SECRET },
        { kid: 'ec', algorithm: 'ES256', publicKey },
      ]);

      expect(outcomeOf(sealed, PLACE, verifies)).toBeUndefined();
    });

    const VALUES: [string, Buffer, Sealer][] = [
      ['without kid', sealer().seal(TOKEN, PLACE), sealer()],
      ...['k1', LONGEST_KID].map((kid): [string, Buffer, Sealer] => {
        const by = sealer([{ kid, algorithm: 'HS256', secret: SECRET }]);
        return [`with a kid of ${kid.length} bytes`, by.seal(TOKEN, PLACE), by];
      }),
    ];

    test.each(VALUES)('a value %s of which any bit was changed', (_, sealed, by) => {
      const opened: string[] = [];
      for (let index = 0; index < sealed.length; index++) {
        for (let bit = 0; bit < 8; bit++) {
          const changed = withByte(sealed, index, (byte) => byte ^ (1 << bit));
          const outcome = outcomeOf(changed, PLACE, by);
          const expected = index === 0 && bit > 0 ? 'store_unavailable: sealed by a newer version' : undefined;
          if (outcome !== expected) opened.push(`bit ${bit} of byte ${index}: ${outcome}`);
        }
      }

      expect(opened).toEqual([]);
    });

    test.each(VALUES)('a value %s that was cut off anywhere, at either end', (_, sealed, by) => {
      const opened: string[] = [];
      for (let length = 0; length < sealed.length; length++) {
        const latest = outcomeOf(sealed.subarray(0, length), PLACE, by);
        const tail = outcomeOf(sealed.subarray(sealed.length - length), PLACE, by);
        if (latest !== undefined) opened.push(`the first ${length} bytes: ${latest}`);
        // The first byte may now look like the version of a newer library, which is not ours to judge.
        if (tail === TOKEN) opened.push(`the last ${length} bytes: ${tail}`);
      }

      expect(opened).toEqual([]);
    });

    test.each([1, 16, 1000])('a value to which %i bytes were added', (length) => {
      const sealed = sealer().seal(TOKEN, PLACE);

      expect(outcomeOf(Buffer.concat([sealed, Buffer.alloc(length)]))).toBeUndefined();
    });

    test.each([
      ['nothing', Buffer.alloc(0)],
      ['zeros', Buffer.alloc(100)],
      ['a kid that is longer than the value', Buffer.from([1, 255, 0x6b])],
      ['a kid of no key', Buffer.concat([Buffer.from([1, 2, 0x6b, 0x39]), Buffer.alloc(100)])],
      ['a kid on Object.prototype', Buffer.concat([Buffer.from([1, 9]), Buffer.from('__proto__'), Buffer.alloc(100)])],
    ])('%s', (_, sealed) => {
      expect(outcomeOf(sealed)).toBeUndefined();
    });
  });

  test.each([2, 3, 127, 128, 255])('leaves a value of version %i alone: a newer library sealed it', (version) => {
    const newer = withByte(sealer().seal(TOKEN, PLACE), 0, () => version);

    expect(outcomeOf(newer)).toBe('store_unavailable: sealed by a newer version');
  });

  test('opens what each of its keys sealed, and seals with the first: keys can be replaced while sessions go on [K3]', () => {
    const older: KeyOptions = { kid: 'older', algorithm: 'HS256', secret: SECRET };
    const newer: KeyOptions = { kid: 'newer', algorithm: 'ES256', privateKey: p256 };
    const both = sealer([newer, older]);

    expect(both.open(sealer([older]).seal(TOKEN, PLACE), PLACE)).toBe(TOKEN);
    expect(sealer([newer]).open(both.seal(TOKEN, PLACE), PLACE)).toBe(TOKEN);
    expect(sealer([older]).open(both.seal(TOKEN, PLACE), PLACE)).toBeUndefined();
  });
});
