import { setAccess } from './access.js';

/**
 * A token is honoured and refreshed; without one, or with a dead one, the request passes and `@CurrentUser()` is `undefined`.
 *
 * @param module the name of the module whose guard is meant; by default that of the module without a name
 */
export const OptionalAuth = (module?: string): MethodDecorator & ClassDecorator => setAccess('optional', module);
