import { RefreshAuthGuard, RefreshAuthModule, type RefreshAuthOptions } from 'nestjs-refresh-auth';
import { PATIENT, SECRET } from '../support/tokens.js';
import { redisUrl, type Variant } from './variant.js';

export function refreshAuth(revocation: RefreshAuthOptions['revocation']): Variant {
  return {
    imports: [RefreshAuthModule.forRoot({ secret: SECRET, redis: redisUrl(), revocation, ...PATIENT })],
    guard: RefreshAuthGuard,
  };
}
