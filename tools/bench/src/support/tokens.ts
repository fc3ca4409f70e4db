import { createKeyRing } from '../../../../libs/refresh-auth/dist/compiled/options/key-options.js';
import { TokenSigner } from '../../../../libs/refresh-auth/dist/compiled/tokens/signing.js';
import { TokenTimes } from '../../../../libs/refresh-auth/dist/compiled/tokens/token-times.js';

/** Of every server, whichever guard it has: all get the same requests. */
export const SECRET = 'of the benchmark: 32 bytes or more of it';

/** A machine that is busy with something else makes Redis slow, and shall not make it an outage. */
export const PATIENT = { storeTimeout: '30s' } as const;

/** In seconds. */
export const LIFETIMES = {
  expiresIn: 15 * 60,
  refreshWindow: 7 * 24 * 60 * 60,
  sessionLifetime: 30 * 24 * 60 * 60,
  clockTolerance: 0,
};

const EXPIRED_FOR = 60;

function claimsOf(sub: string): { sub: string; role: string } {
  return { sub, role: 'member' };
}

function signer(secondsAgo: number): TokenSigner {
  const clock = { now: () => Date.now() - secondsAgo * 1000, monotonic: () => performance.now() };
  return new TokenSigner(createKeyRing({ secret: SECRET }), {}, new TokenTimes(LIFETIMES, clock));
}

/** A token that stays valid for as long as the benchmark runs. */
export function validToken(): string {
  return signer(0).first(claimsOf('ada'), 0).token;
}

/** Tokens of as many sessions, each to be refreshed when it is next presented. */
export function expiredTokens(count: number): string[] {
  const expired = signer(LIFETIMES.expiresIn + EXPIRED_FOR);
  return Array.from({ length: count }, (_, i) => expired.first(claimsOf(`user-${i}`), 0).token);
}
