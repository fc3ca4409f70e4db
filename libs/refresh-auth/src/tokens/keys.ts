import { createPrivateKey, createPublicKey, createSecretKey, KeyObject, X509Certificate } from 'node:crypto';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { whyGuessable } from './guessable-secrets/why-guessable.js';

/** Bytes of the hash output, which is the least that an HMAC secret must have (RFC 7518 section 3.2). */
const HMAC_SECRET_BYTES = { HS256: 32, HS384: 48, HS512: 64 } as const;
/** The one curve that each algorithm is defined for (RFC 7518 section 3.4), by its name in OpenSSL. */
const CURVES = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' } as const;
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
/** RFC 7518 sections 3.3 and 3.5. */
const LEAST_RSA_BITS = 2048;

type HmacAlgorithm = keyof typeof HMAC_SECRET_BYTES;
type EcAlgorithm = keyof typeof CURVES;
type RsaAlgorithm = (typeof RSA_ALGORITHMS)[number];

/** JWS algorithms (RFC 7518 section 3.1) that a key can have. */
export type Algorithm = HmacAlgorithm | EcAlgorithm | RsaAlgorithm;

const ALGORITHMS: readonly string[] = [...Object.keys(HMAC_SECRET_BYTES), ...Object.keys(CURVES), ...RSA_ALGORITHMS];

/** One entry of the option `keys`. */
export interface KeyOptions {
  /** Key id, written to and looked up by the header of a token. At most one key has none. */
  kid?: string | undefined;
  /** The only algorithm that this key signs and verifies. */
  algorithm: Algorithm;
  /** For HS256, HS384 and HS512: a string (UTF-8) or bytes, at least as long as the hash. */
  secret?: string | Uint8Array | undefined;
  /** For RS, PS and ES algorithms: PEM or a `KeyObject`. Needed to sign, and to open what this key sealed. */
  privateKey?: string | Uint8Array | KeyObject | undefined;
  /** For RS, PS and ES algorithms: PEM or a `KeyObject`. Follows from `privateKey` when that is given. */
  publicKey?: string | Uint8Array | KeyObject | undefined;
}

/** A key that is ready for use. */
export interface Key {
  readonly kid: string | undefined;
  readonly algorithm: Algorithm;
  readonly verifyingKey: KeyObject;
  /** Absent from a key that only verifies. */
  readonly signingKey?: KeyObject;
  /** Why its secret can be guessed, if it can: good enough to try things out with, and for nothing else. */
  readonly doubt?: RefreshAuthOptionsError;
}

export type SigningKey = Key & { readonly signingKey: KeyObject };

/** The keys of the module, fixed at boot: one signs, each verifies its own algorithm. */
export class KeyRing {
  readonly all: readonly Key[];
  readonly #byKid: ReadonlyMap<string | undefined, Key>;

  constructor(
    readonly signing: SigningKey,
    others: readonly Key[] = [],
  ) {
    this.all = [signing, ...others];
    this.#byKid = new Map(this.all.map((key) => [key.kid, key]));
  }

  /** @param kid the header's `kid`, whatever type it has; a token without one belongs to the key without one */
  find(kid: unknown): Key | undefined {
    return this.#byKid.get(kid as string | undefined);
  }
}

/**
 * Prepares and checks the keys.
 *
 * @throws RefreshAuthOptionsError when a key is missing, weak, of the wrong kind or given twice
 */
export function createKeyRing(options: { secret?: unknown; keys?: unknown }): KeyRing {
  const { secret, keys } = options;
  if (keys === undefined) {
    if (secret === undefined) {
      throw new RefreshAuthOptionsError('secret', 'is missing', secretRemedy('HS256'));
    }
    return new KeyRing({ kid: undefined, algorithm: 'HS256', ...prepareSecret('secret', 'HS256', secret) });
  }
  if (secret !== undefined) {
    throw new RefreshAuthOptionsError('secret', 'is given beside `keys`', 'Keep one of them.');
  }
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new RefreshAuthOptionsError('keys', 'is not a list with at least one key', KEY_REMEDY);
  }
  const [first, ...others] = keys.map((key, index) => prepareKey(`keys[${index}]`, key));
  const kids = keys.map((key: KeyOptions) => key.kid);
  const twice = kids.findIndex((kid, index) => kids.indexOf(kid) !== index);
  if (twice >= 0) {
    throw new RefreshAuthOptionsError(
      `keys[${twice}].kid`,
      'is that of another key',
      'Give each key a `kid` of its own; one may have none.',
    );
  }
  if (!isSigningKey(first)) {
    throw new RefreshAuthOptionsError(
      'keys[0]',
      'cannot sign',
      'The first key signs: give it a `secret` or a `privateKey`.',
    );
  }
  return new KeyRing(first, others);
}

/** The command's output has 64 characters: enough for all three. */
function secretRemedy(algorithm: HmacAlgorithm): string {
  return `Write a random secret of at least ${HMAC_SECRET_BYTES[algorithm]} bytes, such as the output of \`openssl rand -base64 48\`, and keep it out of the source.`;
}

const KEY_REMEDY = 'Write [{ kid, algorithm, secret }] or [{ kid, algorithm, privateKey, publicKey }].';

function isSigningKey(key: Key | undefined): key is SigningKey {
  return key?.signingKey !== undefined;
}

function prepareKey(path: string, options: unknown): Key {
  if (typeof options !== 'object' || options === null) {
    throw new RefreshAuthOptionsError(path, 'is not an object', KEY_REMEDY);
  }
  const { kid, algorithm, secret, privateKey, publicKey, ...unknown } = options as Partial<KeyOptions>;
  for (const name of Object.keys(unknown)) {
    throw new RefreshAuthOptionsError(
      `${path}.${name}`,
      'is not known',
      'A key has kid, algorithm, secret, privateKey and publicKey.',
    );
  }
  if (kid !== undefined && (typeof kid !== 'string' || !KID.test(kid))) {
    throw new RefreshAuthOptionsError(`${path}.kid`, 'is not a key id', 'Write 1 to 255 printable ASCII characters.');
  }
  if (typeof algorithm !== 'string' || !ALGORITHMS.includes(algorithm)) {
    throw new RefreshAuthOptionsError(
      `${path}.algorithm`,
      'is not an algorithm that can sign',
      `Write one of ${ALGORITHMS.join(', ')}.`,
    );
  }
  if (algorithm in HMAC_SECRET_BYTES) {
    if (privateKey !== undefined || publicKey !== undefined) {
      throw new RefreshAuthOptionsError(
        path,
        `has a private or public key for ${algorithm}`,
        'Give it a `secret` instead.',
      );
    }
    return { kid, algorithm, ...prepareSecret(`${path}.secret`, algorithm as HmacAlgorithm, secret) };
  }
  if (secret !== undefined) {
    throw new RefreshAuthOptionsError(
      `${path}.secret`,
      `is given for ${algorithm}`,
      'Give it a `privateKey` or a `publicKey` instead.',
    );
  }
  return { kid, algorithm, ...prepareKeyPair(path, algorithm as EcAlgorithm | RsaAlgorithm, privateKey, publicKey) };
}

/**
 * It stands in front of every sealed successor, behind one byte that says how long it is; and jsonwebtoken writes headers as
 * Latin-1, which is read as UTF-8.
 */
const KID = /^[\x20-\x7e]{1,255}$/;

function prepareSecret(
  path: string,
  algorithm: HmacAlgorithm,
  secret: unknown,
): Pick<SigningKey, 'signingKey' | 'verifyingKey' | 'doubt'> {
  const remedy = secretRemedy(algorithm);
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw new RefreshAuthOptionsError(path, 'is neither a string nor bytes', remedy);
  }
  const bytes = Buffer.from(secret);
  const text = bytes.toString('latin1');
  if (bytes.toString().trim() === '') {
    throw new RefreshAuthOptionsError(path, 'is blank', remedy);
  }
  if (bytes.length < HMAC_SECRET_BYTES[algorithm]) {
    throw new RefreshAuthOptionsError(path, `has ${bytes.length} bytes, which is too short for ${algorithm}`, remedy);
  }
  if (isPublicKeyMaterial(text, bytes)) {
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
    ...(guessable === undefined ? {} : { doubt: new RefreshAuthOptionsError(path, guessable, remedy) }),
  };
}

/** Whoever knows a public key could sign with it if it were taken as an HMAC secret (RFC 8725 section 2.1). */
function isPublicKeyMaterial(text: string, bytes: Buffer): boolean {
  return (
    /-----BEGIN |"kty"|^\s*(ssh-|ecdsa-sha2-)/.test(text) || [bytes, Buffer.from(text, 'base64')].some(isDerPublic)
  );
}

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

function prepareKeyPair(
  path: string,
  algorithm: EcAlgorithm | RsaAlgorithm,
  privateKey: KeyOptions['privateKey'],
  publicKey: KeyOptions['publicKey'],
): Pick<Key, 'signingKey' | 'verifyingKey'> {
  if (privateKey === undefined && publicKey === undefined) {
    throw new RefreshAuthOptionsError(path, 'has neither `privateKey` nor `publicKey`', KEY_REMEDY);
  }
  const signingKey = privateKey === undefined ? undefined : parseKey(`${path}.privateKey`, 'private', privateKey);
  const given = publicKey === undefined ? undefined : parseKey(`${path}.publicKey`, 'public', publicKey);
  const derived = signingKey && createPublicKey(signingKey);
  if (derived && given && !derived.equals(given)) {
    throw new RefreshAuthOptionsError(
      `${path}.publicKey`,
      'does not belong to the private key',
      'Leave it out: it follows from `privateKey`.',
    );
  }
  const verifyingKey = (given ?? derived) as KeyObject;
  checkFitness(path, algorithm, verifyingKey);
  return signingKey ? { signingKey, verifyingKey } : { verifyingKey };
}

function parseKey(path: string, type: 'private' | 'public', material: string | Uint8Array | KeyObject): KeyObject {
  const remedy = `Write the ${type} key as PEM, or as a KeyObject.`;
  if (material instanceof KeyObject) {
    if (material.type !== type) throw new RefreshAuthOptionsError(path, `is a ${material.type} key`, remedy);
    return material;
  }
  try {
    const pem = typeof material === 'string' ? material : Buffer.from(material);
    if (type === 'private') return createPrivateKey(pem);
    if (!/PRIVATE KEY/.test(pem.toString('latin1'))) return createPublicKey(pem);
  } catch {
    // The cause is left out on purpose: OpenSSL may quote the material.
    throw new RefreshAuthOptionsError(path, `cannot be read as a ${type} key`, remedy);
  }
  throw new RefreshAuthOptionsError(path, 'is a private key', remedy);
}

function checkFitness(path: string, algorithm: EcAlgorithm | RsaAlgorithm, key: KeyObject): void {
  if (algorithm in CURVES) {
    const curve = CURVES[algorithm as EcAlgorithm];
    if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== curve) {
      throw new RefreshAuthOptionsError(
        path,
        `is not a key for ${algorithm}`,
        `It needs an elliptic-curve key on ${curve}.`,
      );
    }
    return;
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw new RefreshAuthOptionsError(path, `is not a key for ${algorithm}`, 'It needs an RSA key.');
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < LEAST_RSA_BITS) {
    throw new RefreshAuthOptionsError(path, `is an RSA key of ${bits} bits`, `It needs at least ${LEAST_RSA_BITS}.`);
  }
}
