import onHeaders from 'on-headers';
import type { ServerResponse } from 'node:http';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Authenticator } from '../sessions/authenticator.js';
import type { Events } from '../events/events.js';
import type { Revocations } from '../revocation/revocations.js';
import type { ReusePolicy } from '../sessions/rotation.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import { ROOM_TO_GROW } from '../tokens/compact.js';
import type { TokenTimes } from '../tokens/token-times.js';

import { CookieLines } from './cookie-lines.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { ErrorAnswers } from './error-answers.js';
import {
  appendCookies,
  appendToList,
  type HttpResponse,
  isGone,
  type RawResponse,
  rawResponse,
  replaceCookies,
  setHeader,
} from './http-message.js';
import { LatestUnderway } from './latest-underway.js';
import { cookieBytes, HeaderSizeWarning, headerValue, MAX_COOKIE_BYTES } from './token-size.js';

/** Something to deliver with one response: a token, or the removal of the cookie. */
interface Due {
  /** The token; `undefined` to remove the cookie. */
  readonly issued: IssuedToken | undefined;
  /** The token that the client presented; `undefined` at a sign-in. */
  readonly presented: string | undefined;
  /** The time at which the delivery was scheduled, in milliseconds on the monotonic clock. */
  readonly since: number;
}

/** A response for which something is due. */
interface PendingResponse {
  due: Due;
  /** The value that was written to the header before the headers were sent. */
  header: string | undefined;
  /** The `Set-Cookie` lines that were written before the headers were sent. */
  lines: readonly string[];
  /** The claims with which the response is counted in `LatestUnderway`. */
  counted: TokenClaims | undefined;
}

/**
 * Writes tokens to responses. It does so at the moment the headers are sent, so that every kind of response carries the token, no matter which
 * code ends it. Until then the token can be replaced or withdrawn. A response carries at most one token.
 */
export class Delivery {
  readonly #pending = new WeakMap<RawResponse, PendingResponse>();
  readonly #underway = new LatestUnderway();
  readonly #sizeWarning: HeaderSizeWarning;
  readonly #cookie: CookieLines | undefined;

  constructor(
    private readonly settings: {
      readonly name?: string | undefined;
      readonly delivery: DeliverySettings;
      readonly reuseDetection: ReusePolicy;
    },
    private readonly sessions: {
      readonly revocations: Pick<Revocations, 'ends'>;
      readonly authenticator: Pick<Authenticator, 'liveSession' | 'mayBeLegacy'>;
    },
    private readonly answers: ErrorAnswers,
    private readonly events: Events,
    private readonly times: TokenTimes,
  ) {
    const { cookie } = settings.delivery;
    this.#cookie = cookie && new CookieLines(cookie);
    this.#sizeWarning = new HeaderSizeWarning(settings.delivery, settings.name);
  }

  /** The number of sessions with responses in progress that are going to carry a token. */
  get sessionsUnderway(): number {
    return this.#underway.size;
  }

  /**
   * Schedules a token for this response and replaces anything scheduled before. Sets the header at once, so that handlers see it.
   *
   * @param presented the token that the client presented; left out at a sign-in
   */
  deliver(response: HttpResponse, issued: IssuedToken, presented?: string): void {
    const pending = this.#schedule(response, issued, presented);
    if (pending) this.#showHeader(response, pending, issued);
  }

  /** Schedules a token for this response unless something is scheduled already. Does not set the header at once: no handler waits for it. */
  offer(response: HttpResponse, issued: IssuedToken, presented: string): void {
    if (!this.#pending.has(rawResponse(response))) this.#schedule(response, issued, presented);
  }

  /** Schedules the removal of the cookie, for a sign-out, and replaces anything scheduled before. */
  clear(response: HttpResponse): void {
    this.#schedule(response, undefined, undefined);
  }

  /** Writes what is due now, so that interceptors see it. It is checked again when the headers are sent. */
  write(response: HttpResponse): void {
    const raw = rawResponse(response);
    const pending = this.#pending.get(raw);
    // Written once, because the interceptor calls this for each value that a stream emits.
    if (!pending || pending.lines.length > 0 || raw.headersSent) return;
    const issued = this.#deliverable(pending.due);
    this.#showHeader(response, pending, issued);
    pending.lines = this.#cookieLines(pending.due, issued);
    if (pending.lines.length > 0) appendCookies(response, pending.lines);
  }

  /**
   * Checks that the first token of a session, and all its successors, fit into a cookie.
   *
   * @throws RangeError if they do not
   */
  checkSize({ token }: IssuedToken): void {
    const { cookie } = this.settings.delivery;
    const size = cookie ? cookieBytes(cookie.name, token) : 0;
    const most = MAX_COOKIE_BYTES - ROOM_TO_GROW;
    if (size > most) {
      throw new RangeError(
        `The token makes a cookie of ${size} bytes, more than the limit of ${most}. Browsers keep at most ${MAX_COOKIE_BYTES}, and tokens grow by a few bytes when they are refreshed. Sign fewer claims, or set delivery.cookie to false`,
      );
    }
  }

  /** @returns `undefined` if the headers have been sent or the client has closed the connection */
  #schedule(
    response: HttpResponse,
    issued: IssuedToken | undefined,
    presented: string | undefined,
  ): PendingResponse | undefined {
    const raw = rawResponse(response);
    if (raw.headersSent || isGone(raw)) return undefined;
    const pending = this.#pending.get(raw) ?? this.#begin(raw);
    pending.due = { issued, presented, since: this.times.clock.monotonic() };
    this.#count(pending, issued?.claims);
    return pending;
  }

  #begin(raw: RawResponse): PendingResponse {
    const pending: PendingResponse = { due: NOTHING, header: undefined, lines: [], counted: undefined };
    this.#pending.set(raw, pending);
    onHeaders(raw as ServerResponse, () => this.#settle(raw, pending));
    // For a client that disconnects before the headers are sent. Some AWS Lambda adapters never emit `close`, but they have no such clients.
    raw.once('close', () => this.#count(pending, undefined));
    return pending;
  }

  /** Counts a response as in progress for the session whose token it is going to carry, and for no other. */
  #count(pending: PendingResponse, claims: TokenClaims | undefined): void {
    if (pending.counted) this.#underway.remove(pending.counted);
    pending.counted = claims;
    if (claims) this.#underway.add(claims);
  }

  #showHeader(response: HttpResponse, pending: PendingResponse, issued: IssuedToken | undefined): void {
    const { header } = this.settings.delivery;
    if (!issued || !header) return;
    pending.header = headerValue(header, issued.token);
    setHeader(response, header.name, pending.header);
  }

  /** Runs just before the headers are sent. Replaces what was written earlier by what can still be delivered. */
  #settle(raw: RawResponse, pending: PendingResponse): void {
    const { due, header, lines } = pending;
    const issued = this.#deliverable(due);
    const cookies = this.#cookieLines(due, issued);
    this.#writeHeader(raw, header, issued);
    replaceCookies(raw, lines, cookies);
    if (issued) {
      this.#reportSize(issued, cookies);
      forbidCaching(raw);
    }
    if (due.issued && due.presented === undefined) this.#refuseIfEnded(raw, due.issued);
    this.#count(pending, undefined);
  }

  /**
   * Returns the token that is due; `undefined` if meanwhile its session has ended, it can no longer be refreshed, or another response carries
   * a newer one. An expired token is delivered, because the client can still refresh it.
   */
  #deliverable(due: Due): IssuedToken | undefined {
    const { issued } = due;
    if (!issued || this.sessions.revocations.ends(issued.claims) || !this.#underway.isLatest(issued.claims)) return;
    const state = this.times.state(issued.claims);
    const canBeRefreshed = state === 'valid' || state === 'expired';
    return canBeRefreshed && !this.#isOvertaken(due) ? issued : undefined;
  }

  /**
   * Returns true if a response under reuse detection comes later than the grace and the client can still refresh the token that it presented.
   * A newer token may have superseded the one in this response, and its next use would then look like theft.
   */
  #isOvertaken({ presented, since }: Due): boolean {
    const { reuseDetection } = this.settings;
    if (!reuseDetection || presented === undefined) return false;
    if (this.times.clock.monotonic() - since <= reuseDetection.grace) return false;
    const { authenticator } = this.sessions;
    return authenticator.liveSession(presented) !== undefined || authenticator.mayBeLegacy(presented);
  }

  /** Turns a sign-in into 401 if its session has ended meanwhile. It must not look like a success without a token. */
  #refuseIfEnded(raw: RawResponse, { claims }: IssuedToken): void {
    if (!this.sessions.revocations.ends(claims) || raw.statusCode >= 300) return;
    const ended = new RefreshAuthError('session_revoked');
    raw.statusCode = ended.statusCode;
    this.answers.addHeaders(ended, raw);
  }

  /** @param shown the value that was written before. Any other value comes from other code, such as another module, and is not removed */
  #writeHeader(raw: RawResponse, shown: string | undefined, issued: IssuedToken | undefined): void {
    const { header } = this.settings.delivery;
    if (!header) return;
    if (!issued) {
      if (shown !== undefined && raw.getHeader(header.name) === shown) raw.removeHeader(header.name);
      return;
    }
    const value = headerValue(header, issued.token);
    // The value is usually set already. Setting it again would make Node.js check every character again.
    if (raw.getHeader(header.name) !== value) raw.setHeader(header.name, value);
    // Scripts of other origins see only the headers listed here. The wildcard has no effect with credentials (Fetch, CORS protocol).
    appendToList(raw, 'Access-Control-Expose-Headers', header.name);
  }

  /** @param issued the token that is due, if it can be delivered */
  #cookieLines(due: Due, issued: IssuedToken | undefined): readonly string[] {
    const { cookie } = this.settings.delivery;
    if (!this.#cookie || !cookie) return [];
    if (!due.issued) return this.#cookie.removing();
    if (!issued || cookieBytes(cookie.name, issued.token) > MAX_COOKIE_BYTES) return [];
    const left = this.times.of(issued.claims).refreshExp - Math.ceil(this.times.now / 1000);
    return this.#cookie.carrying(issued.token, left);
  }

  #reportSize({ token, claims }: IssuedToken, cookies: readonly string[]): void {
    this.#sizeWarning.check(token, cookies);
    if (!this.#cookie || cookies.length > 0) return;
    this.events.emit('token-too-large', { ...this.events.generation(claims), bytes: token.length });
  }
}

const NOTHING: Due = { issued: undefined, presented: undefined, since: 0 };

/**
 * Headers that some caches obey instead of `Cache-Control`: targeted fields, which RFC 9213 section 2 recognizes by their suffix
 * (`CDN-Cache-Control`, `Cloudflare-CDN-Cache-Control` and so on), and older ones (Fastly and Akamai, nginx).
 */
const CACHE_OVERRIDES = /-cache-control$|^(surrogate-control|edge-control|x-accel-expires)$/i;

/**
 * Keeps a response out of every cache, no matter what the handler set. A cache would hand one user's token to another (RFC 9111 section 7.3).
 */
export function forbidCaching(raw: RawResponse): void {
  for (const name of raw.getHeaderNames()) {
    if (CACHE_OVERRIDES.test(name)) raw.removeHeader(name);
  }
  // `no-transform` does not concern caches. Without it, compression would hold back the events of a stream.
  const keepsForm = [raw.getHeader('Cache-Control')].flat().some((value) => /\bno-transform\b/i.test(String(value)));
  raw.setHeader('Cache-Control', `private, no-store${keepsForm ? ', no-transform' : ''}`);
}
