import { createPublicKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { HMAC_SECRET_BYTES, type HmacAlgorithm } from '../tokens/algorithms.js';
import { whyGuessable } from '../tokens/guessable-secrets/why-guessable.js';
import type { OptionReader } from './option-reader.js';

/** The command's output has 64 characters: enough for all three. */
export function secretRemedy(algorithm: HmacAlgorithm): string {
  return `Write a random secret of at least ${HMAC_SECRET_BYTES[algorithm]} bytes, such as the output of \`openssl rand -base64 48\`, and keep it out of the source.`;
}

/** The two key objects are one. */
interface Secret {
  readonly signingKey: KeyObject;
  readonly verifyingKey: KeyObject;
  /** Why the secret can be guessed, if it can: good enough to try things out with, and for nothing else. */
  readonly warning?: RefreshAuthOptionsError;
}

/** @throws RefreshAuthOptionsError when the secret is blank, too short, of the wrong type or known to others */
export function readSecret(option: OptionReader, algorithm: HmacAlgorithm): Secret {
  const secret = option.value;
  const remedy = secretRemedy(algorithm);
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    return option.fail('is neither a string nor bytes', remedy);
  }
  const bytes = Buffer.from(secret);
  if (bytes.toString().trim() === '') {
    return option.fail('is blank', remedy);
  }
  if (bytes.length < HMAC_SECRET_BYTES[algorithm]) {
    return option.fail(`has ${bytes.length} bytes, which is too short for ${algorithm}`, remedy);
  }
  if (isPublicKeyMaterial(bytes)) {
    return option.fail(
      'is a public-key format, which others may know',
      'Use it as `privateKey` or `publicKey`, or write a random secret.',
    );
  }
  const guessable = whyGuessable(bytes);
  const key = createSecretKey(bytes);
  return {
    signingKey: key,
    verifyingKey: key,
    ...(guessable === undefined ? {} : { warning: option.error(guessable, remedy) }),
  };
}

/**
 * Everybody may know a public key, so it is no secret (RFC 8725 section 2.1): as PEM, JWK, OpenSSH or DER, also in base64 or hexadecimal
 * digits.
 */
function isPublicKeyMaterial(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return [bytes, Buffer.from(text, 'base64'), Buffer.from(text, 'hex')].some(
    (form) => PUBLIC_KEY_TEXT.test(form.toString('latin1')) || isDerPublic(form),
  );
}

const PUBLIC_KEY_TEXT = /-----BEGIN |"kty"|^\s*(ssh-|ecdsa-sha2-)/;

function isDerPublic(bytes: Buffer): boolean {
  const readers = [
    () => createPublicKey({ key: bytes, format: 'der', type: 'spki' }),
    () => createPublicKey({ key: bytes, format: 'der', type: 'pkcs1' }),
    () => new X509Certificate(bytes),
  ];
  return readers.some((read) => {
    try {
      read();
      return true;
    } catch {
      return false;
    }
  });
}
