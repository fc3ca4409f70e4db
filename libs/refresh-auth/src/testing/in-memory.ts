import type { DynamicModule } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { RefreshAuthModuleExtras } from '../refresh-auth.module-definition.js';
import { RefreshAuthModule } from '../refresh-auth.module.js';
import type { RefreshAuthOptions } from '../options/refresh-auth-options.js';
import { CLOCK } from '../refresh-auth.constants.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import { SessionStore } from '../store/session-store.js';
import { type Clock, systemClock } from '../tokens/clock.js';

/** What `inMemory` needs of the `TestingModuleBuilder` of `@nestjs/testing`. */
export interface OverridableModule {
  overrideProvider(token: unknown): ProviderOverride<this>;
}

/** What stands in for an overridden provider. */
export interface ProviderOverride<Builder> {
  useValue(value: unknown): Builder;
  useFactory(options: { factory(): unknown }): Builder;
}

/** The options of the module under test, and what only a test sets. */
export interface TestingModuleOptions extends RefreshAuthOptions, RefreshAuthModuleExtras {
  /** Where the module takes the time from. @default the system's clock */
  clock?: Clock | undefined;
}

/**
 * `RefreshAuthModule` for tests of single controllers: without a key, with one of its own that nobody knows; sessions are kept in memory.
 *
 * ```ts
 * Test.createTestingModule({ imports: [refreshAuthTestingModule({ clock })], controllers: [ProfileController] })
 * ```
 */
export function refreshAuthTestingModule({
  clock = systemClock,
  ...options
}: TestingModuleOptions = {}): DynamicModule {
  const key = options.keys || options.secret !== undefined ? {} : { secret: randomBytes(32) };
  const module = RefreshAuthModule.forRoot({ ...key, ...options });
  // Of two providers of one token the later one counts, and those of a dynamic module come after those of its class.
  return { ...module, providers: [...(module.providers ?? []), { provide: CLOCK, useValue: clock }] };
}

/**
 * Lets a whole application that is configured for Redis, or for a store of its own, keep its sessions in memory while it is tested:
 * nothing is connected.
 *
 * ```ts
 * await inMemory(Test.createTestingModule({ imports: [AppModule] }), clock).compile();
 * ```
 *
 * @param clock where the application's modules take the time from; by default the system's clock
 * @returns the builder
 */
export function inMemory<Builder extends OverridableModule>(builder: Builder, clock: Clock = systemClock): Builder {
  return (
    builder
      .overrideProvider(CLOCK)
      .useValue(clock)
      .overrideProvider(SessionStore)
      // One for each module: the users of one are not those of the other.
      .useFactory({ factory: () => new InMemorySessionStore(clock) })
  );
}
