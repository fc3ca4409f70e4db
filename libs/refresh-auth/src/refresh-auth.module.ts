import { Inject, Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { moduleTitle } from './errors/module-title.js';
import { EventLog } from './event-log.js';
import { RefreshAuthCore } from './refresh-auth.core.js';
import { RefreshAuthFilter } from './refresh-auth.filter.js';
import { RefreshAuthGuard } from './refresh-auth.guard.js';
import { RefreshAuthInterceptor } from './refresh-auth.interceptor.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './refresh-auth.module-definition.js';
import { checkDistinct } from './options/distinct-modules.js';
import { failWithoutOptions } from './options/misplaced-options.js';
import { type RefreshAuthOptions, type RefreshAuthSettings, resolveOptions } from './options/refresh-auth-options.js';
import { checkStore } from './options/store-options.js';
import { RefreshAuthService } from './refresh-auth.service.js';
import { CLOCK, NAME, SETTINGS } from './refresh-auth.constants.js';
import { findWarnings } from './options/boot-warnings.js';
import { RegisteredGuards } from './registered-guards.js';
import { InMemorySessionStore } from './store/in-memory-session-store.js';
import { connectRedis } from './store/redis/redis-connection.js';
import { RedisReplicas } from './store/redis/redis-replicas.js';
import { RedisSessionStore } from './store/redis/redis-session-store.js';
import { SessionStore } from './store/session-store.js';
import { checkJwtVersion, unsupportedPlatform } from './supported-platform.js';
import { type Clock, systemClock } from './tokens/clock.js';

/**
 * Provides the guard, the service and the interceptor. Import it once, in the root module.
 *
 * ```ts
 * RefreshAuthModule.forRoot({ secret: process.env.JWT_SECRET, redis: process.env.REDIS_URL })
 * ```
 *
 * It is global, unless the static call has `isGlobal: false`. `name`, also in the static call, tells several modules of one application apart.
 */
@Module({
  providers: [
    // Replaced by those of forRoot and forRootAsync: of two providers of one token, NestJS takes that of the dynamic module.
    { provide: MODULE_OPTIONS_TOKEN, useFactory: failWithoutOptions },
    { provide: NAME, useValue: undefined },
    { provide: SETTINGS, useFactory: createSettings, inject: [MODULE_OPTIONS_TOKEN, NAME] },
    { provide: CLOCK, useValue: systemClock },
    { provide: SessionStore, useFactory: createStore, inject: [SETTINGS, CLOCK] },
    {
      provide: RefreshAuthCore,
      useFactory: (settings: RefreshAuthSettings, store: SessionStore, clock: Clock) =>
        new RefreshAuthCore(settings, store, clock),
      inject: [SETTINGS, SessionStore, CLOCK],
    },
    RefreshAuthService,
    RefreshAuthGuard,
    RefreshAuthInterceptor,
    RegisteredGuards,
    { provide: APP_FILTER, useClass: RefreshAuthFilter },
  ],
})
export class RefreshAuthModule extends ConfigurableModuleClass implements OnModuleInit, OnApplicationShutdown {
  readonly #log: EventLog;

  constructor(
    @Inject(SETTINGS) private readonly settings: RefreshAuthSettings,
    @Inject(SessionStore) private readonly store: SessionStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RefreshAuthCore) private readonly core: RefreshAuthCore,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
  ) {
    super();
    this.#log = new EventLog(settings);
  }

  async onModuleInit(): Promise<void> {
    this.#checkNeighbours();
    this.#listenToServer();
    this.#log.logPlace(this.store);
    this.core.events.observable.subscribe((event) => this.#log.log(event));
    await Promise.all([this.core.start(), this.#warn()]);
  }

  /** Runs in the last of the hooks, when no request is in progress. Closes only what the library opened. */
  async onApplicationShutdown(): Promise<void> {
    await this.core.stop();
    if (this.store !== this.settings.store) await this.store.close?.();
  }

  /** Checks that this module and each other one tell their sessions apart. Otherwise, users of one would get in as users of the other. */
  #checkNeighbours(): void {
    for (const { instance } of this.modules.values()) {
      if (instance instanceof RefreshAuthModule && instance.settings !== this.settings)
        checkDistinct(this.settings, instance.settings);
    }
  }

  #listenToServer(): void {
    // None in an application without HTTP.
    const adapter = this.host.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    if (adapter) this.core.arrivals.listen(adapter.getHttpServer());
  }

  /** Tells the operator what may need attention. */
  async #warn(): Promise<void> {
    for (const warning of await findWarnings(this.settings, this.store, this.clock)) this.#log.warn(warning);
  }
}

/** Runs first at boot: on a platform that is not supported, the warning explains whatever fails next. */
function createSettings(options: RefreshAuthOptions, name: string | undefined): RefreshAuthSettings {
  // Without the name, which has not been checked yet.
  const logger = new Logger(moduleTitle());
  for (const warning of unsupportedPlatform()) logger.warn(warning);
  checkJwtVersion();
  return resolveOptions(options, name);
}

async function createStore(settings: RefreshAuthSettings, clock: Clock): Promise<SessionStore> {
  const store = await openStore(settings, clock);
  checkStore(store, settings);
  return store;
}

async function openStore(settings: RefreshAuthSettings, clock: Clock): Promise<SessionStore> {
  if (settings.store) return settings.store;
  if (settings.redis === undefined) return new InMemorySessionStore(clock);
  const connection = await connectRedis(settings.redis, moduleTitle(settings.name));
  const { keyPrefix, revocationReplicas, storeTimeout } = settings;
  const replicas =
    revocationReplicas > 0 ? await RedisReplicas.open(connection, revocationReplicas, storeTimeout) : undefined;
  return new RedisSessionStore(connection, keyPrefix, undefined, replicas);
}
