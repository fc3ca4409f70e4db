import { constants, createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto';

type HashSize = '256' | '384' | '512';
type KeyMaterial =
  | { algorithm: `HS${HashSize}`; secret: string | Uint8Array }
  | { algorithm: `${'RS' | 'PS' | 'ES'}${HashSize}`; privateKey: string | KeyObject };

/** Text and bytes are encoded as they stand, whether they are JSON or not; an object as JSON. */
export type SegmentValue = string | Uint8Array | object;

/**
 * Signs any header and payload, also those that a signing library would refuse. `algorithm` is what is used, whatever the header says.
 */
export function signRaw(token: { header: SegmentValue; payload: SegmentValue } & KeyMaterial): string {
  const input = `${encodeSegment(token.header)}.${encodeSegment(token.payload)}`;
  return `${input}.${signatureOf(input, token).toString('base64url')}`;
}

export function encodeSegment(value: SegmentValue): string {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    return Buffer.from(value).toString('base64url');
  }
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Returns the claims in a token, unverified. */
export function decodePayload(token: string): Record<string, unknown> {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}

/**
 * The other spellings of the same token: the last character of a signature can have bits that no decoder looks at.
 * There are 3 or 15 of them, and none where the signature's length is a multiple of three bytes.
 */
export function respell(token: string): string[] {
  const bytes = signatureBytes(token).toString('hex');
  return Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
    .map((last) => token.slice(0, -1) + last)
    .filter((other) => other !== token && signatureBytes(other).toString('hex') === bytes);
}

/** The token with one bit of its signature inverted, one that every decoder looks at. */
export function flipBit(token: string): string {
  const signature = signatureBytes(token);
  signature.writeUInt8(signature.readUInt8(0) ^ 1, 0);
  return token.slice(0, token.lastIndexOf('.') + 1) + signature.toString('base64url');
}

function signatureBytes(token: string): Buffer {
  return Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
}

function signatureOf(input: string, material: KeyMaterial): Buffer {
  const hash = `sha${material.algorithm.slice(2)}`;
  if ('secret' in material) {
    return createHmac(hash, material.secret).update(input).digest();
  }
  const { privateKey } = material;
  const key = typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey;
  const data = Buffer.from(input);
  switch (material.algorithm.slice(0, 2)) {
    case 'ES':
      return sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
    case 'PS':
      return sign(hash, data, {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
    default:
      return sign(hash, data, key);
  }
}
