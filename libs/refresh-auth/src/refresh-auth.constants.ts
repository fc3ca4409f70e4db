/** Where the module takes the time from; tests override this provider. */
export const CLOCK = Symbol.for('nestjs-refresh-auth:Clock');
export const SETTINGS = Symbol.for('nestjs-refresh-auth:settings');
export const NAME = Symbol.for('nestjs-refresh-auth:name');
