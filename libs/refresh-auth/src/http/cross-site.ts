import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { RefreshRefusal } from '../sessions/authenticator.js';
import type { Events } from '../events/events.js';
import { type HttpRequest, rawRequest, type RawRequest } from './http-message.js';
import { originOf } from './origin.js';
import { isWebSocket, sentHeaders, type SentHeaders } from './sent-headers.js';

/** Which other origins may do what this one may; `undefined`: requests of all origins are alike. */
export type CrossSiteSettings = { readonly trustedOrigins: ReadonlySet<string> } | undefined;

const SAFE_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/** The headers that tell where a request comes from, and where it goes. */
const DECISIVE = ['origin', 'sec-fetch-site', 'host', ':authority'];

/** Of an origin in an event or a log line: a host name has at most 253. */
const MOST_CHARACTERS = 300;

/**
 * Recognizes requests that a page of another origin made a browser send, by the rules of `CrossOriginProtection` in Go's net/http: by
 * `Sec-Fetch-Site`, and by `Origin` in browsers that do not send it. Asked only about tokens that browsers add by themselves. It reads what
 * the client itself sent, and nothing that anybody else may have added to the request.
 */
export class CrossSiteCheck {
  /** @param settings `undefined`: requests of all origins are alike */
  constructor(
    private readonly settings: CrossSiteSettings,
    private readonly events: Events,
  ) {}

  /**
   * Lets a request pass that changes nothing, or comes from an origin that may change something.
   *
   * @returns `undefined` if its token may be refreshed; otherwise whose request it is: other sites' pages, pictures and scripts do not
   *   decide when that happens
   * @throws RefreshAuthError `request_cross_site`
   */
  admit(request: HttpRequest): RefreshRefusal | undefined {
    const raw = rawRequest(request);
    const sent = sentHeaders(raw);
    const foreign = this.#foreign(sent);
    if (!foreign) return undefined;
    if (!sent || !isSafe(raw, sent)) throw this.#refused(foreign);
    return isTopLevelNavigation(raw, sent) || this.#isReferredByTrusted(sent) ? undefined : foreign;
  }

  /**
   * Refuses a request of another origin, whatever its method.
   *
   * @throws RefreshAuthError `request_cross_site`
   */
  refuseForeign(request: HttpRequest): void {
    const foreign = this.#foreign(sentHeaders(rawRequest(request)));
    if (foreign) throw this.#refused(foreign);
  }

  /** True if another site decided what the request does: it is neither a link that the user followed, nor from an origin that may. */
  isForeign(request: HttpRequest): boolean {
    const raw = rawRequest(request);
    const sent = sentHeaders(raw);
    return this.#foreign(sent) !== undefined && !(sent && isSafe(raw, sent) && isTopLevelNavigation(raw, sent));
  }

  #foreign(sent: SentHeaders | undefined): RefreshRefusal | undefined {
    if (!this.settings) return undefined;
    if (!sent) return { origin: 'null', detail: 'the headers that the client sent are not known' };
    const detail = this.#sign(sent, this.settings.trustedOrigins);
    return detail === undefined ? undefined : { origin: nameOf(sent), detail };
  }

  /** The sign by which another origin, that is not trusted, is recognized. */
  #sign(sent: SentHeaders, trusted: ReadonlySet<string>): string | undefined {
    if (sent.all('authorization').some(isBearer)) return undefined;
    const repeated = DECISIVE.find((name) => sent.all(name).length > 1);
    if (repeated !== undefined) return `by different values of its header ${repeated}`;
    const origin = sent.only('origin');
    if (origin && trusted.has(origin)) return undefined;
    const site = sent.only('sec-fetch-site');
    if (site) return site === 'same-origin' || site === 'none' ? undefined : 'by its header Sec-Fetch-Site';
    // Neither header: not a browser of this decade, or one that navigates.
    if (!origin) return undefined;
    const host = hostOf(origin);
    return host !== undefined && host === (sent.only(':authority') ?? sent.only('host'))
      ? undefined
      : 'by its header Origin';
  }

  /** Pictures, videos and frames of a page come without `Origin`. */
  #isReferredByTrusted(sent: SentHeaders): boolean {
    const origin = sent.all('origin').some((value) => value !== '') ? undefined : originOf(sent.only('referer') ?? '');
    return origin !== undefined && this.settings?.trustedOrigins.has(origin) === true;
  }

  #refused({ detail, origin }: RefreshRefusal): RefreshAuthError {
    const error = new RefreshAuthError('request_cross_site', detail, origin);
    this.events.refused(error);
    return error;
  }
}

/** No page can make a browser send one, unless CORS lets it. */
function isBearer(authorization: string): boolean {
  return /^bearer(?: |$)/i.test(authorization);
}

/**
 * By every method that the request is known to have had: middleware may exchange it, and a framework have chosen the handler before. HTTP/2
 * keeps the client's among the headers, and the middleware method-override in `originalMethod`.
 */
function isSafe(raw: RawRequest & { readonly originalMethod?: string }, sent: SentHeaders): boolean {
  const methods = [raw.method, raw.originalMethod ?? raw.method, ...sent.all(':method')];
  // A WebSocket is opened with GET, and then carries whatever the page wants.
  return methods.every((method) => SAFE_METHODS.includes(method)) && !sent.all('upgrade').some(isWebSocket);
}

/** A link that the user followed, in a tab that shows what we answer: not a frame, and not a request of a script. */
function isTopLevelNavigation({ method }: RawRequest, sent: SentHeaders): boolean {
  return method === 'GET' && sent.only('sec-fetch-mode') === 'navigate' && sent.only('sec-fetch-dest') === 'document';
}

/** `undefined` for `null`, the origin of whom the browser does not want to name. */
function hostOf(origin: string): string | undefined {
  return /^[a-z][a-z\d+.-]*:\/\/([^/?#]+)/i.exec(origin)?.[1];
}

/** Nothing but an origin, which holds only printable ASCII: whoever sends requests decides what stands there. */
function nameOf(sent: SentHeaders): string {
  const given = sent.only('origin') || sent.only('referer') || '';
  const origin = originOf(given);
  return origin === undefined || origin.length > MOST_CHARACTERS ? 'null' : origin;
}
