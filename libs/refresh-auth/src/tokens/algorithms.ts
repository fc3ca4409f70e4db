/** The minimum length of an HMAC secret in bytes: that of the hash output (RFC 7518 section 3.2). */
export const HMAC_SECRET_BYTES = { HS256: 32, HS384: 48, HS512: 64 } as const;
/** The curve of each algorithm (RFC 7518 section 3.4), by its name in OpenSSL. */
export const CURVES = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' } as const;
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;

export type HmacAlgorithm = keyof typeof HMAC_SECRET_BYTES;
export type EcAlgorithm = keyof typeof CURVES;
export type RsaAlgorithm = (typeof RSA_ALGORITHMS)[number];

/** The JWS algorithms that a key can have (RFC 7518 section 3.1). */
export type Algorithm = HmacAlgorithm | EcAlgorithm | RsaAlgorithm;

export const ALGORITHMS: readonly Algorithm[] = [
  ...(Object.keys(HMAC_SECRET_BYTES) as HmacAlgorithm[]),
  ...(Object.keys(CURVES) as EcAlgorithm[]),
  ...RSA_ALGORITHMS,
];
