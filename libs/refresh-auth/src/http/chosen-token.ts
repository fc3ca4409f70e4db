import type { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { TokenClaims } from '../tokens/claims.js';
import { hasTokenShape, malformed } from '../tokens/compact.js';

/** The highest number of different tokens under one name that are verified for one request. */
export const MAX_TOKENS = 8;

/** Returns the claims of a token that would be accepted, as far as this process knows without asking the store. */
export type FindLive = (token: string) => Pick<TokenClaims, 'sid' | 'gen'> | undefined;

interface LiveToken {
  readonly token: string;
  readonly sid: string;
  readonly gen: number;
}

/**
 * Chooses the token of a request from the values of its cookies. A browser sends several cookies of one name if their domain, path or
 * partition differs, and their order must not decide (RFC 6265bis section 4.2.2). A cookie of an earlier deployment, or one that another
 * host of the site has set, must not lock the user out, so only live tokens count:
 *
 * - The first name with a live token decides the session. Two live sessions under that name are an error.
 * - The token is the latest one of that session, under any name.
 * - If no token is live, the only one that may be a legacy token is chosen; several of these are an error.
 * - Otherwise the first one is chosen. Verifying it then gives the error.
 *
 * @param valuesByName the values of each name that is read, the current name first
 * @returns the token, or the error `token_malformed` if the cookies are ambiguous
 */
export function chooseToken(
  valuesByName: readonly (readonly string[])[],
  findLive: FindLive,
  mayBeLegacy: (token: string) => boolean = () => false,
): string | RefreshAuthError | undefined {
  const tokensByName = valuesByName.map((values) => [...new Set(values)].filter(hasTokenShape));
  const [first, ...others] = new Set(tokensByName.flat());
  if (others.length === 0) return first ?? valuesByName.flat()[0];

  const liveByName = tokensByName.map((tokens) => liveTokens(tokens, findLive));
  for (const live of liveByName) {
    if (!live) return malformed(`more than ${MAX_TOKENS} tokens in cookies of one name`);
    const [one, ...more] = live;
    if (!one) continue;
    if (more.some(({ sid }) => sid !== one.sid)) return malformed('two live sessions in cookies of one name');
    const session = liveByName.flatMap((found) => found ?? []).filter(({ sid }) => sid === one.sid);
    return session.reduce((latest, other) => (other.gen > latest.gen ? other : latest), one).token;
  }
  const [legacy, ...more] = [first ?? '', ...others].filter(mayBeLegacy);
  return more.length > 0 ? malformed('two tokens of another login in cookies') : (legacy ?? first);
}

/** Returns those tokens of one name that are live, or `undefined` if there are too many to verify. */
function liveTokens(tokens: readonly string[], findLive: FindLive): LiveToken[] | undefined {
  if (tokens.length > MAX_TOKENS) return undefined;
  return tokens.flatMap((token) => {
    const claims = findLive(token);
    return claims ? [{ token, sid: claims.sid, gen: claims.gen }] : [];
  });
}
