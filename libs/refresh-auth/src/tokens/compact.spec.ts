import { describe, expect, test } from '@jest/globals';
import { encodeSegment } from '../../../../test/support/hostile-tokens.js';
import { invalid, malformed, refusalOf } from '../../../../test/support/refusals.js';
import { readHeader } from './compact.js';
import { createKeyRing } from '../options/key-options.js';
import { TokenVerifier } from './verifying.js';

const header = encodeSegment({ alg: 'HS256', typ: 'JWT' });
const payload = encodeSegment({ sub: '1' });
const token = `${header}.${payload}.c2lnbmF0dXJl`;

test('reads the header of an unverified token', () => {
  expect(readHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
});

describe('[M1] length', () => {
  const longest = `${header}.${payload}.`.padEnd(8192, 'A');

  test('8,192 bytes are read', () => {
    expect(readHeader(longest)).toEqual({ alg: 'HS256', typ: 'JWT' });
  });

  test.each([
    ['one byte more', `${longest}A`],
    ['16 KB', token.padEnd(16_384, 'A')],
    ['a million dots', '.'.repeat(1_000_000)],
  ])('%s is malformed', (_, long) => {
    expect(refusalOf(() => readHeader(long))).toEqual(malformed('longer than 8192 bytes'));
  });

  test('is checked before anything else', () => {
    const looked: PropertyKey[] = [];
    const spy: unknown = new Proxy(Object('.'.repeat(8193)) as object, {
      get(target, name) {
        looked.push(name);
        return Reflect.get(target, name) as unknown;
      },
    });

    expect(refusalOf(() => readHeader(spy as string))).toEqual(malformed('longer than 8192 bytes'));
    expect(looked).toEqual(['length']);
  });
});

describe('[V9] anything but three base64url segments is malformed', () => {
  const [first = '', second = '', third = ''] = token.split('.');

  test.each([
    ['nothing', ''],
    ['one segment', first],
    ['two segments', `${first}.${second}`],
    ['four segments', `${token}.${third}`],
    ['five segments, a JWE', `${first}.${second}.${third}.${second}.${third}`],
    ['only dots', '..'],
    ['an empty header', `.${second}.${third}`],
    ['an empty payload', `${first}..${third}`],
    ['[V5] an empty signature', `${first}.${second}.`],
    ['padding', `${first}=.${second}.${third}`],
    ['padding of the signature', `${token}==`],
    ['the alphabet of base64', `${first}.${second}.c2ln+mF0/XJl`],
    ['a space in front', ` ${token}`],
    ['a space behind', `${token} `],
    ['a space inside', `${first}. ${second}.${third}`],
    ['a line break behind', `${token}\n`],
    ['a line break inside', `${first}.${second}\r\n.${third}`],
    ['a tab', `${token}\t`],
    ['NUL', `${token}\0`],
    ['a letter that is not ASCII', `${first}.${second}.é`],
    ['a full-width dot', `${first}．${second}．${third}`],
    ['percent-encoding', `${first}%2E${second}%2E${third}`],
    ['quotes', `"${token}"`],
    ['flattened JSON serialization', JSON.stringify({ protected: first, payload: second, signature: third })],
    [
      'general JSON serialization',
      JSON.stringify({ payload: second, signatures: [{ protected: first, signature: third }] }),
    ],
  ])('%s', (_, text) => {
    expect(refusalOf(() => readHeader(text))).toEqual(malformed('not three base64url segments'));
  });
});

describe('a header that is not a JSON object is malformed', () => {
  test.each([
    ['text', 'alg: HS256'],
    ['half an object', '{"alg":"HS256"'],
    ['an object and more', '{"alg":"HS256"} {}'],
    ['a byte order cutoff in front', '\ufeff{"alg":"HS256"}'],
    ['null', 'null'],
    ['an array', '["HS256"]'],
    ['a string', '"HS256"'],
    ['a number', '256'],
    ['bytes that are not UTF-8', new Uint8Array([0xff, 0xfe, 0x7b, 0x7d])],
  ])('%s', (_, text) => {
    expect(refusalOf(() => readHeader(`${encodeSegment(text)}.${payload}.c2ln`))).toEqual(
      malformed('the header is not a JSON object'),
    );
  });
});

describe('[V8] a header with an extension is malformed', () => {
  test.each([
    ['crit', ['exp']],
    ['crit', ['unknown']],
    ['crit', ['alg']],
    ['crit', ['b64']],
    ['crit', ['b64', 'b64']],
    ['crit', []],
    ['crit', null],
    ['crit', 'b64'],
    ['b64', false],
    ['b64', true],
    ['zip', 'DEF'],
    ['zip', null],
  ])('%s: %j', (name, value) => {
    const extended = encodeSegment({ alg: 'HS256', [name]: value });

    expect(refusalOf(() => readHeader(`${extended}.${payload}.c2ln`))).toEqual(malformed(`the header has ${name}`));
  });

  test('but not a name in another case, nor one inside __proto__', () => {
    const odd = encodeSegment('{"alg":"HS256","CRIT":["b64"],"__proto__":{"crit":["b64"]}}');

    expect(Object.keys(readHeader(`${odd}.${payload}.c2ln`))).toEqual(['alg', 'CRIT', '__proto__']);
  });
});

describe('malformed comes before invalid', () => {
  const verifier = new TokenVerifier(createKeyRing({ secret: 'a secret that is not the one of the token' }), {});

  test.each([
    ['crit and a wrong signature', { alg: 'HS256', crit: ['b64'] }, { sub: '1' }, malformed('the header has crit')],
    ['no JSON under a wrong signature', { alg: 'HS256' }, '{', malformed('the payload is not a JSON object')],
    ['no JSON and an unknown kid', { alg: 'HS256', kid: 'x' }, '{', malformed('the payload is not a JSON object')],
    ['no JSON and alg none', { alg: 'none' }, 'null', malformed('the payload is not a JSON object')],
    ['an unknown kid alone', { alg: 'HS256', kid: 'x' }, { sub: '1' }, invalid('unknown kid')],
  ])('%s', (_, oddHeader, oddPayload, expected) => {
    const odd = `${encodeSegment(oddHeader)}.${encodeSegment(oddPayload)}.c2ln`;

    expect(refusalOf(() => verifier.verify(odd))).toEqual(expected);
  });
});
