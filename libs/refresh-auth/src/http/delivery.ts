import onHeaders from 'on-headers';
import type { ServerResponse } from 'node:http';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Authenticator } from '../sessions/authenticator.js';
import type { Events } from '../events/events.js';
import type { Revocations } from '../revocation/revocations.js';
import type { ReusePolicy } from '../sessions/rotation.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { ROOM_TO_GROW } from '../tokens/compact.js';
import { effectiveTimes, type Lifetimes, timeState } from '../tokens/lifetimes.js';
import { forbidCaching } from './caching.js';
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
import { cookieBytes, HeaderSizeWarning, MOST_COOKIE_BYTES } from './token-size.js';

/** The token that one response is to carry, or the removal of the cookie. */
interface Due {
  /** `undefined`: no token; the cookie is removed. */
  readonly issued: IssuedToken | undefined;
  /** The token that the client presented for it; `undefined` at a sign-in. */
  readonly presented: string | undefined;
  /** When it became due, in milliseconds on the library's clock. */
  readonly since: number;
}

/** A response, from the moment at which something became due. */
interface Exchange {
  due: Due;
  /** The value of the header that was written before the headers went out. */
  header: string | undefined;
  /** The `Set-Cookie` lines that were written before the headers went out. */
  lines: readonly string[];
  /** The generation for which it counts as under way. */
  counted: TokenClaims | undefined;
}

/**
 * Writes tokens to responses. A token that is due is written when the headers go out, so that it arrives with any kind of response, whoever
 * ends it. Until then it can be replaced or withdrawn. A response carries at most one token.
 */
export class Delivery {
  readonly #exchanges = new WeakMap<RawResponse, Exchange>();
  readonly #underway = new LatestUnderway();
  readonly #sizeWarning: HeaderSizeWarning;
  readonly #cookie: CookieLines | undefined;

  constructor(
    private readonly settings: {
      readonly delivery: DeliverySettings;
      readonly lifetimes: Lifetimes;
      readonly reuseDetection: ReusePolicy;
    },
    private readonly sessions: {
      readonly revocations: Pick<Revocations, 'ends'>;
      readonly authenticator: Pick<Authenticator, 'liveSession'>;
    },
    private readonly answers: ErrorAnswers,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {
    const { cookie } = settings.delivery;
    this.#cookie = cookie && new CookieLines(cookie);
    this.#sizeWarning = new HeaderSizeWarning(settings.delivery);
  }

  /** How many sessions have responses under way that are to carry a token. */
  get sessionsUnderway(): number {
    return this.#underway.size;
  }

  /**
   * Makes a token due with this response, instead of whatever was due, and shows it to handlers in the header.
   *
   * @param presented the token that the client presented for it; left out at a sign-in
   */
  deliver(response: HttpResponse, issued: IssuedToken, presented?: string): void {
    const exchange = this.#schedule(response, issued, presented);
    if (exchange) this.#showHeader(response, exchange, issued);
  }

  /** Makes a token due with this response unless something is due already: no handler waits for it. */
  offer(response: HttpResponse, issued: IssuedToken, presented: string): void {
    if (!this.#exchanges.has(rawResponse(response))) this.#schedule(response, issued, presented);
  }

  /** Makes the removal of the cookie due, instead of whatever was due: a sign-out. */
  clear(response: HttpResponse): void {
    this.#schedule(response, undefined, undefined);
  }

  /** Writes what is due now, where interceptors see it. It is checked once more when the headers go out. */
  write(response: HttpResponse): void {
    const raw = rawResponse(response);
    const exchange = this.#exchanges.get(raw);
    // Once: an interceptor calls this for each of the values that a stream emits.
    if (!exchange || exchange.lines.length > 0 || raw.headersSent) return;
    const issued = this.#deliverable(exchange.due);
    this.#showHeader(response, exchange, issued);
    exchange.lines = this.#cookieLines(exchange.due, issued);
    if (exchange.lines.length > 0) appendCookies(response, exchange.lines);
  }

  /** @throws RangeError when the token, or one of its successors, does not fit into a cookie */
  checkSize({ token }: IssuedToken): void {
    const { cookie } = this.settings.delivery;
    const size = cookie ? cookieBytes(cookie.name, token) : 0;
    const most = MOST_COOKIE_BYTES - ROOM_TO_GROW;
    if (size > most) {
      throw new RangeError(
        `The token makes a cookie of ${size} bytes, of at most ${most}: tokens grow by a few bytes when they are refreshed, and browsers keep at most ${MOST_COOKIE_BYTES}. Sign fewer claims, or set delivery.cookie to false`,
      );
    }
  }

  /** @returns nothing if it is too late, or nobody is there any more */
  #schedule(
    response: HttpResponse,
    issued: IssuedToken | undefined,
    presented: string | undefined,
  ): Exchange | undefined {
    const raw = rawResponse(response);
    if (raw.headersSent || isGone(raw)) return undefined;
    const exchange = this.#exchanges.get(raw) ?? this.#begin(raw);
    exchange.due = { issued, presented, since: this.clock.now() };
    this.#count(exchange, issued?.claims);
    if (issued) this.#sizeWarning.look(issued);
    return exchange;
  }

  #begin(raw: RawResponse): Exchange {
    const exchange: Exchange = { due: NOTHING, header: undefined, lines: [], counted: undefined };
    this.#exchanges.set(raw, exchange);
    onHeaders(raw as ServerResponse, () => this.#settle(raw, exchange));
    // For a client that hangs up before the headers go out. Hosts whose responses never emit `close`, such as some of AWS Lambda, have none.
    raw.once('close', () => this.#count(exchange, undefined));
    return exchange;
  }

  /** Counts a response as under way for the session whose token it is to carry, and for no other. */
  #count(exchange: Exchange, claims: TokenClaims | undefined): void {
    if (exchange.counted) this.#underway.remove(exchange.counted);
    exchange.counted = claims;
    if (claims) this.#underway.add(claims);
  }

  #showHeader(response: HttpResponse, exchange: Exchange, issued: IssuedToken | undefined): void {
    const { header } = this.settings.delivery;
    if (!issued || !header) return;
    exchange.header = headerValue(header.scheme, issued.token);
    setHeader(response, header.name, exchange.header);
  }

  /** The last moment before the headers go out: whatever was written until now gives way to what can be delivered now. */
  #settle(raw: RawResponse, exchange: Exchange): void {
    const { due, header, lines } = exchange;
    const issued = this.#deliverable(due);
    this.#writeHeader(raw, header, issued);
    replaceCookies(raw, lines, this.#cookieLines(due, issued));
    if (issued) {
      this.#reportSize(issued);
      forbidCaching(raw);
    }
    if (due.issued && due.presented === undefined) this.#refuseIfEnded(raw, due.issued);
    this.#count(exchange, undefined);
  }

  /**
   * The token that is due, unless meanwhile its session has ended, it can no longer be refreshed, or another response carries a newer one.
   * That it has expired is no reason: the client can still refresh it.
   */
  #deliverable(due: Due): IssuedToken | undefined {
    const { issued } = due;
    if (!issued || this.sessions.revocations.ends(issued.claims) || !this.#underway.isLatest(issued.claims)) return;
    const state = timeState(issued.claims, this.clock.now(), this.settings.lifetimes);
    const canBeRefreshed = state === 'valid' || state === 'expired';
    return canBeRefreshed && !this.#isOvertaken(due) ? issued : undefined;
  }

  /**
   * Under reuse detection, a response that comes later than the grace may bring a token that something newer has superseded: its next use
   * would look like theft. The client goes on with the token that it presented, as long as that can be refreshed.
   */
  #isOvertaken({ presented, since }: Due): boolean {
    const { reuseDetection } = this.settings;
    if (!reuseDetection || presented === undefined || this.clock.now() - since <= reuseDetection.grace) return false;
    return this.sessions.authenticator.liveSession(presented) !== undefined;
  }

  /** A sign-in whose session has ended before its answer went out must not look like a success without a token. */
  #refuseIfEnded(raw: RawResponse, { claims }: IssuedToken): void {
    if (!this.sessions.revocations.ends(claims) || raw.statusCode >= 300) return;
    const ended = new RefreshAuthError('session_revoked');
    raw.statusCode = ended.statusCode;
    this.answers.addHeaders(ended, raw);
  }

  /** @param shown what was written before; anything else in its place was written by somebody else, another module perhaps */
  #writeHeader(raw: RawResponse, shown: string | undefined, issued: IssuedToken | undefined): void {
    const { header } = this.settings.delivery;
    if (!header) return;
    if (!issued) {
      if (shown !== undefined && raw.getHeader(header.name) === shown) raw.removeHeader(header.name);
      return;
    }
    const value = headerValue(header.scheme, issued.token);
    // Mostly it stands there already, and is not to be checked character by character once more.
    if (raw.getHeader(header.name) !== value) raw.setHeader(header.name, value);
    // Scripts of other origins see only headers that are named here; the wildcard does not count with credentials (Fetch, CORS protocol).
    appendToList(raw, 'Access-Control-Expose-Headers', header.name);
  }

  /** @param issued the token that is due, if it can be delivered */
  #cookieLines(due: Due, issued: IssuedToken | undefined): readonly string[] {
    if (!this.#cookie) return [];
    if (!due.issued) return this.#cookie.removing();
    if (!issued || !this.#fits(issued)) return [];
    const left = effectiveTimes(issued.claims, this.settings.lifetimes).refreshExp - Math.ceil(this.clock.now() / 1000);
    return this.#cookie.carrying(issued.token, left);
  }

  #fits({ token }: IssuedToken): boolean {
    const { cookie } = this.settings.delivery;
    return !cookie || cookieBytes(cookie.name, token) <= MOST_COOKIE_BYTES;
  }

  #reportSize(issued: IssuedToken): void {
    if (this.#fits(issued)) return;
    this.events.emit('token-too-large', { ...this.events.generation(issued.claims), bytes: issued.token.length });
  }
}

const NOTHING: Due = { issued: undefined, presented: undefined, since: 0 };

function headerValue(scheme: string, token: string): string {
  return scheme === '' ? token : `${scheme} ${token}`;
}
