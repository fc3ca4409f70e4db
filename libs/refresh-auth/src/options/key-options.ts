import type { KeyObject } from 'node:crypto';
import { type Algorithm, ALGORITHMS, HMAC_SECRET_BYTES, type HmacAlgorithm } from '../tokens/algorithms.js';
import { type Key, KeyRing, type SigningKey } from '../tokens/keys.js';
import { readKeyPair } from './key-pairs.js';
import { moduleTitle } from '../errors/module-title.js';
import { OptionReader } from './option-reader.js';
import { readSecret, secretRemedy } from './secrets.js';

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

/** The options that concern keys, before they are checked. */
export interface UncheckedKeyOptions {
  readonly secret?: unknown;
  readonly keys?: unknown;
  readonly issuer?: unknown;
  readonly audience?: unknown;
  readonly keyPrefix?: unknown;
  readonly name?: string | undefined;
}

/** The remedy for `secret: undefined`, which usually comes from a variable that is not set yet. */
const UNDEFINED_REMEDY =
  "The environment variable that it is read from is not set: add it to .env. If it is there and you wrote forRoot(), that ran before .env was read. Write RefreshAuthModule.forRootAsync({ inject: [ConfigService], useFactory: (config: ConfigService) => ({ secret: config.getOrThrow('<its name>') }) }).";
const KEY_REMEDY = 'Write [{ kid, algorithm, secret }] or [{ kid, algorithm, privateKey, publicKey }].';
/**
 * The form of a kid. At most 255 characters, because a sealed token stores its length in one byte. Only ASCII, because jsonwebtoken writes
 * headers as Latin-1 but reads them as UTF-8.
 */
const KID = /^[\x20-\x7e]{1,255}$/;

/**
 * Reads and checks the keys.
 *
 * @throws RefreshAuthOptionsError if a key is missing, weak, of the wrong type, given twice or known to others
 */
export function createKeyRing(options: UncheckedKeyOptions): KeyRing {
  const { secret, keys, issuer, audience, keyPrefix, name } = options;
  const call = moduleTitle(name);
  const secretOption = new OptionReader(secret, 'secret', call);
  const known = [issuer, audience, keyPrefix];
  if (keys !== undefined) {
    if (secretOption.isGiven) secretOption.fail('is given beside `keys`', 'Keep one of them.');
    return readKeys(new OptionReader(keys, 'keys', call), known);
  }
  if (!secretOption.isGiven && 'secret' in options) secretOption.fail('is undefined', UNDEFINED_REMEDY);
  return readSingleSecret(secretOption, known);
}

function readSingleSecret(option: OptionReader, known: readonly unknown[]): KeyRing {
  if (!option.isGiven) option.fail('is missing', secretRemedy('HS256'));
  const key = { kid: undefined, algorithm: 'HS256', ...readSecret(option, 'HS256') } as const;
  checkSecrecy(option, key, known);
  return new KeyRing(key);
}

function readKeys(option: OptionReader, known: readonly unknown[]): KeyRing {
  const read = option.list(KEY_REMEDY).map((each) => ({ option: each, ...readKey(each) }));
  const kids = read.map(({ key: { kid } }) => kid);
  for (const [index, { kid }] of read.entries()) {
    if (kids.indexOf(kids[index]) !== index)
      kid.fail('is that of another key', 'Give each key a `kid` of its own; one may have none.');
  }
  for (const { secret, key } of read) checkSecrecy(secret, key, [...kids, ...known]);
  const [first, ...others] = read;
  if (!first) return option.fail('is an empty list', KEY_REMEDY);
  if (!isSigningKey(first.key))
    return first.option.fail('cannot sign', 'The first key signs: give it a `secret` or a `privateKey`.');
  return new KeyRing(
    first.key,
    others.map(({ key }) => key),
  );
}

/** Rejects a secret that others can read. Every token shows its kid, issuer and audience, and the store shows the prefix of its keys. */
function checkSecrecy(option: OptionReader, { algorithm, verifyingKey }: Key, known: readonly unknown[]): void {
  if (verifyingKey.type !== 'secret' || !known.includes(verifyingKey.export().toString())) return;
  option.fail(
    'is also a kid, the issuer, the audience or the keyPrefix, which others can read',
    secretRemedy(algorithm as HmacAlgorithm),
  );
}

function isSigningKey(key: Key): key is SigningKey {
  return key.signingKey !== undefined;
}

interface ReadKey {
  readonly key: Key;
  readonly kid: OptionReader;
  readonly secret: OptionReader;
}

function readKey(option: OptionReader): ReadKey {
  const names = ['kid', 'algorithm', 'secret', 'privateKey', 'publicKey'] as const;
  const { kid, secret, privateKey, publicKey, ...given } = option.object(names, KEY_REMEDY);
  const head = { kid: readKid(kid), algorithm: readAlgorithm(given.algorithm) };
  const { algorithm } = head;
  if (isHmac(algorithm)) {
    if (privateKey.isGiven || publicKey.isGiven)
      option.fail(`has a private or public key for ${algorithm}`, 'Give it a `secret` instead.');
    return { key: { ...head, ...readSecret(secret, algorithm) }, kid, secret };
  }
  if (secret.isGiven) secret.fail(`is given for ${algorithm}`, 'Give it a `privateKey` or a `publicKey` instead.');
  if (!privateKey.isGiven && !publicKey.isGiven) option.fail('has neither `privateKey` nor `publicKey`', KEY_REMEDY);
  return { key: { ...head, ...readKeyPair(option, algorithm, privateKey, publicKey) }, kid, secret };
}

function readKid(option: OptionReader): string | undefined {
  const { value } = option;
  if (value === undefined || (typeof value === 'string' && KID.test(value))) return value;
  return option.fail('is not a key id', 'Write 1 to 255 printable ASCII characters.');
}

function readAlgorithm(option: OptionReader): Algorithm {
  const algorithm = ALGORITHMS.find((each) => each === option.value);
  return algorithm ?? option.fail('is not an algorithm that can sign', `Write one of ${ALGORITHMS.join(', ')}.`);
}

function isHmac(algorithm: Algorithm): algorithm is HmacAlgorithm {
  return algorithm in HMAC_SECRET_BYTES;
}
