import { createPublicKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { HMAC_SECRET_BYTES, type HmacAlgorithm } from '../tokens/algorithms.js';
import { whyGuessable } from './guessable-secrets/why-guessable.js';
import type { OptionReader } from './option-reader.js';

/** Returns the remedy in errors about secrets. The output of the command has 64 characters, which is enough for every algorithm. */
export function secretRemedy(algorithm: HmacAlgorithm): string {
  return `Write a random secret of at least ${HMAC_SECRET_BYTES[algorithm]} bytes, such as the output of \`openssl rand -base64 48\`, and keep it out of the source.`;
}

/** A secret as a key. Both key objects are the same. */
interface Secret {
  readonly signingKey: KeyObject;
  readonly verifyingKey: KeyObject;
  /** The reason why the secret can be guessed, if there is one. Outside production, such a key boots with a warning. */
  readonly warning?: RefreshAuthOptionsError;
}

/**
 * Reads and checks a secret.
 *
 * @throws RefreshAuthOptionsError if the secret is blank, too short, of the wrong type or known to others
 */
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
 * Returns true for a public key, which is not secret (RFC 8725 section 2.1). Recognizes PEM, JWK, OpenSSH and DER, also in base64 or
 * hexadecimal digits.
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
