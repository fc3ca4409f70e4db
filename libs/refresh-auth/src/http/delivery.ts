import { stringifySetCookie } from 'cookie';
import onHeaders from 'on-headers';
import type { ServerResponse } from 'node:http';
import type { Events } from '../sessions/events.js';
import type { Revocations } from '../sessions/revocations.js';
import type { IssuedToken } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { effectiveTimes, type Lifetimes, timeState } from '../tokens/lifetimes.js';
import { forbidCaching } from './caching.js';
import type { DeliverySettings } from './delivery-options.js';
import { appendToList, type HttpResponse, isGone, type RawResponse, rawResponse, setHeader } from './http-message.js';
import { NewestUnderway } from './newest-underway.js';
import { cookieBytes, MOST_COOKIE_BYTES } from './token-size.js';

/** RFC 6265bis section 5.5: user agents cut longer lifetimes to 400 days. */
const LONGEST_MAX_AGE = 400 * 24 * 60 * 60;

/**
 * Writes tokens to responses. What is due is written at the moment the headers go out, so that it arrives whatever kind of
 * response it is and whoever ends it; until then it can be replaced or withdrawn. A response carries at most one token.
 */
export class Delivery {
  /** What is due, by raw response: a token, or `null` for the removal of the cookie. */
  readonly #due = new WeakMap<RawResponse, IssuedToken | null>();
  readonly #underway = new NewestUnderway();
  /** Of the cookie, as they stand behind its value and lifetime: the same for all. */
  readonly #attributes: string;

  constructor(
    private readonly settings: DeliverySettings,
    private readonly revocations: Revocations,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly lifetimes: Lifetimes,
  ) {
    const { cookie } = settings;
    this.#attributes = cookie ? stringifySetCookie({ ...cookie, value: '' }).slice(`${cookie.name}=`.length) : '';
  }

  /** A token is to go out with this response, and nothing else that was due. */
  deliver(response: HttpResponse, issued: IssuedToken): void {
    this.#schedule(response, issued);
    this.show(response);
  }

  /** A token is to go out with this response if nothing else is: it is no longer waited for. */
  offer(response: HttpResponse, issued: IssuedToken): void {
    if (!this.#due.has(rawResponse(response))) this.#schedule(response, issued);
  }

  /** Shows handlers the header that will go out, if a token is due. */
  show(response: HttpResponse): void {
    const issued = this.#due.get(rawResponse(response));
    const { header } = this.settings;
    if (issued && header) setHeader(response, header.name, headerValue(header.scheme, issued.token));
  }

  /** @throws RangeError when the token does not fit into a cookie */
  checkSize({ token }: IssuedToken): void {
    const { cookie } = this.settings;
    const size = cookie ? cookieBytes(cookie.name, token) : 0;
    if (size > MOST_COOKIE_BYTES) {
      throw new RangeError(
        `The token makes a cookie of ${size} bytes, but browsers keep at most ${MOST_COOKIE_BYTES}: sign fewer claims, or set delivery.cookie to false`,
      );
    }
  }

  /** A sign-out: the cookie is removed, and nothing that was due goes out. */
  clear(response: HttpResponse): void {
    this.#schedule(response, null);
  }

  #schedule(response: HttpResponse, due: IssuedToken | null): void {
    const raw = rawResponse(response);
    // Too late, or nobody is there any more.
    if (raw.headersSent || isGone(raw)) return;
    if (!this.#due.has(raw)) onHeaders(raw as ServerResponse, () => this.#write(raw));
    this.#due.set(raw, due);
    if (due) this.#underway.add(raw, due);
  }

  /** Last moment before the headers go out. */
  #write(raw: RawResponse): void {
    const due = this.#due.get(raw);
    const issued = due && this.#isStillGood(due) ? due : undefined;
    this.#writeHeader(raw, issued);
    if (due === null) this.#appendCookie(raw, '', 0);
    if (!issued) return;
    this.#writeCookie(raw, issued);
    forbidCaching(raw);
  }

  /** While this response was made, the session may have ended, a slow handler have outlived the token, or another one overtaken it. */
  #isStillGood(issued: IssuedToken): boolean {
    const { claims } = issued;
    return (
      !this.revocations.ends(claims) &&
      timeState(claims, this.clock.now(), this.lifetimes) === 'valid' &&
      this.#underway.isNewest(issued)
    );
  }

  /** Instead of what was shown to the handler, which may be something that was due earlier. */
  #writeHeader(raw: RawResponse, issued: IssuedToken | undefined): void {
    const { header } = this.settings;
    if (!header) return;
    if (!issued) return raw.removeHeader(header.name);
    const value = headerValue(header.scheme, issued.token);
    // Mostly it stands there already, and is not to be checked character by character once more.
    if (raw.getHeader(header.name) !== value) raw.setHeader(header.name, value);
    // Scripts of other origins see only headers that are named here; the wildcard does not count with credentials (Fetch, CORS protocol).
    appendToList(raw, 'Access-Control-Expose-Headers', header.name);
  }

  #writeCookie(raw: RawResponse, { token, claims }: IssuedToken): void {
    const { cookie } = this.settings;
    if (cookie && cookieBytes(cookie.name, token) > MOST_COOKIE_BYTES) {
      this.events.emit('token-too-large', { ...this.events.generation(claims), bytes: token.length });
    } else {
      const left = effectiveTimes(claims, this.lifetimes).refreshExp - Math.ceil(this.clock.now() / 1000);
      this.#appendCookie(raw, token, Math.min(left, LONGEST_MAX_AGE));
    }
  }

  #appendCookie(raw: RawResponse, value: string, maxAge: number): void {
    const { cookie } = this.settings;
    if (!cookie) return;
    const line = `${cookie.name}=${value}; Max-Age=${maxAge}${this.#attributes}`;
    raw.setHeader('Set-Cookie', [...setCookies(raw), line]);
  }
}

function setCookies(raw: RawResponse): string[] {
  return [raw.getHeader('Set-Cookie') ?? []].flat() as string[];
}

function headerValue(scheme: string, token: string): string {
  return scheme === '' ? token : `${scheme} ${token}`;
}
