// The forged tokens of the tests are what they are said to be.
import { describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { decodePayload, flipBit, respell, signRaw } from './hostile-tokens.js';

const secret = 'a secret that only this test knows';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
const payload = { sub: '1', note: 'naïve' };

function withPrivateKey(algorithm: `${'RS' | 'PS'}${'256' | '384' | '512'}` | keyof typeof curves) {
  const pair =
    algorithm in curves ? generateKeyPairSync('ec', { namedCurve: curves[algorithm as keyof typeof curves] }) : rsa;
  const token = signRaw({ header: { alg: algorithm }, payload, algorithm, privateKey: pair.privateKey });
  return { token, publicKey: pair.publicKey };
}

describe('signRaw', () => {
  test.each(['HS256', 'HS384', 'HS512'] as const)('%s verifies', (algorithm) => {
    const token = signRaw({ header: { alg: algorithm }, payload, algorithm, secret });

    expect(jwt.verify(token, secret, { algorithms: [algorithm] })).toEqual(payload);
  });

  test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'] as const)(
    '%s verifies',
    (algorithm) => {
      const { token, publicKey } = withPrivateKey(algorithm);

      expect(jwt.verify(token, publicKey, { algorithms: [algorithm] })).toEqual(payload);
    },
  );

  test('signs a payload that is no JSON', () => {
    const token = signRaw({ header: { alg: 'HS256' }, payload: '{"sub":', algorithm: 'HS256', secret });

    expect(jwt.verify(token, secret)).toBe('{"sub":');
  });

  test('signs under a header that says something else', () => {
    const token = signRaw({ header: '{"alg":"HS256","alg":"none"}', payload, algorithm: 'HS256', secret });

    expect(jwt.decode(token, { complete: true })?.header).toEqual({ alg: 'none' });
    expect(decodePayload(token)).toEqual(payload);
  });
});

describe('respell', () => {
  test.each([
    ['RS256', 15],
    ['ES256', 15],
    ['ES384', 0],
  ] as const)('finds every other spelling of a %s signature, and each verifies', (algorithm, count) => {
    const { token, publicKey } = withPrivateKey(algorithm);

    const others = respell(token);

    expect(new Set(others).size).toBe(count);
    others.forEach((other) => {
      expect(other).not.toBe(token);
      expect(jwt.verify(other, publicKey, { algorithms: [algorithm] })).toEqual(payload);
    });
  });

  test('finds the three of an HS256 signature, although jsonwebtoken accepts one spelling only', () => {
    const token = signRaw({ header: { alg: 'HS256' }, payload, algorithm: 'HS256', secret });

    const others = respell(token);

    expect(others).toHaveLength(3);
    others.forEach((other) => expect(() => jwt.verify(other, secret)).toThrow('invalid signature'));
  });
});

test('flipBit spoils the signature and nothing else', () => {
  const token = signRaw({ header: { alg: 'HS256' }, payload, algorithm: 'HS256', secret });

  expect(decodePayload(flipBit(token))).toEqual(payload);
  expect(() => jwt.verify(flipBit(token), secret)).toThrow('invalid signature');
  expect(flipBit(flipBit(token))).toBe(token);
});
