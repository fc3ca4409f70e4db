import type { DynamicModule, INestApplication, ModuleMetadata } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  type RefreshAuthEvent,
  RefreshAuthGuard,
  RefreshAuthModule,
  type RefreshAuthOptions,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { CLOCK } from '../../libs/refresh-auth/src/refresh-auth.constants.js';
import { type Adapter, type RunningApp, startApp } from './apps.js';
import { TestClock } from './clock.js';
import { inspectOutput, watchOutFor } from './leak-watch.js';

export const SECRET = watchOutFor('szd757oNX_NTXlL9vLk6T_Lwbpjq-EcVkFf-u936qGOZExGr');

/** Tests share their machine with other tests, which is no outage of the store. */
const BUSY_MACHINE = '10s';

/** With no claims but the library's own, whatever other code in the same program adds to `UserClaims`. */
export type AuthService = RefreshAuthService<TokenClaims>;

export interface AuthApp extends RunningApp {
  auth: AuthService;
  clock: TestClock;
  port: number;
  /** All that happened since the start. */
  events: RefreshAuthEvent[];
}

export interface AuthAppOptions extends Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'> {
  options?: RefreshAuthOptions;
  clock?: TestClock;
  configure?: (app: INestApplication) => unknown;
}

/** Every route guarded, as applications do it. */
export const globalGuard = { provide: APP_GUARD, useExisting: RefreshAuthGuard };

/** An application with the library in it, whose time the test decides. `providers` has the global guard, unless given. */
export async function startAuthApp(
  adapter: Adapter,
  {
    options = {},
    clock = new TestClock(),
    configure,
    imports = [],
    providers = [globalGuard],
    ...rest
  }: AuthAppOptions,
): Promise<AuthApp> {
  const key = options.keys ? {} : { secret: SECRET };
  const refreshAuth = withClock(RefreshAuthModule.forRoot({ ...key, storeTimeout: BUSY_MACHINE, ...options }), clock);
  const running = await startApp(adapter, { imports: [refreshAuth, ...imports], providers, ...rest }, configure);
  const auth = running.app.get<AuthService>(RefreshAuthService);
  const events: RefreshAuthEvent[] = [];
  auth.events.subscribe((event) => {
    inspectOutput('event', event);
    events.push(event);
  });
  return { ...running, auth, clock, port: Number(new URL(running.url).port), events };
}

/** Of two providers of one token the later one counts, and those of a dynamic module come after those of its class. */
export function withClock(module: DynamicModule, clock: TestClock): DynamicModule {
  return { ...module, providers: [...(module.providers ?? []), { provide: CLOCK, useValue: clock }] };
}
