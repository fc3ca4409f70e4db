import type { KeyObject } from 'node:crypto';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import {
  type Algorithm,
  ALGORITHMS,
  type EcAlgorithm,
  HMAC_SECRET_BYTES,
  type HmacAlgorithm,
  type RsaAlgorithm,
} from './algorithms.js';
import { prepareKeyPair } from './key-pairs.js';
import { prepareSecret, secretRemedy } from './secrets.js';

export type { Algorithm } from './algorithms.js';

/** One entry of the option `keys`. */
export interface KeyOptions {
  /** The key id, `kid`, in the headers of tokens. At most one key can have none. */
  kid?: string | undefined;
  /** The only algorithm with which this key signs and verifies. */
  algorithm: Algorithm;
  /** For HS256, HS384 and HS512: a string (UTF-8) or bytes, at least as long as the hash. */
  secret?: string | Uint8Array | undefined;
  /** For RS, PS and ES algorithms: PEM or a `KeyObject`. Needed to sign, and to open data that this key sealed. */
  privateKey?: string | Uint8Array | KeyObject | undefined;
  /** For RS, PS and ES algorithms: PEM or a `KeyObject`. @default derived from `privateKey` */
  publicKey?: string | Uint8Array | KeyObject | undefined;
}

/** A key that is ready for use. */
export interface Key {
  readonly kid: string | undefined;
  readonly algorithm: Algorithm;
  readonly verifyingKey: KeyObject;
  /** Absent from a key that only verifies. */
  readonly signingKey?: KeyObject;
  /** The reason why the secret can be guessed, if there is one. Such a key boots with a warning, for trying things out. */
  readonly warning?: RefreshAuthOptionsError;
}

export type SigningKey = Key & { readonly signingKey: KeyObject };

/** The keys of the module, fixed at boot. One key signs. Each key verifies only its own algorithm. */
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

  /**
   * Returns the key with this `kid`. A token without a `kid` belongs to the key without one.
   *
   * @param kid the `kid` of an unverified header, of any type
   */
  find(kid: unknown): Key | undefined {
    return this.#byKid.get(kid as string | undefined);
  }
}

/** The options that concern keys, before they are checked. */
export interface UncheckedKeyOptions {
  readonly secret?: unknown;
  readonly keys?: unknown;
  readonly issuer?: unknown;
  readonly audience?: unknown;
  readonly name?: unknown;
}

/**
 * Reads and checks the keys.
 *
 * @throws RefreshAuthOptionsError if a key is missing, weak, of the wrong type, given twice or known to others
 */
export function createKeyRing(options: UncheckedKeyOptions): KeyRing {
  const { secret, keys } = options;
  if (keys === undefined) {
    if (secret === undefined) {
      throw new RefreshAuthOptionsError('secret', 'is missing', secretRemedy('HS256'));
    }
    const key = { kid: undefined, algorithm: 'HS256', ...prepareSecret('secret', 'HS256', secret) } as const;
    checkSecrecy('secret', key, options);
    return new KeyRing(key);
  }
  if (secret !== undefined) {
    throw new RefreshAuthOptionsError('secret', 'is given beside `keys`', 'Keep one of them.');
  }
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new RefreshAuthOptionsError('keys', 'is not a list with at least one key', KEY_REMEDY);
  }
  const all = keys.map((key, index) => prepareKey(`keys[${index}]`, key));
  const kids = all.map(({ kid }) => kid);
  const twice = kids.findIndex((kid, index) => kids.indexOf(kid) !== index);
  if (twice >= 0) {
    throw new RefreshAuthOptionsError(
      `keys[${twice}].kid`,
      'is that of another key',
      'Give each key a `kid` of its own; one may have none.',
    );
  }
  for (const [index, key] of all.entries()) checkSecrecy(`keys[${index}].secret`, key, { ...options, kids });
  const [first, ...others] = all;
  if (!isSigningKey(first)) {
    throw new RefreshAuthOptionsError(
      'keys[0]',
      'cannot sign',
      'The first key signs: give it a `secret` or a `privateKey`.',
    );
  }
  return new KeyRing(first, others);
}

/** Rejects a secret that others can read. Every token shows its kid, issuer and audience, and the store shows the name of the module. */
function checkSecrecy(
  path: string,
  { algorithm, verifyingKey }: Key,
  { kids = [], issuer, audience, name }: UncheckedKeyOptions & { kids?: readonly unknown[] },
): void {
  if (verifyingKey.type !== 'secret') return;
  const secret = verifyingKey.export().toString();
  if (![...kids, issuer, audience, name].includes(secret)) return;
  throw new RefreshAuthOptionsError(
    path,
    'is also a kid, the issuer, the audience or the name, which others can read',
    secretRemedy(algorithm as HmacAlgorithm),
  );
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
  if (privateKey === undefined && publicKey === undefined) {
    throw new RefreshAuthOptionsError(path, 'has neither `privateKey` nor `publicKey`', KEY_REMEDY);
  }
  return { kid, algorithm, ...prepareKeyPair(path, algorithm as EcAlgorithm | RsaAlgorithm, privateKey, publicKey) };
}

/**
 * The form of a kid. At most 255 characters, because a sealed token stores its length in one byte. Only ASCII, because jsonwebtoken writes
 * headers as Latin-1 but reads them as UTF-8.
 */
const KID = /^[\x20-\x7e]{1,255}$/;
