import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Events } from '../sessions/events.js';
import type { CrossSiteSettings } from './cross-site-options.js';
import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';

const SAFE_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Tells requests that a page of another origin made a browser send, by the rules of `CrossOriginProtection` in Go's net/http: by
 * `Sec-Fetch-Site`, and by `Origin` in browsers that do not send it. Asked only where the token is one that browsers add by themselves.
 */
export class CrossSiteCheck {
  constructor(
    private readonly settings: CrossSiteSettings,
    private readonly events: Events,
  ) {}

  /**
   * Lets a request pass that changes nothing, or comes from an origin that may change something.
   *
   * @returns whether its token may be renewed: other sites' pages, pictures and scripts do not decide when that happens
   * @throws RefreshAuthError `request_cross_site`
   */
  admit(request: HttpRequest): boolean {
    const raw = rawRequest(request);
    const foreign = this.#foreign(raw);
    if (foreign === undefined) return true;
    if (!isSafe(raw)) throw this.#refused(foreign);
    return isTopLevelNavigation(raw);
  }

  /**
   * Refuses a request of another origin, whatever its method.
   *
   * @throws RefreshAuthError `request_cross_site`
   */
  refuseForeign(request: HttpRequest): void {
    const foreign = this.#foreign(rawRequest(request));
    if (foreign !== undefined) throw this.#refused(foreign);
  }

  /** Whether what the request does is the doing of another site: neither a link that the user followed, nor an origin that may. */
  isForeign(request: HttpRequest): boolean {
    const raw = rawRequest(request);
    return this.#foreign(raw) !== undefined && !isTopLevelNavigation(raw);
  }

  /** By which header another origin, that is not trusted, is recognized. */
  #foreign({ headers }: RawRequest): string | undefined {
    if (!this.settings) return undefined;
    const { origin } = headers;
    if (origin && this.settings.trustedOrigins.has(origin)) return undefined;
    const site = headers['sec-fetch-site'];
    if (site) return site === 'same-origin' || site === 'none' ? undefined : 'Sec-Fetch-Site';
    // Neither header: not a browser of this decade, or one that navigates.
    if (!origin) return undefined;
    const host = hostOf(origin);
    return host !== undefined && host === (headers[':authority'] ?? headers.host) ? undefined : 'Origin';
  }

  #refused(header: string): RefreshAuthError {
    const error = new RefreshAuthError('request_cross_site', `by its header ${header}`);
    this.events.emit('token-refused', { code: error.code, detail: `by its header ${header}` });
    return error;
  }
}

/** A WebSocket is opened with GET, and then carries whatever the page wants. */
function isSafe({ method, headers }: RawRequest): boolean {
  return SAFE_METHODS.includes(method) && !/\bwebsocket\b/i.test(headers.upgrade ?? '');
}

/** A link that the user followed, in a tab that shows what we answer: not a frame, and not a request of a script. */
function isTopLevelNavigation({ method, headers }: RawRequest): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** `undefined` for `null`, the origin of whom the browser does not want to name. */
function hostOf(origin: string): string | undefined {
  return /^[a-z][a-z\d+.-]*:\/\/([^/?#]+)/i.exec(origin)?.[1];
}
