import { ConfigurableModuleBuilder, type DynamicModule, type Provider } from '@nestjs/common';
import { coreToken } from './injected-core.js';
import { RefreshAuthCore } from './refresh-auth.core.js';
import { RefreshAuthGuard } from './refresh-auth.guard.js';
import { RefreshAuthInterceptor } from './refresh-auth.interceptor.js';
import { checkAsyncOptions } from './options/misplaced-options.js';
import type { RefreshAuthOptions } from './options/refresh-auth-options.js';
import { RefreshAuthService } from './refresh-auth.service.js';
import { serviceToken } from './injected-service.js';
import { NAME } from './refresh-auth.constants.js';
import { SessionStore } from './store/session-store.js';

/** The interface of a class for `useClass` or `useExisting`. */
export interface RefreshAuthOptionsFactory {
  /** Returns the options. Called once, at boot. */
  create(): RefreshAuthOptions | Promise<RefreshAuthOptions>;
}

/** Options of the static call, beside those of the module in `forRoot`, or beside the factory in `forRootAsync`. */
export interface RefreshAuthModuleExtras {
  /** Makes guard and service available in all modules. @default true */
  isGlobal?: boolean | undefined;
  /** Tells several modules of one application apart: at most 31 letters, digits, `-` and `_`. @default none */
  name?: string | undefined;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<RefreshAuthOptions>({
  moduleName: 'RefreshAuth',
  optionsInjectionToken: Symbol.for('nestjs-refresh-auth:options'),
})
  .setClassMethodName('forRoot')
  .setExtras<RefreshAuthModuleExtras>({ isGlobal: true, name: undefined }, (definition, extras) => {
    const { isGlobal = true, name } = extras;
    // Only the definitions of forRootAsync have imports.
    if (definition.imports) checkAsyncOptions(extras, hasSource(definition));
    return {
      ...definition,
      global: isGlobal,
      providers: [...(definition.providers ?? []), { provide: NAME, useValue: name }, ...namedProviders(name)],
      exports:
        name === undefined
          ? [RefreshAuthService, RefreshAuthGuard, RefreshAuthInterceptor, RefreshAuthCore, SessionStore]
          : [...namedProviders(name), RefreshAuthInterceptor],
    };
  })
  .build();

/** Returns false if `forRootAsync` was given neither `useFactory` nor a class: NestJS then adds a provider without a token. */
function hasSource({ providers = [] }: DynamicModule): boolean {
  return !providers.some((provider) => 'provide' in provider && provider.provide === undefined);
}

/** Returns the providers of guard, service and core that are found only by the name of their module; none for a module without a name. */
function namedProviders(name: string | undefined): Provider[] {
  if (name === undefined) return [];
  return [
    { provide: coreToken(name), useExisting: RefreshAuthCore },
    { provide: serviceToken(name), useExisting: RefreshAuthService },
    RefreshAuthGuard.named(name),
  ];
}
