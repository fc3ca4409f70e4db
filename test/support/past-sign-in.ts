import type { IssuedToken, RefreshAuthOptions } from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { RefreshAuthCore } from '../../libs/refresh-auth/src/refresh-auth.core.js';
import { resolveOptions } from '../../libs/refresh-auth/src/options/refresh-auth-options.js';
import { TestClock } from './clock.js';

/** A sign-in of that many milliseconds ago, for processes whose clock no test can move: they only share the secret. */
export async function signInOf(
  age: number,
  options: RefreshAuthOptions,
  claims: { sub: string },
): Promise<IssuedToken> {
  const clock = new TestClock(Date.now() - age);
  return new RefreshAuthCore(resolveOptions(options), new InMemorySessionStore(clock), clock).signIns.start(claims, {});
}
