import type { TokenClaims } from './claims.js';

/**
 * The claims that handlers receive. Applications declare their own by augmentation, so that `@CurrentUser('…')` checks names:
 *
 * ```ts
 * declare module 'nestjs-refresh-auth' {
 *   interface UserClaims {
 *     role: 'admin' | 'user';
 *   }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-interface, typescript/no-empty-object-type -- an interface, since only these can be augmented
export interface UserClaims extends TokenClaims {}
