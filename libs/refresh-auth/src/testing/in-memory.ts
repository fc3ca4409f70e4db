import type { DynamicModule } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { RefreshAuthModuleExtras } from '../refresh-auth.module-definition.js';
import { RefreshAuthModule } from '../refresh-auth.module.js';
import type { RefreshAuthOptions } from '../options/refresh-auth-options.js';
import { CLOCK } from '../refresh-auth.constants.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import { SessionStore } from '../store/session-store.js';
import { type Clock, systemClock } from '../tokens/clock.js';

/** The part of the `TestingModuleBuilder` of `@nestjs/testing` that `inMemory` needs. */
export interface OverridableModule {
  overrideProvider(token: unknown): ProviderOverride<this>;
}

/** The next step of `overrideProvider`, which sets the replacement. */
export interface ProviderOverride<Builder> {
  useValue(value: unknown): Builder;
  useFactory(options: { factory(): unknown }): Builder;
}

/** Options of {@link refreshAuthTestingModule}: those of the module, and its clock. */
export interface TestingModuleOptions extends RefreshAuthOptions, RefreshAuthModuleExtras {
  /** The clock of the module. @default the system's clock */
  clock?: Clock | undefined;
}

/**
 * Returns a `RefreshAuthModule` for tests of single controllers. By default it generates a random secret and keeps sessions in memory.
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
  // The last provider of a token wins, and the providers of a dynamic module come after those of its class.
  return { ...module, providers: [...(module.providers ?? []), { provide: CLOCK, useValue: clock }] };
}

/**
 * Makes a whole application keep its sessions in memory while it is tested, even if it is configured for Redis or a store of its own. It opens
 * no connection to that store.
 *
 * ```ts
 * await inMemory(Test.createTestingModule({ imports: [AppModule] }), clock).compile();
 * ```
 *
 * @param clock the clock of the application's modules. Defaults to the system's clock
 * @returns the builder
 */
export function inMemory<Builder extends OverridableModule>(builder: Builder, clock: Clock = systemClock): Builder {
  return (
    builder
      .overrideProvider(CLOCK)
      .useValue(clock)
      .overrideProvider(SessionStore)
      // One store for each module, because their users are different.
      .useFactory({ factory: () => new InMemorySessionStore(clock) })
  );
}
