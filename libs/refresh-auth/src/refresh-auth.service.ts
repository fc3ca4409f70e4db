import { Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { RefreshAuthError } from './errors/refresh-auth-error.js';
import { withoutStack } from './contexts/graphql-transport.js';
import { ownNotes } from './contexts/request-notes.js';
import { type HttpRequest, type HttpResponse, rawRequest, rawResponse, requestOf } from './http/http-message.js';
import { CORE, InjectCore } from './injected-core.js';
import type { RefreshAuthCore } from './refresh-auth.core.js';
import { OptionReader } from './options/option-reader.js';
import type { Authentication, Inspection } from './sessions/authenticator.js';
import type { RefreshAuthEvent } from './events/events.js';
import { type IssueOptions, readIssueOptions } from './options/issue-options.js';
import type { SessionInfo } from './sessions/tracked-sessions.js';
import {
  assertTokenClaims,
  type IssuedToken,
  type OwnClaims,
  type SignedClaims,
  type TokenClaims,
} from './tokens/claims.js';
import { isSessionId } from './tokens/session-id.js';
import type { UserClaims } from './tokens/user-claims.js';

/** Options of one sign-in. */
export interface SignInOptions extends IssueOptions {
  /**
   * Accepts a sign-in that another site triggers. Use it only for routes to which an identity provider posts a form (`form_post`), and
   * only after the handler has checked that this browser began the sign-in (OpenID Connect `state` or `nonce`). Otherwise any site can
   * sign its visitors in to an account of its own. @default false
   */
  crossSite?: boolean | undefined;
  /**
   * Ends the other sessions that the request presents. `false` keeps them, as for a route that gives old clients a new token while their
   * other tabs go on with the old one. @default true
   */
  replace?: boolean | undefined;
}

/** Options of one sign-out. */
export interface SignOutOptions {
  /** The sessions that end. @default 'session' */
  scope?: 'session' | 'user' | 'others' | undefined;
}

/**
 * Starts, inspects, lists and ends sessions.
 *
 * @typeParam TClaims the application's own claims, which results have beside those of the library; by default {@link UserClaims}, which
 *   applications augment
 */
@Injectable()
@InjectCore()
export class RefreshAuthService<TClaims extends object = UserClaims> {
  protected readonly [CORE]!: RefreshAuthCore;

  get #core(): RefreshAuthCore {
    return this[CORE];
  }

  /** Emits every event when it happens. No event contains a token. */
  get events(): Observable<RefreshAuthEvent> {
    return this.#core.events.observable;
  }

  /**
   * Starts a session and delivers its first token with this response. Ends every other session that the request presents, unless `replace` is
   * `false` or another site triggered the request. If the store is down, these live on in other processes until the store works again, and
   * the event `store-failed` names them.
   *
   * @param response that of Express, or the reply of Fastify: `@Res({ passthrough: true })`
   * @param claims `sub`, and whatever else the application wants to find in the token
   * @throws TypeError when claims or options are wrong; RangeError when the token does not fit into a cookie, or is longer than
   *   8,192 bytes; RefreshAuthError `request_cross_site` when another site triggered a request with an unsafe method: nothing has begun or
   *   ended; `store_unavailable` when a tracked session could not begin; `session_revoked` when all sessions of the user were ended at the
   *   same moment; `reload_failed` when `legacy` failed for a token that the request presents: nothing has begun or ended
   */
  async signIn<C extends OwnClaims<TClaims>>(
    response: HttpResponse,
    claims: C,
    { crossSite = false, replace = true, ...options }: SignInOptions = {},
  ): Promise<IssuedToken<SignedClaims<TClaims, C>>> {
    new OptionReader(crossSite, 'crossSite', 'signIn').boolean();
    new OptionReader(replace, 'replace', 'signIn').boolean();
    const settings = readIssueOptions('signIn', options, this.#core.settings.lifetimes);
    const request = requestOf(response);
    return this.#withHeaders(response, async () => {
      // Before anything is signed or written. Otherwise another site could have its visitors act in an account of its own (login CSRF).
      if (request && !crossSite) this.#core.cookieCrossSite.admit(request);
      const isForeign = request && this.#core.cookieCrossSite.isForeign(request);
      const isReplacing = request && replace && !isForeign;
      const issued = await this.#core.signIns.start(claims, settings, {
        check: (first) => this.#core.delivery.checkSize(first),
        receive: (first) => this.#core.delivery.deliver(response, first),
        replaced: isReplacing ? await this.#presentedSessions(request) : [],
      });
      if (request) this.#core.droppedCookie.check(request);
      return issued as unknown as IssuedToken<SignedClaims<TClaims, C>>;
    });
  }

  /**
   * Ends every session that the request presents, in header and cookie, and removes the cookie. Idempotent. A request without a token is
   * not an error, so the route can be `@Public()`. Other sites cannot trigger it, whatever the method of the route.
   *
   * @param options `scope`: only the presented session, every session of its user, or the user's other sessions; under `'others'` the
   *   presented session goes on and the cookie stays
   * @throws RefreshAuthError `request_cross_site`: another site triggered the request, nothing has ended, and the cookie stays;
   *   `store_unavailable`, or `reload_failed` from `legacy`: nothing is known to have ended, and the cookie stays
   */
  async signOut(
    request: HttpRequest,
    response: HttpResponse,
    { scope = 'session' }: SignOutOptions = {},
  ): Promise<void> {
    await this.#withHeaders(response, async () => {
      // Checked even if the request has no cookie: SameSite may have kept the browser from sending it, and the response would still remove it.
      this.#core.cookieCrossSite.refuseForeign(request);
      const sessions = await this.#presentedSessions(request, scope);
      await Promise.all(sessions.map((session) => this.#end(session, scope)));
      if (scope !== 'others') this.#core.delivery.clear(response);
    });
  }

  /**
   * Starts a session without HTTP. Writes nothing, unless sessions are tracked.
   *
   * @throws TypeError when claims or options are wrong; RangeError when the token is longer than 8,192 bytes; RefreshAuthError
   *   `store_unavailable` when a tracked session could not begin
   */
  async issue<C extends OwnClaims<TClaims>>(
    claims: C,
    options: IssueOptions = {},
  ): Promise<IssuedToken<SignedClaims<TClaims, C>>> {
    const settings = readIssueOptions('issue', options, this.#core.settings.lifetimes);
    return (await this.#core.signIns.start(claims, settings)) as unknown as IssuedToken<SignedClaims<TClaims, C>>;
  }

  /**
   * Verifies a token without HTTP. By default it has no effect: an expired token inside its refresh window is accepted after one store
   * read, and no new token is issued.
   *
   * @param options `refresh: true` refreshes such a token, as the guard does. Give `refreshed` to the client, or it keeps a superseded token.
   *   @default false
   * @throws RefreshAuthError if the token is dead, or the store fails; TypeError if `refresh` is not a boolean
   */
  async authenticate(
    token: string,
    { refresh = false }: { refresh?: boolean } = {},
  ): Promise<Authentication<TokenClaims & TClaims>> {
    if (typeof refresh !== 'boolean') throw new TypeError('authenticate: `refresh` is not a boolean');
    const expired = refresh ? 'refresh' : 'look';
    const authentication = await this.#core.authenticator.authenticate(token, expired, { waited: 0, isUse: false });
    return authentication as Authentication<TokenClaims & TClaims>;
  }

  /**
   * Admits a socket, and closes it when its session ends. Call it first in `handleConnection` of a gateway. Messages that arrive meanwhile
   * wait for it. The token is that of the handshake of socket.io, `auth.token`, else that of the request's header, else its cookie.
   *
   * An admitted socket stays open when its token expires. It is closed when its session is revoked, in every process, and when its session
   * can no longer be refreshed. A refused socket is closed too: with 4401 for a dead token, 4403 for `request_cross_site` and 1013 where the
   * client can try again. The reason is the code; over socket.io it comes in the event `exception` before the disconnection.
   *
   * @param client the first argument of `handleConnection`: a socket of socket.io or ws
   * @param request its second argument, which ws needs. Defaults to the request of the socket of socket.io
   * @returns never rejects; `undefined` if the socket was refused or has closed. Give `refreshed` to a client that keeps its token in a script
   */
  async admit(client: object, request?: HttpRequest): Promise<Authentication<TokenClaims & TClaims> | undefined> {
    return (await this.#core.sockets.admit(client, request)) as Authentication<TokenClaims & TClaims> | undefined;
  }

  /**
   * Returns an observable that emits once, when a session has ended or can no longer be refreshed, and completes. For responses that outlive
   * their request: `stream.pipe(takeUntil(auth.ended(user)))`. It follows the rules of {@link admit}.
   *
   * @param claims those of a token of the session, as `@CurrentUser()` gives them
   * @throws TypeError if they are not the claims of a token
   */
  ended(claims: TokenClaims): Observable<RefreshAuthError> {
    const known: Record<string, unknown> = { ...claims };
    try {
      assertTokenClaims(known);
    } catch {
      throw new TypeError(
        'ended needs the claims of a token, as @CurrentUser() gives them without a `toUser` of the guard',
      );
    }
    return new Observable((subscriber) => {
      const connection = {
        end(reason: RefreshAuthError): void {
          subscriber.next(reason);
          subscriber.complete();
        },
      };
      const { openSessions } = this.#core;
      const session = openSessions.join(known, connection);
      return () => openSessions.leave(session, connection);
    });
  }

  /**
   * Returns the state of a token. Never refreshes, writes nothing, and returns no new token.
   *
   * @throws RefreshAuthError `store_unavailable`, where only the store could tell; `reload_failed` if `legacy` failed
   */
  async inspect(token: string): Promise<Inspection<TokenClaims & TClaims>> {
    return (await this.#core.authenticator.inspect(token)) as Inspection<TokenClaims & TClaims>;
  }

  /**
   * Returns the token of a request, by the rules of the guard.
   *
   * @throws RefreshAuthError `token_missing` or `token_malformed`
   */
  getToken(request: HttpRequest): string {
    return this.#core.credentials.token(request);
  }

  /**
   * Ends a session. Idempotent. An unknown session is not an error.
   *
   * @param sid the claim `sid` of any of its tokens
   * @throws TypeError when `sid` is malformed; RefreshAuthError `store_unavailable`: the session is not known to have ended
   */
  async revokeSession(sid: string): Promise<void> {
    if (!isSessionId(sid)) throw new TypeError(notASessionId('revokeSession'));
    await this.#core.revocations.revokeSession(sid);
  }

  /**
   * Ends all sessions of a user that have begun, even if sign-ins race with it. Idempotent. An unknown user is not an error.
   *
   * @param sub the claim `sub` of the user's tokens
   * @param options `except`: the `sid` of a session that goes on
   * @throws TypeError when `sub` is empty or `except` is malformed; RefreshAuthError `store_unavailable`: the sessions are not known to have
   *   ended
   */
  async revokeUser(sub: string, { except }: { except?: string | undefined } = {}): Promise<void> {
    if (typeof sub !== 'string' || sub === '') throw new TypeError('revokeUser needs the claim `sub` of a token');
    if (except !== undefined && !isSessionId(except)) throw new TypeError(notASessionId('revokeUser: `except`'));
    await this.#core.revocations.revokeUser(sub, except);
  }

  /**
   * Returns the sessions of a user that have not ended, under `sessions: 'tracked'`. Reads the 5,000 sessions of the user that end last; those that
   * were signed out count until their tokens would have ended. The store is asked once for each 500 of them.
   *
   * @param sub the claim `sub` of the user's tokens
   * @throws TypeError when sessions are not tracked; RefreshAuthError `store_unavailable`
   */
  async listSessions(sub: string): Promise<SessionInfo[]> {
    if (!this.#core.tracked) throw new TypeError("listSessions needs the option sessions: 'tracked'");
    return this.#core.tracked.list(sub);
  }

  /**
   * Returns the claims of one token per presented session, or per user if `scope` ends sessions of whole users. The token that the guard would
   * use comes first, so that `'others'` spares its session.
   */
  async #presentedSessions(
    request: HttpRequest,
    scope: NonNullable<SignOutOptions['scope']> = 'session',
  ): Promise<TokenClaims[]> {
    const { authenticator, credentials } = this.#core;
    // An application's own guard may have found a token where only it looks, such as the cookie of an earlier login.
    const admitted = await Promise.allSettled(ownNotes(rawRequest(request))?.decisions(authenticator) ?? []);
    const found = admitted.map((result) => (result.status === 'fulfilled' ? result.value.claims : undefined));
    for (const token of new Set([...this.#acceptedToken(request), ...credentials.all(request)]))
      found.push(await authenticator.presentedSession(token, request));
    const sessions = new Map<string, TokenClaims>();
    for (const claims of found) {
      const id = scope === 'session' ? claims?.sid : claims?.sub;
      if (claims && id !== undefined && !sessions.has(id)) sessions.set(id, claims);
    }
    return [...sessions.values()];
  }

  /** Returns the token that the guard would use, if there is one. */
  #acceptedToken(request: HttpRequest): string[] {
    try {
      return [this.#core.credentials.token(request)];
    } catch {
      return [];
    }
  }

  /** Adds the headers of an error to the response, unless it was sent, so that every exception filter of the application finds them. */
  async #withHeaders<T>(response: HttpResponse, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof RefreshAuthError) || rawResponse(response).headersSent) throw error;
      // The module's filter, which removes the stack for GraphQL, does not catch an error that has its headers.
      this.#core.answers.addHeaders(error, response);
      throw withoutStack(error);
    }
  }

  async #end(claims: TokenClaims, scope: NonNullable<SignOutOptions['scope']>): Promise<void> {
    const { sid, sub } = claims;
    if (scope === 'session') return this.#core.revocations.revokeSession(sid, claims);
    return this.#core.revocations.revokeUser(sub, scope === 'others' ? sid : undefined, claims);
  }
}

function notASessionId(what: string): string {
  return `${what} needs the claim \`sid\` of a token, 30 base64url characters; the \`session\` of an event is not a \`sid\``;
}
