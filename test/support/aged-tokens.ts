import type { IssuedToken, RefreshAuthOptions } from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { RefreshAuthCore } from '../../libs/refresh-auth/src/refresh-auth.core.js';
import { resolveOptions } from '../../libs/refresh-auth/src/options/refresh-auth-options.js';
import { TestClock } from './clock.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Starts a session whose token was signed this long ago on the system's clock, for processes whose clock no test can move. */
export function issueAged(age: number, options: RefreshAuthOptions, claims: { sub: string }): IssuedToken {
  const clock = new TestClock(Date.now() - age);
  return new RefreshAuthCore(resolveOptions(options), new InMemorySessionStore(clock), clock).signer.first(claims, 0);
}
