import { SetMetadata } from '@nestjs/common';

/** How the guard treats a route or a class; without it, a token is required. */
export type Access = 'public' | 'optional';

/**
 * One key for both decorators, so that the one on the route wins over the one on the class; and one for each module, so that what is
 * public to one module's users is not open to everybody where another module's guard stands too.
 */
export function accessKey(module: string | undefined): symbol {
  return Symbol.for(`nestjs-refresh-auth:access${module === undefined ? '' : `:${module}`}`);
}

export function setAccess(access: Access, module: string | undefined): MethodDecorator & ClassDecorator {
  return SetMetadata(accessKey(module), access);
}
