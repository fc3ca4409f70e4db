import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { KeyOptions } from '../../libs/refresh-auth/src/options/key-options.js';
import type { Algorithm } from '../../libs/refresh-auth/src/tokens/algorithms.js';
import { type SegmentValue, signRaw } from './hostile-tokens.js';
import { watchOutFor } from './leak-watch.js';

export const algorithms = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
] as const satisfies readonly Algorithm[];

/** Long enough for HS512, and one for all three: only the algorithm tells their tokens apart, as with the one RSA key. */
export const secret = watchOutFor('ZN5geyunb8m8Ssl1SrqvNfnaKy47KR0LNYR-6I8wSp0ULX2xtXGx-8cQagKMb_TM');
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pairs = {
  RS: rsa,
  PS: rsa,
  ES256: p256,
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
};

/** An entry of the option `keys`; its `kid` is the algorithm's name. */
export function keyFor(algorithm: Algorithm): KeyOptions & { kid: string } {
  return isHmac(algorithm)
    ? { kid: algorithm, algorithm, secret }
    : { kid: algorithm, algorithm, privateKey: privateKeyFor(algorithm) };
}

/** A token with a good signature by the key of that algorithm, whatever its header and payload say. */
export function forge(
  algorithm: Algorithm,
  payload: SegmentValue,
  header: SegmentValue = { alg: algorithm, kid: algorithm },
): string {
  if (isHmac(algorithm)) return signRaw({ header, payload, algorithm, secret });
  return signRaw({ header, payload, algorithm, privateKey: privateKeyFor(algorithm) });
}

function isHmac(algorithm: Algorithm): algorithm is Extract<Algorithm, `HS${string}`> {
  return algorithm.startsWith('HS');
}

function privateKeyFor(algorithm: Algorithm): KeyObject {
  const name = algorithm.startsWith('ES') ? algorithm : algorithm.slice(0, 2);
  return pairs[name as keyof typeof pairs].privateKey;
}

/** The forms in which a public key is passed around, by name: anybody may have them. */
export function publicForms(key: KeyObject): [name: string, form: string | Buffer][] {
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  const der = key.export({ type: 'spki', format: 'der' });
  const jwk = key.export({ format: 'jwk' });
  const forms: [string, string | Buffer][] = [
    ['PEM', pem],
    ['PEM without the last line break', pem.trim()],
    ['PEM with CRLF', pem.replaceAll('\n', '\r\n')],
    ['PEM in one line, as in an environment variable', pem.replaceAll('\n', '\\n')],
    ['PEM behind white space', `\n\t ${pem}`],
    ['PEM behind junk', `x${pem}`],
    ['PEM behind a byte order cutoff', `\ufeff${pem}`],
    ['PEM as bytes', Buffer.from(pem)],
    ['DER', der],
    ['DER in base64, the PEM without its armour', der.toString('base64')],
    ['DER in base64url', der.toString('base64url')],
    ['DER in hexadecimal digits', der.toString('hex')],
    ['PEM in base64, as in an environment variable', Buffer.from(pem).toString('base64')],
    ['PEM in hexadecimal digits', Buffer.from(pem).toString('hex')],
    ['JWK in base64url', Buffer.from(JSON.stringify(jwk)).toString('base64url')],
    ['JWK', JSON.stringify(jwk)],
    ['JWK in several lines', JSON.stringify(jwk, null, 2)],
    ['JWK behind white space', ` \n${JSON.stringify(jwk)}`],
    ['JWK as bytes', Buffer.from(JSON.stringify(jwk))],
    ['JWKS', JSON.stringify({ keys: [{ ...jwk, kid: 'k1', use: 'sig' }] })],
  ];
  if (key.asymmetricKeyType !== 'rsa') return forms;
  return [
    ...forms,
    ['PKCS#1 PEM', key.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['PKCS#1 DER', key.export({ type: 'pkcs1', format: 'der' })],
    [
      'OpenSSH',
      'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7vbqajDw4o6gJy8UtmIbkcpnkO3Kwc4qsEnSZp/TR+fQi62F79RHWmwKOtFmwteURgyG ada',
    ],
  ];
}

/** A certificate is public too, and `createPublicKey` takes the key out of it. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUJt3hkfUuLKiub5Z3IGaNJzSbHPEwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjQwNzI0MTJaFw0zNjExMjEwNzI0MTJa
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT13QyE
P7qzXf69fvwhiZeiHjfKtXKXDvYQe8mQ3R1CTk3zrXtgAtQCafyct8ct6bb4UI+M
gHkAH6Uk/ztVu5KLo1MwUTAdBgNVHQ4EFgQUeJC37dIyAvIxIXurKi8Bsbo6yDww
HwYDVR0jBBgwFoAUeJC37dIyAvIxIXurKi8Bsbo6yDwwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiBKK3E6JNFlqoCSsqkUUUU6szdUcxIXuQtJR3UR
sEadRwIhAMOs4Eb3lzNnmG9rCPMIUIxxamWVcFa82Ot5sXoMfV5U
-----END CERTIFICATE-----
`;
const certificateBody = certificate.replaceAll(/-----.*-----|\n/g, '');

export const certificateForms: [name: string, form: string | Buffer][] = [
  ['certificate in PEM', certificate],
  ['certificate in DER', Buffer.from(certificateBody, 'base64')],
  ['certificate in base64, as in x5c', certificateBody],
];

export const certifiedKey = createPublicKey(certificate);
