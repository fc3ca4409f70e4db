import { createPublicKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { HMAC_SECRET_BYTES, type HmacAlgorithm } from './algorithms.js';
import { whyGuessable } from './guessable-secrets/why-guessable.js';

/** Returns the remedy in errors about secrets. The output of the command has 64 characters, which is enough for every algorithm. */
export function secretRemedy(algorithm: HmacAlgorithm): string {
  return `Write a random secret of at least ${HMAC_SECRET_BYTES[algorithm]} bytes, such as the output of \`openssl rand -base64 48\`, and keep it out of the source.`;
}

/** A secret as a key. Both key objects are the same. */
export interface PreparedSecret {
  readonly signingKey: KeyObject;
  readonly verifyingKey: KeyObject;
  /** The reason why the secret can be guessed, if there is one. Such a key boots with a warning, for trying things out. */
  readonly warning?: RefreshAuthOptionsError;
}

/**
 * Reads and checks a secret.
 *
 * @throws RefreshAuthOptionsError if the secret is blank, too short, of the wrong type or a public key
 */
export function prepareSecret(path: string, algorithm: HmacAlgorithm, secret: unknown): PreparedSecret {
  const remedy = secretRemedy(algorithm);
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw new RefreshAuthOptionsError(path, 'is neither a string nor bytes', remedy);
  }
  const bytes = Buffer.from(secret);
  if (bytes.toString().trim() === '') {
    throw new RefreshAuthOptionsError(path, 'is blank', remedy);
  }
  if (bytes.length < HMAC_SECRET_BYTES[algorithm]) {
    throw new RefreshAuthOptionsError(path, `has ${bytes.length} bytes, which is too short for ${algorithm}`, remedy);
  }
  if (isPublicKeyMaterial(bytes)) {
    throw new RefreshAuthOptionsError(
      path,
      'is a public-key format, which others may know',
      'Use it as `privateKey` or `publicKey`, or write a random secret.',
    );
  }
  const guessable = whyGuessable(bytes);
  const key = createSecretKey(bytes);
  return {
    signingKey: key,
    verifyingKey: key,
    ...(guessable === undefined ? {} : { warning: new RefreshAuthOptionsError(path, guessable, remedy) }),
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
