import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { checkOwnClaims, reservedClaims, type TokenClaims } from '../tokens/claims.js';
import { within } from './deadline.js';

/**
 * The option `reloadClaims`: loads the claims for a renewal anew, so that rights that were lost are not renewed. Without side effects: it may
 * run in two processes that ask at the same moment, and only the winner's result counts.
 *
 * @param claims those of the token that is renewed
 * @returns what to sign instead, with the same `sub`; `null` ends the session
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the application's claims: it knows their type
export type ReloadClaims = (claims: any) => object | null | Promise<object | null>;

/** Asks the application for fresh claims, within a deadline. */
export class ClaimsReloader {
  constructor(
    private readonly reloadClaims: ReloadClaims,
    /** `reloadTimeout`, in milliseconds. */
    private readonly timeout: number,
  ) {}

  /**
   * @returns the claims to sign the successor from; `null` when the session is to end
   * @throws RefreshAuthError `store_unavailable`: nothing is issued, and the client keeps its token
   */
  async reload(claims: TokenClaims): Promise<TokenClaims | null> {
    try {
      const fresh = await within(this.timeout, 'reloadTimeout', async () => this.reloadClaims(claims));
      if (fresh === null) return null;
      const own = checkOwnClaims(fresh);
      if (own.sub !== claims.sub) throw new TypeError('`sub` has changed');
      return { ...reservedClaims(claims), ...own };
    } catch {
      // What the application's error says may name users: it is the application's to log.
      throw new RefreshAuthError('store_unavailable', 'reloadClaims gave no claims within reloadTimeout');
    }
  }
}
