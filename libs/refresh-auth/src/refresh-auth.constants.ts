import { RefreshAuthService } from './refresh-auth.service.js';

/** Where the module takes the time from; tests override this provider. */
export const CLOCK = Symbol.for('nestjs-refresh-auth:Clock');
export const SETTINGS = Symbol.for('nestjs-refresh-auth:settings');
export const NAME = Symbol.for('nestjs-refresh-auth:name');

/** Returns the token under which the service of a module is injected; without a name, that of the module without one. */
export function serviceToken(name?: string): symbol | typeof RefreshAuthService {
  return name === undefined
    ? RefreshAuthService
    : Symbol.for(`nestjs-refresh-auth: the service of RefreshAuthModule.forRoot({ name: '${name}' })`);
}
