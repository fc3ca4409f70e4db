import type { RefreshAuthError } from '../errors/refresh-auth-error.js';

/** Clients choose the origins of their requests, so neither memory nor logs may grow with them. */
const MOST_ORIGINS = 100;

/** Words the warnings about origins whose requests were refused: one for each, and none after a hundred. */
export class OriginWarnings {
  readonly #named = new Set<string>();

  /** @returns what to log; `undefined` if the refusal has nothing to do with an origin, or its origin was named before */
  about({ code, detail, origin }: Pick<RefreshAuthError, 'code' | 'detail' | 'origin'>): string | undefined {
    if (origin === undefined || this.#named.has(origin) || this.#named.size === MOST_ORIGINS) return undefined;
    this.#named.add(origin);
    const last = this.#named.size === MOST_ORIGINS ? ' Further origins are not logged.' : '';
    const refused = `was refused: ${code} (${detail}).`;
    return origin === 'null'
      ? `A request from an origin that the browser did not name ${refused} A page in a sandbox has no name; and on plain http, Referrer-Policy: no-referrer hides that of your own pages too: use https, or Referrer-Policy: same-origin.${last}`
      : `A request from ${origin} ${refused} If that is a front end of yours, list it in \`csrf.trustedOrigins\`.${last}`;
  }
}
