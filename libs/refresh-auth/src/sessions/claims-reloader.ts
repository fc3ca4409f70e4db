import { checkOwnClaims, isObject, reservedClaims, type TokenClaims } from '../tokens/claims.js';
import { callHook, kindOf } from './application-hook.js';

/**
 * The option `reloadClaims`: loads the claims for a refresh anew, so that rights that were lost are not refreshed. Without side effects: it may
 * run in two processes that ask at the same moment, and only the winner's result counts.
 *
 * @param claims those of the token that is refreshed
 * @returns the claims to sign instead, with the same `sub`; reserved claims may come back unchanged. `null` ends the session. Anything else, an
 *   error, or no answer within `reloadTimeout`: nothing is issued, the answer is 503 `reload_failed`, and the error is logged
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the application's claims: it knows their type
export type ReloadClaims = (claims: any) => object | null | Promise<object | null>;

/** Asks the application for fresh claims, within a deadline. */
export class ClaimsReloader {
  constructor(
    private readonly reloadClaims: ReloadClaims,
    /** `reloadTimeout`, in milliseconds. */
    private readonly timeout: number,
    /** Receives each failure, because only the application can fix it, and clients are not told the reason. */
    private readonly report: (error: Error) => void,
  ) {}

  /**
   * @returns the claims to sign the successor from; `null` when the session is to end
   * @throws RefreshAuthError `reload_failed`: nothing is issued, and the client keeps its token
   */
  async reload(claims: TokenClaims): Promise<TokenClaims | null> {
    return callHook('reloadClaims', this.timeout, this.report, async () => {
      const fresh: unknown = await this.reloadClaims(claims);
      return fresh === null ? null : successorClaims(claims, fresh);
    });
  }
}

/** @throws TypeError that says what is wrong with what `reloadClaims` returned */
function successorClaims(claims: TokenClaims, fresh: unknown): TokenClaims {
  if (!isObject(fresh)) {
    throw new TypeError(`it returned ${kindOf(fresh)}: return the claims to sign, or null to end the session`);
  }
  const own = checkOwnClaims(fresh, claims);
  if (own.sub !== claims.sub) throw new TypeError('Claim `sub` has changed: return the one that it was given');
  return { ...reservedClaims(claims), ...own };
}
