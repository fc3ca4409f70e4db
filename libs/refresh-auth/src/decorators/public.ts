import { setAccess } from './access.js';

/**
 * Makes the guard ignore requests to this route or class.
 *
 * @param module the name of the module whose guard this concerns. Defaults to the module without a name
 */
export const Public = (module?: string): MethodDecorator & ClassDecorator => setAccess('public', module);
