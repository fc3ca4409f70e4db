import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { within } from '../store/deadline.js';

/**
 * Calls a function that the application gave as an option, within a deadline.
 *
 * @param option its name, for the error
 * @param timeout `reloadTimeout`, in milliseconds
 * @param report receives each failure, because only the application can fix it, and clients are not told the reason
 * @throws RefreshAuthError `reload_failed`: nothing is issued, and the client keeps its token
 */
export async function callHook<T>(
  option: string,
  timeout: number,
  report: (error: Error) => void,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await within(timeout, 'reloadTimeout', call);
  } catch (error) {
    report(readable(error));
    throw new RefreshAuthError('reload_failed', `${option} failed: the log says why`);
  }
}

/** Returns an error with a message and a stack. An application can throw anything, even an object whose properties throw. */
function readable(error: unknown): Error {
  try {
    if (error instanceof Error) return Object.assign(new Error(error.message), { stack: error.stack });
    return new TypeError(`it threw ${typeof error === 'string' ? `'${error}'` : kindOf(error)}`);
  } catch {
    return new TypeError('it threw something that cannot be read');
  }
}

/** Returns the type of a value, without its content, which is not for the log. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
