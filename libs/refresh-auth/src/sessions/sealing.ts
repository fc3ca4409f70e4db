import { createCipheriv, createDecipheriv, createHmac, hkdfSync, type KeyObject } from 'node:crypto';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Key, KeyRing } from '../tokens/keys.js';
import { Random } from '../tokens/random.js';

/** First byte of every sealed value. */
const FORMAT_VERSION = 1;
const CIPHER = 'aes-256-gcm';
/** NIST SP 800-38D: a random 96-bit nonce; one key seals at most the generations of one session, so it never wears out. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The session and generation that a sealed value is bound to. It does not open anywhere else. */
export interface SealedPlace {
  readonly sid: string;
  readonly gen: number;
}

/**
 * Encrypts successors for the store, so that a dump of it holds no usable token, and authenticates them, so that a planted
 * value is refused. The token itself is kept, byte for byte, so that all concurrent requests get the same one, whatever the algorithm.
 *
 * Sealed value: version (1 byte), length of the kid (1 byte, 0 for a key without one), kid, nonce, ciphertext, tag.
 */
export class Sealer {
  readonly #masters = new Map<Key, Buffer>();
  readonly #random = new Random();

  /** The first bytes of all that `seal` returns: they name the format and the key, and no other key has the same. */
  readonly currentSeal: Buffer;

  constructor(
    private readonly keys: KeyRing,
    private readonly keyPrefix: string,
  ) {
    const kid = Buffer.from(keys.signing.kid ?? '');
    this.currentSeal = Buffer.concat([Uint8Array.of(FORMAT_VERSION, kid.length), kid]);
  }

  seal(token: string, place: SealedPlace): Buffer {
    const key = this.keys.signing;
    const nonce = this.#random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#sessionKey(key, key.signingKey, place.sid), nonce);
    cipher.setAAD(this.#associatedData(key, place));
    return Buffer.concat([this.currentSeal, nonce, cipher.update(token, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  }

  /**
   * @returns the token; `undefined` if this was not sealed by one of our keys, for this place
   * @throws RefreshAuthError `store_unavailable` when a newer version of the library sealed it: not ours to judge
   */
  open(sealed: Uint8Array, place: SealedPlace): string | undefined {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const [version = 0, kidLength = 0] = bytes;
    if (version > FORMAT_VERSION) throw new RefreshAuthError('store_unavailable', 'sealed by a newer version');
    const kid = bytes.subarray(2, 2 + kidLength);
    const nonce = bytes.subarray(2 + kidLength, 2 + kidLength + NONCE_BYTES);
    const ciphertext = bytes.subarray(2 + kidLength + NONCE_BYTES, -TAG_BYTES);
    const key = this.keys.find(kidLength === 0 ? undefined : kid.toString());
    if (version !== FORMAT_VERSION || !key?.signingKey) return undefined;
    try {
      const decipher = createDecipheriv(CIPHER, this.#sessionKey(key, key.signingKey, place.sid), nonce, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(this.#associatedData(key, place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString();
    } catch {
      return undefined;
    }
  }

  #sessionKey(key: Key, signingKey: KeyObject, sid: string): Buffer {
    let master = this.#masters.get(key);
    if (!master) {
      // Derived for this purpose alone: the key that signs is not itself used to encrypt.
      master = Buffer.from(
        hkdfSync('sha256', keyMaterial(signingKey), '', `nestjs-refresh-auth:sealing:${key.kid ?? ''}`, 32),
      );
      this.#masters.set(key, master);
    }
    return createHmac('sha256', master).update(sid).digest();
  }

  #associatedData({ kid = '' }: Key, { sid, gen }: SealedPlace): Buffer {
    return joined([String.fromCharCode(FORMAT_VERSION), this.keyPrefix, kid, sid, String(gen)]);
  }
}

/** Returns the same bytes for every encoding of a key. Encodings of EC and Ed keys may contain the public key or not, so the scalar is used. */
function keyMaterial(key: KeyObject): Buffer {
  if (key.type === 'secret') return key.export();
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs8', format: 'der' });
  return Buffer.from(String(key.export({ format: 'jwk' }).d), 'base64url');
}

/** Joins the parts in UTF-8, each after its length (32 bits, big-endian), so that no two lists give the same bytes. */
function joined(parts: readonly string[]): Buffer {
  const most = parts.reduce((sum, part) => sum + 4 + 3 * part.length, 0);
  const bytes = Buffer.allocUnsafe(most);
  let end = 0;
  for (const part of parts) {
    const length = bytes.write(part, end + 4);
    end = bytes.writeUInt32BE(length, end) + length;
  }
  return bytes.subarray(0, end);
}
