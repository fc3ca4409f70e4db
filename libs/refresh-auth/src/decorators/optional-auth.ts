import { setAccess } from './access.js';

/**
 * Lets a request through even without a valid token; `@CurrentUser()` is then `undefined`. A valid token is used, and an expired one is
 * refreshed, as on any other route.
 *
 * @param module the name of the module whose guard this concerns. Defaults to the module without a name
 */
export const OptionalAuth = (module?: string): MethodDecorator & ClassDecorator => setAccess('optional', module);
