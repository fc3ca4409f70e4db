import { Scope, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** A module, and a provider with what NestJS knows about it. NestJS exports these types through the container only. */
type Module = ModulesContainer extends Map<string, infer M> ? M : never;
export type Provider = Module['providers'] extends Map<unknown, infer P> ? P : never;

/** What an application has registered for all routes. */
export interface GlobalProvider {
  provider: Provider;
  /** Registered to be created once; otherwise once for each request or user. */
  isSingle: boolean;
}

/** @param token `APP_GUARD`, say: NestJS adds an id to it, so that several providers can have it */
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

/** The way from a provider, through what it depends on, to the first that is meant; both ends included. */
export function pathTo(
  provider: Provider,
  isMeant: (provider: Provider) => boolean,
  seen = new Set<Provider>(),
): Provider[] | undefined {
  if (isMeant(provider)) return [provider];
  seen.add(provider);
  for (const dependency of dependenciesOf(provider)) {
    const path = seen.has(dependency) ? undefined : pathTo(dependency, isMeant, seen);
    if (path) return [provider, ...path];
  }
  return undefined;
}

/**
 * Everything that can make a provider request-scoped. Not asked of NestJS (`isDependencyTreeStatic`): 11.0 and 11.1 may answer that before they
 * have seen the properties, and remember the answer.
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

/** True if NestJS makes the provider with `new`: not by a factory, and not as an alias or a value. */
export function isClass({ metatype, inject }: Provider): boolean {
  return typeof metatype === 'function' && !Array.isArray(inject);
}

/** True for this class, and for one that extends it. */
export function isOfClass(provider: Provider, type: Type): boolean {
  return isClass(provider) && (provider.metatype === type || provider.metatype?.prototype instanceof type);
}

/** The class, or else the token, without the id that NestJS adds to those of global providers. */
export function nameOf(provider: Provider): string {
  const { metatype, token } = provider;
  if (isClass(provider) && metatype) return metatype.name;
  if (typeof token === 'function') return token.name;
  return typeof token === 'symbol' ? (token.description ?? 'a symbol') : token.replace(/ \(.*/, '');
}
