import { RefreshAuthCore } from './refresh-auth.core.js';
import { RefreshAuthService } from './refresh-auth.service.js';

/** Where the module takes the time from; tests override this provider. */
export const CLOCK = Symbol.for('nestjs-refresh-auth:Clock');
export const SETTINGS = Symbol.for('nestjs-refresh-auth:settings');
export const NAME = Symbol.for('nestjs-refresh-auth:name');

/** Under which token the parts of a module are injected; those of the module without a name by their class. */
export function coreToken(name?: string): symbol | typeof RefreshAuthCore {
  return name === undefined ? RefreshAuthCore : Symbol.for(`nestjs-refresh-auth:core:${name}`);
}

export function serviceToken(name?: string): symbol | typeof RefreshAuthService {
  return name === undefined ? RefreshAuthService : Symbol.for(`nestjs-refresh-auth:service:${name}`);
}
