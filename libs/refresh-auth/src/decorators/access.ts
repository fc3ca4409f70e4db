import { SetMetadata } from '@nestjs/common';

/** How the guard treats a route or a class. Without it, a token is required. */
export type Access = 'public' | 'optional';

/**
 * Returns the metadata key of both decorators, so that one on the route overrides one on the class. Each module has its own key: a route that
 * is public for the guard of one module still needs a token for the guard of another.
 */
export function accessKey(module: string | undefined): symbol {
  return Symbol.for(`nestjs-refresh-auth:access${module === undefined ? '' : `:${module}`}`);
}

export function setAccess(access: Access, module: string | undefined): MethodDecorator & ClassDecorator {
  return SetMetadata(accessKey(module), access);
}
