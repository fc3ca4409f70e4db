import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { RefreshRefusal } from '../sessions/authenticator.js';
import type { Events } from '../events/events.js';
import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';
import { originOf } from './origin.js';
import { isWebSocket, sentHeaders, type SentHeaders } from './sent-headers.js';

/** The other origins that are treated like our own; `undefined` to treat all origins alike. */
export type CrossSiteSettings = { readonly trustedOrigins: ReadonlySet<string> } | undefined;

const SAFE_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/** The headers that tell where a request comes from and where it goes. A request with different values of one is cross-site. */
const DECISIVE = ['origin', 'sec-fetch-site', 'host', ':authority'];

/** The longest origin that events and log lines contain, in characters. A host name has at most 253. */
const MAX_ORIGIN_LENGTH = 300;

/**
 * Detects requests that another site triggered in the user's browser. It follows `CrossOriginProtection` of Go's net/http: `Sec-Fetch-Site`
 * decides, or `Origin` in browsers that do not send it. Only tokens that browsers attach by themselves need this check. It reads only the
 * headers that the client sent, because frameworks and payloads may add to `request.headers`.
 */
export class CrossSiteCheck {
  /** @param settings `undefined` to accept requests of all origins */
  constructor(
    private readonly settings: CrossSiteSettings,
    private readonly events: Events,
  ) {}

  /**
   * Accepts a request if it is not cross-site, or if its method is safe.
   *
   * @returns `undefined` if the token may be refreshed; otherwise the origin of the request and how it was recognized, because another site
   *   must not decide when a token is refreshed
   * @throws RefreshAuthError `request_cross_site`
   */
  admit(request: HttpRequest): RefreshRefusal | undefined {
    const raw = rawRequest(request);
    const sent = sentHeaders(raw);
    const foreign = this.#findForeign(sent);
    if (!foreign) return undefined;
    if (!sent || !isSafe(raw, sent)) return this.#refuse(foreign);
    return isTopLevelNavigation(raw, sent) || this.#isReferredByTrusted(sent) ? undefined : foreign;
  }

  /**
   * Refuses a cross-site request with any method, safe ones included.
   *
   * @throws RefreshAuthError `request_cross_site`
   */
  refuseForeign(request: HttpRequest): void {
    const foreign = this.#findForeign(sentHeaders(rawRequest(request)));
    if (foreign) this.#refuse(foreign);
  }

  /** Returns true if a request is cross-site and is not a link that the user followed. */
  isForeign(request: HttpRequest): boolean {
    const raw = rawRequest(request);
    const sent = sentHeaders(raw);
    return this.#findForeign(sent) !== undefined && !(sent && isSafe(raw, sent) && isTopLevelNavigation(raw, sent));
  }

  #findForeign(sent: SentHeaders | undefined): RefreshRefusal | undefined {
    if (!this.settings) return undefined;
    if (!sent) return { origin: 'null', detail: 'the headers that the client sent are not known' };
    const detail = this.#recognize(sent, this.settings.trustedOrigins);
    return detail === undefined ? undefined : { origin: reportedOrigin(sent), detail };
  }

  /** Returns how a request of an untrusted origin was recognized; `undefined` if it is not cross-site. */
  #recognize(sent: SentHeaders, trusted: ReadonlySet<string>): string | undefined {
    if (sent.all('authorization').some(isBearer)) return undefined;
    const repeated = DECISIVE.find((name) => sent.all(name).length > 1);
    if (repeated !== undefined) return `by different values of its header ${repeated}`;
    const origin = sent.only('origin');
    if (origin && trusted.has(origin)) return undefined;
    const site = sent.only('sec-fetch-site');
    if (site) return site === 'same-origin' || site === 'none' ? undefined : 'by its header Sec-Fetch-Site';
    // Without either header, the request comes from a program, an old browser or a navigation.
    if (!origin) return undefined;
    const host = hostOf(origin);
    return host !== undefined && host === (sent.only(':authority') ?? sent.only('host'))
      ? undefined
      : 'by its header Origin';
  }

  /** Returns true if a request without `Origin` names a trusted page in `Referer`. Browsers send no `Origin` for pictures, videos and frames. */
  #isReferredByTrusted(sent: SentHeaders): boolean {
    const origin = sent.all('origin').some((value) => value !== '') ? undefined : originOf(sent.only('referer') ?? '');
    return origin !== undefined && this.settings?.trustedOrigins.has(origin) === true;
  }

  #refuse({ detail, origin }: RefreshRefusal): never {
    const error = new RefreshAuthError('request_cross_site', detail, origin);
    this.events.rejected(error);
    throw error;
  }
}

/** Returns true for a Bearer header. Another site can make a browser send one only if CORS allows it. */
function isBearer(authorization: string): boolean {
  return /^bearer(?: |$)/i.test(authorization);
}

/**
 * Returns true if every method that the request is known to have had is safe. Middleware may replace the method after the framework chose
 * the handler. HTTP/2 keeps the original in `:method`, and the middleware method-override in `originalMethod`.
 */
function isSafe(raw: RawRequest & { readonly originalMethod?: string }, sent: SentHeaders): boolean {
  const methods = [raw.method, raw.originalMethod ?? raw.method, ...sent.all(':method')];
  // A WebSocket is opened with GET, but then carries any message that the page sends.
  return methods.every((method) => SAFE_METHODS.includes(method)) && !sent.all('upgrade').some(isWebSocket);
}

/** Returns true if the user followed a link and the tab shows the response. False for frames and for requests of scripts. */
function isTopLevelNavigation({ method }: RawRequest, sent: SentHeaders): boolean {
  return method === 'GET' && sent.only('sec-fetch-mode') === 'navigate' && sent.only('sec-fetch-dest') === 'document';
}

/** Returns the host of an origin; `undefined` for `null`, which browsers send if they hide the origin. */
function hostOf(origin: string): string | undefined {
  return /^[a-z][a-z\d+.-]*:\/\/([^/?#]+)/i.exec(origin)?.[1];
}

/** Returns the origin for events and logs, or `'null'`. The client chooses the headers, so only a well-formed origin is reported. */
function reportedOrigin(sent: SentHeaders): string {
  const given = sent.only('origin') || sent.only('referer') || '';
  const origin = originOf(given);
  return origin === undefined || origin.length > MAX_ORIGIN_LENGTH ? 'null' : origin;
}
