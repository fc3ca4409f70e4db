import { Inject } from '@nestjs/common';
import { RefreshAuthCore } from './refresh-auth.core.js';

/** Says what to write, for readers who know nothing of the core. */
const MISSING_MODULE =
  'RefreshAuthModule: write RefreshAuthModule.forRoot({ secret }) in the imports of the root module; with isGlobal: false, in those of this module too';

/**
 * The property that holds the core. Dependencies of classes that applications may extend are injected into properties under symbols: a
 * subclass has its constructor to itself, and no name that it chooses can be one of ours. NestJS shows the description of the symbol where the
 * module was not imported.
 */
export const CORE: unique symbol = Symbol(MISSING_MODULE);

/** Returns the token under which the core of a module is injected; without a name, that of the module without one. */
export function coreToken(name?: string): symbol | typeof RefreshAuthCore {
  return name === undefined
    ? RefreshAuthCore
    : Symbol.for(`nestjs-refresh-auth: RefreshAuthModule.forRoot({ name: '${name}' })`);
}

/**
 * Injects the core of the module with this name into the property {@link CORE}; without a name, that of the module without one.
 *
 * Decorates a class that no other decorated class of ours extends: NestJS 11.0.1 injects a property once for each class of the chain that
 * asks for it, so that a named class would need the module without a name as well.
 */
export function InjectCore(name?: string): ClassDecorator {
  return ({ prototype }) => Inject(coreToken(name))(prototype as object, CORE);
}
