import type { RefreshAuthError } from '../errors/refresh-auth-error.js';

/** Bounds memory and logs, because clients choose the origins that they send. */
const MAX_ORIGINS = 100;

/** Builds the warnings about origins whose requests were refused: one for each origin, and none after 100. */
export class OriginWarnings {
  readonly #named = new Set<string>();

  /** Returns the line to log; `undefined` if the error has no origin, or if a line about this origin was logged before. */
  about({ code, detail, origin }: Pick<RefreshAuthError, 'code' | 'detail' | 'origin'>): string | undefined {
    if (origin === undefined || this.#named.has(origin) || this.#named.size === MAX_ORIGINS) return undefined;
    this.#named.add(origin);
    const last = this.#named.size === MAX_ORIGINS ? ' Further origins are not logged.' : '';
    const refused = `was refused: ${code} (${detail}).`;
    return origin === 'null'
      ? `A request from an origin that the browser did not name ${refused} Browsers hide the origin of sandboxed pages and, on plain http, that of all pages with Referrer-Policy: no-referrer. If the page is yours, use https, or Referrer-Policy: same-origin.${last}`
      : `A request from ${origin} ${refused} If that is your front end, list it in \`csrf.trustedOrigins\`.${last}`;
  }
}
