import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit, UseGuards } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, ModulesContainer } from '@nestjs/core';
import {
  dependenciesOf,
  globalProviders,
  isClass,
  isOfClass,
  isRequestScoped,
  nameOf,
  pathTo,
  type Provider,
} from './provider-graph.js';
import { RefreshAuthCore } from './refresh-auth.core.js';
import { RefreshAuthFilter } from './refresh-auth.filter.js';
import { ModuleGuard } from './refresh-auth.guard.js';
import { SUPPORTED } from './supported-platform.js';

/**
 * Refuses a request-scoped core as soon as the providers of the module are created. From 11.2.8 and 12.1.3 on, NestJS checks global guards
 * right afterwards, and its message would name the guard but not the cause.
 */
@Injectable()
class CoreCheck {
  constructor(@Inject(ModulesContainer) modules: ModulesContainer) {
    for (const core of coresOf(modules)) refuseRequestScope(core);
  }
}

/**
 * Stops the boot unless NestJS has created the core and every global guard of ours exactly once.
 *
 * A provider that depends on a request-scoped one becomes request-scoped itself. NestJS up to 11.2.7, and 12 up to 12.1.2, drop such a global
 * guard without a word; newer versions refuse some of them; and none runs a request-scoped global guard for the messages of a gateway. A
 * request-scoped core would know nothing of what other requests did.
 *
 * This class injects nothing that can become request-scoped, or NestJS would drop it for the same reason. NestJS never asks `CoreCheck`
 * whether a request may pass: `UseGuards` only makes it create that class, right after the providers of the module.
 */
@UseGuards(CoreCheck)
@Injectable()
export class RegisteredGuards implements OnModuleInit, OnApplicationBootstrap {
  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

  /** Runs before the same hook of the module, which uses the core. */
  onModuleInit(): void {
    checkVisibility(this.modules);
    if (coresOf(this.modules).some(({ instance }) => !instance)) {
      throw new Error('RefreshAuthModule cannot start: NestJS has not created its core.');
    }
  }

  onApplicationBootstrap(): void {
    for (const { provider, isSingle } of globalProviders(this.modules, APP_GUARD)) {
      const path = pathTo(provider, (each) => isOfClass(each, ModuleGuard));
      if (path) checkGuard(provider, path.find(isClass) ?? provider, isSingle);
    }
  }
}

/**
 * The filter of the module is registered like a global guard, and depends on the core. If a version of NestJS does not show us that, it does
 * not show us guards either, and nothing would be checked.
 */
function checkVisibility(modules: ModulesContainer): void {
  const filters = globalProviders(modules, APP_FILTER).filter(({ provider }) => isOfClass(provider, RefreshAuthFilter));
  if (filters.some(({ provider }) => dependenciesOf(provider).some(({ token }) => token === RefreshAuthCore))) return;
  throw new Error(
    `RefreshAuthModule cannot check on this version of NestJS that its guards are created. Use one of ${SUPPORTED.nest}, or a newer nestjs-refresh-auth.`,
  );
}

/** A core that a test has replaced depends on nothing, and passes. */
function coresOf(modules: ModulesContainer): Provider[] {
  return [...modules.values()]
    .map(({ providers }) => providers.get(RefreshAuthCore))
    .filter((core) => core !== undefined);
}

function refuseRequestScope(core: Provider): void {
  const cause = pathTo(core, isRequestScoped)?.at(-1);
  if (!cause) return;
  throw new Error(
    `RefreshAuthModule cannot start: it depends on ${nameOf(cause)}, which is request-scoped, so that each request would have sessions and revocations of its own. Inject only singletons into RefreshAuthModule.forRootAsync().`,
  );
}

/**
 * @param provider what is registered: a guard, an alias of one, or a factory
 * @param guard the class that guards: ours, or one of the application that asks ours
 */
function checkGuard(provider: Provider, guard: Provider, isSingle: boolean): void {
  const isCause = (each: Provider): boolean => isRequestScoped(each) && each !== provider && each !== guard;
  const path = pathTo(provider, isCause);
  const cause = path?.at(-1);
  if (path && cause) {
    throw notGuarding(
      `${nameOf(guard)} depends on ${nameOf(cause)}, which is request-scoped (${path.map(nameOf).join(' -> ')})`,
      'Inject ModuleRef instead, and call moduleRef.resolve() in each request for what is request-scoped.',
    );
  }
  if (!isSingle || isRequestScoped(guard)) {
    throw notGuarding(
      `${nameOf(guard)} is request-scoped or transient`,
      `Remove the scope from ${nameOf(guard)} and from its APP_GUARD provider. For what is request-scoped, inject ModuleRef and call moduleRef.resolve() in each request.`,
    );
  }
  if (!isCreated(provider)) {
    throw notGuarding(
      `NestJS has not created ${nameOf(guard)}`,
      `Register it as { provide: APP_GUARD, useExisting: ${nameOf(guard)} }.`,
    );
  }
}

/**
 * Where NestJS could not construct a class, it keeps an object without properties of its own. A factory may return nothing on purpose: that
 * is for the application to decide.
 */
function isCreated({ instance, isAlias }: Provider): boolean {
  if (instance instanceof ModuleGuard) return Reflect.ownKeys(instance).length > 0;
  return !isAlias || (instance !== null && instance !== undefined);
}

function notGuarding(problem: string, remedy: string): Error {
  return new Error(
    `RefreshAuthGuard does not guard every route: ${problem}. NestJS runs a global guard everywhere only if it is created once, at boot. ${remedy}`,
  );
}
