import { checkPrimeSync, createPrivateKey, createPublicKey, KeyObject, sign, verify } from 'node:crypto';
import { CURVES, type EcAlgorithm, type RsaAlgorithm } from '../tokens/algorithms.js';
import type { OptionReader } from './option-reader.js';

/** The least that RFC 7518 sections 3.3 and 3.5 allow, and the most that OpenSSL verifies with. */
const RSA_BITS = { least: 2048, most: 16_384 } as const;
/** Longer exponents make verifying slow, and OpenSSL takes them for small moduli only. */
const RSA_EXPONENT_BITS = 64n;
/** NIST SP 800-56B section 6.4.2.2 (partial public-key validation) looks for factors up to here. */
const SMALL_FACTORS_END = 752n;

interface KeyPair {
  readonly verifyingKey: KeyObject;
  /** Absent if only the public key was given. */
  readonly signingKey?: KeyObject;
}

/**
 * Reads a private key, a public key, or both.
 *
 * @param option the key as a whole
 * @throws RefreshAuthOptionsError when they cannot be read, do not fit the algorithm or one another, or are weak
 */
export function readKeyPair(
  option: OptionReader,
  algorithm: EcAlgorithm | RsaAlgorithm,
  privateKey: OptionReader,
  publicKey: OptionReader,
): KeyPair {
  const signingKey = privateKey.isGiven ? readPrivateKey(privateKey) : undefined;
  const given = publicKey.isGiven ? readPublicKey(publicKey) : undefined;
  const derived = signingKey && createPublicKey(signingKey);
  if (derived && given && !derived.equals(given)) {
    publicKey.fail('does not belong to the private key', 'Leave it out: it follows from `privateKey`.');
  }
  const verifyingKey = (given ?? derived) as KeyObject;
  if (algorithm in CURVES) {
    checkEcKey(option, algorithm as EcAlgorithm, verifyingKey);
  } else {
    checkRsaKey(option, algorithm, verifyingKey);
  }
  if (!signingKey) return { verifyingKey };
  checkSignature(privateKey, signingKey, verifyingKey);
  return { signingKey, verifyingKey };
}

function readPrivateKey(option: OptionReader): KeyObject {
  const remedy = 'Write the private key as PEM, or as a KeyObject.';
  const material = option.value;
  if (material instanceof KeyObject) {
    if (material.type === 'private') return material;
    return option.fail(`is a ${material.type} key`, remedy);
  }
  const pem = asText(material);
  if (/-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) return option.fail('is a public key', remedy);
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return option.fail('is a certificate', remedy);
  if (/ENCRYPTED PRIVATE KEY-----|^Proc-Type:.*ENCRYPTED/m.test(pem)) {
    return option.fail(
      'is encrypted',
      'Write the KeyObject that `createPrivateKey({ key, passphrase })` of node:crypto returns.',
    );
  }
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is left out on purpose: OpenSSL may quote the material.
    return option.fail('cannot be read as a private key', remedy);
  }
}

/** A certificate is read as the public key in it. */
function readPublicKey(option: OptionReader): KeyObject {
  const remedy = 'Write the public key as PEM, or as a KeyObject.';
  const material = option.value;
  if (material instanceof KeyObject) {
    if (material.type === 'public') return material;
    return option.fail(`is a ${material.type} key`, remedy);
  }
  const pem = asText(material);
  // `createPublicKey` would take the public key out of it.
  if (pem.includes('PRIVATE KEY-----')) return option.fail('is a private key', remedy);
  try {
    return createPublicKey(pem);
  } catch {
    return option.fail('cannot be read as a public key', remedy);
  }
}

/** PEM is ASCII. Whatever has no text at all is no PEM either. */
function asText(material: unknown): string {
  if (typeof material === 'string') return material;
  return material instanceof Uint8Array ? Buffer.from(material).toString('latin1') : '';
}

function checkEcKey(option: OptionReader, algorithm: EcAlgorithm, key: KeyObject): void {
  const curve = CURVES[algorithm];
  if (key.asymmetricKeyType !== 'ec' || !hasPoint(key) || key.asymmetricKeyDetails?.namedCurve !== curve) {
    return option.fail(`is not a key for ${algorithm}`, `It needs an elliptic-curve key on ${curve}.`);
  }
}

/**
 * OpenSSL has checked that the point is on the curve when it read the key. It also reads the point at infinity, which is no key: it cannot be
 * exported, and Node.js aborts when it is asked for its curve.
 */
function hasPoint(key: KeyObject): boolean {
  try {
    return key.export({ type: 'spki', format: 'der' }).length > 0;
  } catch {
    return false;
  }
}

function checkRsaKey(option: OptionReader, algorithm: string, key: KeyObject): void {
  if (key.asymmetricKeyType === 'rsa-pss') {
    return option.fail(
      'is a key for RSA-PSS alone',
      `${algorithm} needs a plain RSA key, such as \`openssl genrsa 3072\` makes.`,
    );
  }
  if (key.asymmetricKeyType !== 'rsa') {
    return option.fail(`is not a key for ${algorithm}`, 'It needs an RSA key.');
  }
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (bits < RSA_BITS.least || bits > RSA_BITS.most) {
    return option.fail(`is an RSA key of ${bits} bits`, `It needs ${RSA_BITS.least} to ${RSA_BITS.most}.`);
  }
  if (exponent < 3n || exponent % 2n === 0n || exponent >> RSA_EXPONENT_BITS > 0n) {
    return option.fail(
      'has an unsafe public exponent',
      `It needs an odd one from 3 to ${RSA_EXPONENT_BITS} bits; 65537 is usual.`,
    );
  }
  if (!isProductOfLargePrimes(key)) {
    return option.fail(
      'has a modulus that is not the product of large primes',
      'Make a new key, for example with `openssl genrsa 3072`.',
    );
  }
}

/** As far as that can be told without its factors. */
function isProductOfLargePrimes(key: KeyObject): boolean {
  const { n = '' } = key.export({ format: 'jwk' });
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
  if (modulus % 2n === 0n) return false;
  for (let factor = 3n; factor < SMALL_FACTORS_END; factor += 2n) if (modulus % factor === 0n) return false;
  return !checkPrimeSync(modulus);
}

/** A private key that was damaged, or mixed up with the public half of another one, is read without an error. */
function checkSignature(option: OptionReader, signingKey: KeyObject, verifyingKey: KeyObject): void {
  const message = Buffer.from('a message');
  try {
    if (verify('sha256', message, verifyingKey, sign('sha256', message, signingKey))) return;
  } catch {
    // Some damaged keys cannot sign at all.
  }
  return option.fail('is damaged: its signatures do not verify', 'Make a new key.');
}
