import { setAccess } from './access.js';

/**
 * The guard does not look at requests of this route or class.
 *
 * @param module the name of the module whose guard is meant; by default that of the module without a name
 */
export const Public = (module?: string): MethodDecorator & ClassDecorator => setAccess('public', module);
