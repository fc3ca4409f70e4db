import type { CanActivate, DynamicModule, INestApplication, Provider, Type } from '@nestjs/common';

/** The guard in front of a server's route. */
export interface Variant {
  readonly imports?: readonly DynamicModule[];
  readonly providers?: readonly Provider[];
  /** The guard of every route; a provider, or one of what is imported. */
  readonly guard?: Type<CanActivate>;
  readonly prepare?: (app: INestApplication) => Promise<void>;
  /** The headers of a request that is let through; by default those with the token that all servers get. */
  readonly signIn?: (url: string) => Promise<Record<string, string>>;
}

export function redisUrl(): string {
  return process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
}
