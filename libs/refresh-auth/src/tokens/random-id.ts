import { randomBytes } from 'node:crypto';

/** 128 bits from the system's CSPRNG, base64url: a `sid` or a `jti`. */
export function randomId(): string {
  return randomBytes(16).toString('base64url');
}
