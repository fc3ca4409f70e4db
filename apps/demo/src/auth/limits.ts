import type { SignInOptions } from 'nestjs-refresh-auth';

const LIMITS = ['expiresIn', 'refreshWindow', 'sessionLifetime'] as const;

/** What a client wants shorter for its own session than the server has it. Whether these are durations is for the library to say. */
export function readLimits(body: unknown): Pick<SignInOptions, (typeof LIMITS)[number]> {
  const given = Object(body) as SignInOptions;
  return Object.fromEntries(LIMITS.filter((limit) => given[limit] !== undefined).map((limit) => [limit, given[limit]]));
}
