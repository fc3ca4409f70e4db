import { checkPrimeSync, createPrivateKey, createPublicKey, KeyObject, sign, verify } from 'node:crypto';
import { CURVES, type EcAlgorithm, type RsaAlgorithm } from '../tokens/algorithms.js';
import type { OptionReader } from './option-reader.js';

/** The smallest modulus that RFC 7518 sections 3.3 and 3.5 allow, and the largest that OpenSSL verifies with. */
const RSA_BITS = { least: 2048, most: 16_384 } as const;
/** Longer exponents make verifying slow, and OpenSSL accepts them only for small moduli. */
const RSA_EXPONENT_BITS = 64n;
/** The limit for small factors in partial public-key validation (NIST SP 800-56B section 6.4.2.2). */
const SMALL_FACTORS_END = 752n;

interface KeyPair {
  readonly verifyingKey: KeyObject;
  /** Absent if only the public key was given. */
  readonly signingKey?: KeyObject;
}

/**
 * Reads and checks a private key, a public key, or both.
 *
 * @param option the key as a whole
 * @throws RefreshAuthOptionsError if they cannot be read, do not match the algorithm or each other, or are weak
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
    publicKey.fail('does not belong to the private key', 'Leave it out: it is derived from `privateKey`.');
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
    // Without the cause: OpenSSL may quote the key material in its message.
    return option.fail('cannot be read as a private key', remedy);
  }
}

/** Reads a public key, or the one in a certificate. */
function readPublicKey(option: OptionReader): KeyObject {
  const remedy = 'Write the public key as PEM, or as a KeyObject.';
  const material = option.value;
  if (material instanceof KeyObject) {
    if (material.type === 'public') return material;
    return option.fail(`is a ${material.type} key`, remedy);
  }
  const pem = asText(material);
  // `createPublicKey` would silently derive the public key from it.
  if (pem.includes('PRIVATE KEY-----')) return option.fail('is a private key', remedy);
  try {
    return createPublicKey(pem);
  } catch {
    return option.fail('cannot be read as a public key', remedy);
  }
}

/** Returns the material as text, since PEM is ASCII. Returns an empty text for other types. */
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
 * Returns false for the point at infinity, which OpenSSL reads although it is not a valid key. It cannot be exported, and Node.js aborts if it
 * is asked for its curve. OpenSSL has already checked that any other point is on the curve.
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
      'is a key for RSA-PSS only',
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

/** Returns false if the modulus is prime or has a small factor. More cannot be checked without knowing the factors. */
function isProductOfLargePrimes(key: KeyObject): boolean {
  const { n = '' } = key.export({ format: 'jwk' });
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
  if (modulus % 2n === 0n) return false;
  for (let factor = 3n; factor < SMALL_FACTORS_END; factor += 2n) if (modulus % factor === 0n) return false;
  return !checkPrimeSync(modulus);
}

/** Checks that a signature verifies. Node.js reads a private key without an error even if it is damaged or contains another public key. */
function checkSignature(option: OptionReader, signingKey: KeyObject, verifyingKey: KeyObject): void {
  const message = Buffer.from('a message');
  try {
    if (verify('sha256', message, verifyingKey, sign('sha256', message, signingKey))) return;
  } catch {
    // Some damaged keys throw when they sign.
  }
  return option.fail('is damaged: its signatures do not verify', 'Make a new key.');
}
