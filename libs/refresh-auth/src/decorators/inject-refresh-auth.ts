import { Inject } from '@nestjs/common';
import { serviceToken } from '../refresh-auth.constants.js';

/** Injects the `RefreshAuthService` of the module with this name. Defaults to the module without a name. */
export const InjectRefreshAuth = (name?: string): ParameterDecorator & PropertyDecorator => Inject(serviceToken(name));
