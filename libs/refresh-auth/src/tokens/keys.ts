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
  readonly warning?: RefreshAuthOptionsError;
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

/** The options that decide about keys, before they are checked. */
export interface UncheckedKeyOptions {
  readonly secret?: unknown;
  readonly keys?: unknown;
  readonly issuer?: unknown;
  readonly audience?: unknown;
  readonly name?: unknown;
}

/**
 * Prepares and checks the keys.
 *
 * @throws RefreshAuthOptionsError when a key is missing, weak, of the wrong kind, given twice or known to others
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

/** Every token shows its kid, its issuer and its audience, and the store shows the name of the module. */
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
    'is also a kid, the issuer, the audience or the name, which others know',
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
 * It stands in front of every sealed successor, behind one byte that says how long it is; and jsonwebtoken writes headers as
 * Latin-1, which is read as UTF-8.
 */
const KID = /^[\x20-\x7e]{1,255}$/;
