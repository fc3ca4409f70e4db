import { type Abstract, Scope, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** NestJS exports the types of its modules and providers only through the container. */
type Module = ModulesContainer extends Map<string, infer M> ? M : never;
export type Provider = Module['providers'] extends Map<unknown, infer P> ? P : never;

/** A provider that is registered for all routes. */
export interface GlobalProvider {
  provider: Provider;
  /** True if NestJS is to create it once; otherwise it is registered as request-scoped or transient. */
  isSingle: boolean;
}

/** @param token such as `APP_GUARD`; NestJS adds an id to it, since several providers can have it */
export function globalProviders(modules: ModulesContainer, token: string): GlobalProvider[] {
  const found: GlobalProvider[] = [];
  for (const { providers, injectables } of modules.values()) {
    for (const [key, provider] of [...providers, ...injectables]) {
      if (typeof key === 'string' && key.startsWith(`${token} (`)) {
        found.push({ provider, isSingle: providers.get(key) === provider });
      }
    }
  }
  return found;
}

/** Returns a chain of providers, each of which depends on the next, from this one to a target; `undefined` if it depends on none. */
export function pathTo(
  provider: Provider,
  isTarget: (provider: Provider) => boolean,
  seen = new Set<Provider>(),
): Provider[] | undefined {
  if (isTarget(provider)) return [provider];
  seen.add(provider);
  for (const dependency of dependenciesOf(provider)) {
    const path = seen.has(dependency) ? undefined : pathTo(dependency, isTarget, seen);
    if (path) return [provider, ...path];
  }
  return undefined;
}

/**
 * Returns everything that a provider depends on: if one of them is request-scoped, so is the provider. We do not ask NestJS for that
 * (`isDependencyTreeStatic`), because 11.0 and 11.1 may answer before they have seen the properties, and remember the answer.
 */
export function dependenciesOf(provider: Provider): Provider[] {
  const properties = provider.getPropertiesMetadata() ?? [];
  return [
    ...(provider.getCtorMetadata() ?? []),
    ...properties.map(({ wrapper }) => wrapper),
    ...(provider.getEnhancersMetadata() ?? []),
  ].filter((dependency) => dependency !== undefined);
}

export function isRequestScoped({ scope }: Provider): boolean {
  return scope === Scope.REQUEST;
}

/** Returns true if NestJS makes the provider with `new`: not by a factory, and not as an alias or a value. */
export function isClass({ metatype, inject }: Provider): boolean {
  return typeof metatype === 'function' && !Array.isArray(inject);
}

/** Returns true for this class, and for one that extends it. */
export function isOfClass(provider: Provider, type: Type | Abstract<unknown>): boolean {
  return isClass(provider) && (provider.metatype === type || provider.metatype?.prototype instanceof type);
}

/** Returns the name of the class, or else the token without the id that NestJS adds to it. */
export function nameOf(provider: Provider): string {
  const { metatype, token } = provider;
  if (isClass(provider) && metatype) return metatype.name;
  if (typeof token === 'function') return token.name;
  return typeof token === 'symbol' ? (token.description ?? 'a symbol') : token.replace(/ \(.*/, '');
}
