import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';

/**
 * Checks that an option is an object that has no other properties than these.
 *
 * @throws RefreshAuthOptionsError
 */
export function checkObject(path: string, value: unknown, names: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RefreshAuthOptionsError(path, 'is not an object', `Write an object with ${names.join(', ')}.`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new RefreshAuthOptionsError(`${path}.${unknown}`, 'is not known', `It may have ${names.join(', ')}.`);
  }
  return value as Record<string, unknown>;
}
