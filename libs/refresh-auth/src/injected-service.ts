import { Inject } from '@nestjs/common';
import { RefreshAuthService } from './refresh-auth.service.js';

/** Returns the token under which the service of a module is injected; without a name, that of the module without one. */
export function serviceToken(name?: string): symbol | typeof RefreshAuthService {
  return name === undefined
    ? RefreshAuthService
    : Symbol.for(`nestjs-refresh-auth: the service of RefreshAuthModule.forRoot({ name: '${name}' })`);
}

/** Injects the `RefreshAuthService` of the module with this name. Defaults to the module without a name. */
export const InjectRefreshAuth = (name?: string): ParameterDecorator & PropertyDecorator => Inject(serviceToken(name));
