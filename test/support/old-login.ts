import { generateKeyPairSync } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import type { Legacy } from 'nestjs-refresh-auth';
import type { TestClock } from './clock.js';

const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const DAY = 86_400;

/** How long the tokens of the old login live, in seconds. */
export const OLD_LIFETIME = 14 * DAY;

/** The order of the group of P-256: an ECDSA key that has signed (r, s) has also signed (r, n - s) (SEC 1, section 4.1.4). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** A login of the kind that the library replaces: one long-lived JWT, signed with a key of its own. */
export class OldLogin {
  /** How often the hook was called. */
  calls = 0;

  constructor(private readonly clock: TestClock) {}

  /** Signs an old token. */
  token(claims: object = {}, lifetime = OLD_LIFETIME): string {
    const iat = Math.floor(this.clock.now() / 1000);
    const payload = { sub: '1', role: 'member', iat, exp: iat + lifetime, ...claims };
    return jsonwebtoken.sign(payload, EC.privateKey, { algorithm: 'ES256' });
  }

  /** The option `legacy`, as the guide has it. */
  readonly legacy: Legacy = (token: string) => {
    this.calls += 1;
    const { exp: _, ...claims } = this.verify(token) ?? {};
    return Object.keys(claims).length === 0 ? undefined : claims;
  };

  verify(token: string): Record<string, unknown> | undefined {
    try {
      const clockTimestamp = Math.floor(this.clock.now() / 1000);
      return jsonwebtoken.verify(token, EC.publicKey, { algorithms: ['ES256'], clockTimestamp }) as Record<
        string,
        unknown
      >;
    } catch {
      return undefined;
    }
  }
}

/** Returns the same token with its other valid ECDSA signature. */
export function otherSignature(token: string): string {
  const [header, payload, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const other = Buffer.from((ORDER - s).toString(16).padStart(64, '0'), 'hex');
  return `${header}.${payload}.${Buffer.concat([bytes.subarray(0, 32), other]).toString('base64url')}`;
}
