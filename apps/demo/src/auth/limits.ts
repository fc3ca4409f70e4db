import type { SignInOptions } from 'nestjs-refresh-auth';

const LIMITS = ['expiresIn', 'refreshWindow', 'sessionLifetime'] as const;

/** Reads the shorter limits that a client wants for its own session. The library checks that they are durations. */
export function readLimits(body: unknown): Pick<SignInOptions, (typeof LIMITS)[number]> {
  const given = Object(body) as SignInOptions;
  return Object.fromEntries(LIMITS.filter((limit) => given[limit] !== undefined).map((limit) => [limit, given[limit]]));
}
