import * as fc from 'fast-check';
import { algorithms, forge, keyFor, p256, publicForms, rsa } from './key-material.js';
import { encodeSegment, flipBit, respell, type SegmentValue, signRaw } from './hostile-tokens.js';
import { claims, claimsText } from './signed-claims.js';

/** The algorithms of the keys under attack: one of each kind. `forge` signs for them. */
export const attacked = ['HS256', 'RS256', 'PS256', 'ES256'] as const;
export type Attacked = (typeof attacked)[number];

/** Keys of an attacker, who does not have those of the application. */
const STRANGERS_SECRET = 'whoever reads this has the secret of a stranger';

const JOSE_ALGORITHMS = [
  ...algorithms,
  'EdDSA',
  'ES256K',
  'RSA-OAEP',
  'dir',
  'A256GCMKW',
  'HS1',
  'hs256',
  'Hs256',
  'RS256 ',
];

/** Anything that JSON can say, more often something that a sloppy check takes for true, equal or absent. */
const anyJson = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, -1, '', '0', [], [[]], {}, [null], { length: 1 }, 'JWT', 'HS256'),
  fc.jsonValue({ maxDepth: 2 }),
);

const inAnyCase = (text: string): fc.Arbitrary<string> =>
  fc.mixedCase(fc.constant(text), { toggleCase: (letter) => letter.toUpperCase() });

/** Built as JSON text, because a JavaScript object cannot express everything that JSON can. */
const noTime = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '"now"',
    '0',
    '-0',
    '-1',
    '1',
    '1e999',
    '-1e999',
    '1e300',
    '1e-300',
    '5e-324',
    '1.7e12',
    '253402300800',
    '946684799',
    '9007199254740993',
    '1767225600.5',
    '"1767225600"',
    '[1767225600]',
    '{"valueOf":1767225600}',
    '"1e10"',
    '"0x6956"',
    '"Infinity"',
  ),
  fc.double({ noInteger: true, noNaN: true }).map(String),
  fc.integer({ max: 946_684_799 }).map(String),
  fc.maxSafeInteger().map((number) => String(Math.max(number, 253_402_300_800))),
  fc.string().map((text) => JSON.stringify(text)),
  fc.array(fc.integer(), { maxLength: 2 }).map((list) => JSON.stringify(list)),
);

const notText = fc.oneof(
  fc.constantFrom('null', 'true', '0', '1', '[]', '{}', '""', '["1"]', '{"toString":"1"}'),
  fc.double({ noNaN: true }).map(String),
  fc.array(fc.string(), { maxLength: 2 }).map((list) => JSON.stringify(list)),
);

const noWholeNumber = fc.oneof(
  fc.constantFrom('null', 'true', '"0"', '[]', '[0]', '{}', '""', '-1', '1e999', '1e300', '0.5', '9007199254740992'),
  fc.integer({ max: -1 }).map(String),
  fc.double({ noInteger: true, noNaN: true }).map(String),
);

const prototypeName = fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype));

const notAnObject = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '1',
    '"sub"',
    '[]',
    '[{}]',
    '{',
    '}',
    '{"sub":"1"',
    "{'sub':'1'}",
    '{sub:1}',
    '{"sub":1,}',
    'NaN',
  ),
  fc.constantFrom(
    '{"sub":"1"}{}',
    '{"sub":"1"}}',
    '\ufeff{"sub":"1"}',
    '{"sub":01}',
    '{"sub":+1}',
    '{"sub":0x1}',
    '{"sub":"\n"}',
    '/**/{}',
  ),
  fc
    .jsonValue({ maxDepth: 1 })
    .filter((value) => typeof value !== 'object' || value === null || Array.isArray(value))
    .map((value) => JSON.stringify(value)),
  fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
    .filter((text) => !isObjectText(text)),
);

/** Changes one character into others, in every alphabet that some decoder accepts as base64url. */
const characters = fc.oneof(
  fc.constantFrom(
    '',
    '=',
    '==',
    '+',
    '/',
    '.',
    '..',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\0',
    '%2E',
    '%00',
    '\u00a0',
    '\u200b',
    '\ufeff',
    '\uff0e',
    '\u0130',
    '\u017f',
    '\ud83d\ude00',
    '\ud800',
  ),
  fc.constantFrom('A', 'z', '0', '-', '_', '~', ',', ';', '"', '\\'),
  fc.string({ minLength: 1, maxLength: 3, unit: 'binary' }),
);

/**
 * Generates the attacks on a module with one key of this algorithm. Some are correctly signed, as no attacker could do it, so that the other
 * checks are tested without the signature's help.
 *
 * @returns the attacks, by a name that says what is tried and which requirement forbids it
 * @param token a good token of that key
 * @param other one of another session
 */
export function attacksOn(algorithm: Attacked, token: string, other: string): Record<string, fc.Arbitrary<string>> {
  const { kid } = keyFor(algorithm);
  const header = { alg: algorithm, typ: 'JWT', kid };
  const signed = (changes: object, payload: SegmentValue = claims): string =>
    forge(algorithm, payload, { ...header, ...changes });
  const withClaim = (name: string, json: string): string => signed({}, claimsText(name, json));
  /** Signs as a stranger does: with a key of their own, or with one of our public values. */
  const strangers = (changes: object, secret: string | Uint8Array = STRANGERS_SECRET): string =>
    signRaw({ header: { ...header, ...changes }, payload: claims, algorithm: 'HS256', secret });
  const [first = '', payload = '', signature = ''] = token.split('.');
  const parts = [first, payload, signature, ...other.split('.'), '', 'e30', 'bnVsbA'];
  const publicSecret = fc.constantFrom(
    ...[...publicForms(rsa.publicKey), ...publicForms(p256.publicKey)].map(([, form]) => form),
  );

  const families: Record<string, fc.Arbitrary<string>> = {
    '[V5] no algorithm': fc
      .tuple(inAnyCase('none'), fc.constantFrom('', signature, 'AA', 'e30'))
      .map(([alg, end]) => `${encodeSegment({ ...header, alg })}.${payload}.${end}`),
    '[V5] no algorithm, well signed': fc
      .oneof(inAnyCase('none'), anyJson)
      .filter((alg) => alg !== algorithm)
      .map((alg) => signed({ alg })),
    '[V4] another algorithm in the header': fc
      .constantFrom(...JOSE_ALGORITHMS.filter((alg) => alg !== algorithm))
      .map((alg) => signed({ alg })),
    '[V4] another algorithm in the signature': fc
      .constantFrom(...algorithms.filter((alg) => alg !== algorithm))
      .map((alg) => forge(alg, claims, header)),
    '[V4] another algorithm': fc
      .constantFrom(...algorithms.filter((alg) => alg !== algorithm))
      .map((alg) => forge(alg, claims, { ...header, alg })),
    '[V6] a public key as the secret': fc
      .tuple(publicSecret, fc.constantFrom('HS256', algorithm))
      .map(([form, alg]) => strangers({ alg }, form)),
    '[V6] an empty or guessed secret': fc
      .constantFrom('', ' ', '\0', 'secret', 'null', 'undefined', kid, algorithm)
      .map((secret) => strangers({ alg: 'HS256' }, secret)),
    '[V5] a signature of no value': fc
      .tuple(fc.constantFrom(32, 64, 256), fc.constantFrom(0, 1, 255))
      .map(([length, byte]) => `${first}.${payload}.${Buffer.alloc(length, byte).toString('base64url')}`),
    '[V12] a random signature': fc
      .uint8Array({ minLength: 1, maxLength: 300 })
      .map((bytes) => `${first}.${payload}.${encodeSegment(bytes)}`),
    '[V12] a part of the signature': fc
      .nat(signature.length - 1)
      .map((length) => `${first}.${payload}.${signature.slice(0, length)}`),
    '[V8] an extension that is not understood': fc
      .tuple(fc.constantFrom('crit', 'b64', 'zip'), anyJson)
      .map(([name, value]) => signed({ [name]: value })),
    '[V8] an extension in letters that JSON escapes': fc
      .constantFrom('cr\\u0069t', '\\u0062\\u00364', 'z\\u0069p')
      .map((name) => forge(algorithm, claims, `${JSON.stringify(header).slice(0, -1)},"${name}":["exp"]}`)),
    '[V11] a name of the header twice': fc
      .tuple(fc.constantFrom('alg', 'kid', 'typ'), anyJson)
      .filter(([name, value]) => !isIn(header, name, value))
      .map(([name, value]) =>
        forge(algorithm, claims, `${JSON.stringify(header).slice(0, -1)},"${name}":${JSON.stringify(value)}}`),
      ),
    '[V8] a critical extension that is': fc
      .subarray(['exp', 'b64', 'alg', 'kid', 'typ', 'http://example.com/x'])
      .map((crit) => signed({ crit })),
    '[V8] a token of another kind': fc
      .tuple(fc.constantFrom('cty', 'enc'), anyJson)
      .map(([name, value]) => signed({ [name]: value })),
    '[V14] a typ that is not JWT': fc
      .oneof(anyJson, fc.constantFrom('at+jwt', 'dpop+jwt', 'JWT;', 'application/jwt', 'J\u0057T\u200b'))
      .filter((typ) => !(typeof typ === 'string' && /^jwt$/i.test(typ)))
      .map((typ) => signed({ typ })),
    '[V7] a kid of somebody else': fc
      .oneof(
        anyJson,
        prototypeName,
        fc.constantFrom(
          '../../dev/null',
          '/dev/null',
          "' OR 1=1 --",
          '| id',
          `${kid} `,
          `${kid}\0`,
          'http://127.0.0.1:1/k',
          '%00',
        ),
        fc.string(),
      )
      .filter((odd) => odd !== kid)
      .map((odd) => signed({ kid: odd })),
    '[V7] a key of its own': fc
      .tuple(
        fc.constantFrom('jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'keys'),
        fc.constantFrom<unknown>(
          { kty: 'oct', k: encodeSegment(STRANGERS_SECRET) },
          'http://127.0.0.1:1/jwks',
          [STRANGERS_SECRET],
          p256.publicKey.export({ format: 'jwk' }),
        ),
      )
      .map(([name, value]) => strangers({ [name]: value })),
    '[V12] a header that is no object': notAnObject.map((text) => forge(algorithm, claims, text)),
    '[V11] a payload that is no object': notAnObject.map((text) => signed({}, text)),
    '[V14] a claim that is no time': fc
      .tuple(fc.constantFrom('auth_time', 'iat', 'exp', 'refresh_exp', 'nbf'), noTime)
      .map(([name, json]) => withClaim(name, json)),
    '[V14] a claim that is no text': fc
      .tuple(fc.constantFrom('sub', 'sid', 'jti'), notText)
      .map(([name, json]) => withClaim(name, json)),
    '[V14] a claim that is no whole number': fc
      .tuple(fc.constantFrom('gen', 'rev', 'refresh_window', 'session_lifetime'), noWholeNumber)
      .map(([name, json]) => withClaim(name, json)),
    '[V14] a claim that is missing': fc
      .constantFrom('sub', 'sid', 'gen', 'rev', 'jti', 'auth_time', 'iat', 'exp', 'refresh_exp')
      .map((name) => signed({}, claimsText(name, undefined))),
    '[V11] a claim twice': fc
      .tuple(fc.constantFrom('exp', 'refresh_exp', 'iat'), noTime)
      .map(([name, json]) => signed({}, `${JSON.stringify(claims).slice(0, -1)},"${name}":${json}}`)),
    '[V13] a claim that every object has': fc
      .tuple(prototypeName, anyJson)
      .map(([name, value]) => withClaim(name, JSON.stringify(value))),
    '[V13] such a claim, in letters that JSON escapes': anyJson.map((value) =>
      signed({}, `${JSON.stringify(claims).slice(0, -1)},"__proto\\u005f_":${JSON.stringify(value)}}`),
    ),
    '[M4] claims nested deep': fc
      .tuple(fc.integer({ min: 101, max: 900 }), fc.constantFrom(['[', ']'], ['{"a":', '}'], ['[{"a":', '}]']))
      .map(([depth, [open = '', close = '']]) => withClaim('deep', `${open.repeat(depth)}1${close.repeat(depth)}`)),
    '[M1] too many bytes': fc
      .tuple(fc.integer({ min: 8193, max: 12_000 }), fc.constantFrom('A', '.', 'é'))
      .map(([length, filler]) => token.padEnd(length, filler)),
    '[V9] another spelling of the token': fc.constantFrom(
      `${token}=`,
      `${token}==`,
      token.replace('.', '..'),
      `.${token}`,
      `${token}.`,
      ` ${token}`,
      `${token}\n`,
      `"${token}"`,
      `${token},${other}`,
      JSON.stringify({ payload, protected: first, signature }),
      `${token}.${payload}.${signature}`,
    ),
    '[V10] another spelling of what is signed': fc
      .constantFrom(...respell(first), ...respell(payload))
      .map((part) => token.replace(part.slice(0, -1) === first.slice(0, -1) ? first : payload, part)),
    '[V12] one bit of the signature': fc.constant(flipBit(token)),
    '[V9] parts of two tokens': fc
      .array(fc.constantFrom(...parts), { minLength: 1, maxLength: 6 })
      .map((chosen) => chosen.join('.')),
    '[V9] characters that do not belong there': fc
      .tuple(fc.nat(token.length), fc.nat(3), characters)
      .map(([at, gone, text]) => token.slice(0, at) + text + token.slice(at + gone)),
    '[V12] three random segments': fc
      .tuple(anyJson, anyJson, fc.uint8Array({ minLength: 1, maxLength: 64 }))
      .map(([head, body, end]) =>
        [encodeSegment(JSON.stringify(head)), encodeSegment(JSON.stringify(body)), encodeSegment(end)].join('.'),
      ),
    '[V12] random text': fc.string({ unit: 'binary', maxLength: 200 }),
    '[V12] random base64url': fc
      .array(
        fc.base64String().map((text) => text.replaceAll(/[+/=]/g, '_')),
        { maxLength: 6 },
      )
      .map((texts) => texts.join('.')),
  };
  const isHostile = (attack: string): boolean => !isSameToken(attack, token) && !isSameToken(attack, other);
  return Object.fromEntries(Object.entries(families).map(([family, tokens]) => [family, tokens.filter(isHostile)]));
}

/** Returns true if a header has this value already. The case of a type does not matter. */
function isIn(header: Record<string, unknown>, name: string, value: unknown): boolean {
  return textOf(header[name]).toLowerCase() === textOf(value).toLowerCase();
}

/** Returns a value as text. `String` throws for an object that has a `toString` of its own, which JSON can bring. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
}

/** Returns true if this is that token, at most with a signature that is spelled in another way (RFC 4648 section 3.5). */
export function isSameToken(one: string, other: string): boolean {
  const [oneSigned, otherSigned] = [one, other].map((token) => token.slice(0, token.lastIndexOf('.')));
  const [oneSignature, otherSignature] = [one, other].map((token) =>
    Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url'),
  );
  return (
    oneSigned === otherSigned && /^[\w.-]+$/.test(one) && oneSignature?.equals(otherSignature ?? Buffer.of()) === true
  );
}

/** The code of a rejected token, derived from the documentation and not from the library's code. */
export function expectedCode(token: string): 'token_malformed' | 'token_invalid' {
  const segments = token.split('.');
  const isCompact =
    segments.length === 3 && segments.every((segment) => segment !== '' && !/[^A-Za-z0-9_-]/.test(segment));
  if (Buffer.byteLength(token) > 8192 || !isCompact) return 'token_malformed';
  const [header = '', payload = ''] = segments.map((segment) => Buffer.from(segment, 'base64url').toString());
  if (!isObjectText(header) || !isObjectText(payload)) return 'token_malformed';
  const names = Object.keys(JSON.parse(header) as object);
  return names.some((name) => ['crit', 'b64', 'zip'].includes(name)) ? 'token_malformed' : 'token_invalid';
}

function isObjectText(text: string): boolean {
  try {
    return /^\s*\{/.test(text) && JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}
