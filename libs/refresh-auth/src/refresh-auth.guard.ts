import { type CanActivate, type ExecutionContext, HttpException, HttpStatus, Injectable } from '@nestjs/common';
import type { Access } from './decorators/access.js';
import { NO_USER, RefreshAuthError } from './errors/refresh-auth-error.js';
import { Call } from './contexts/call.js';
import { findRequestResponse, findToken, lookForRequestResponse, transportOf } from './contexts/execution-context.js';
import { notesOn } from './contexts/request-notes.js';
import type { RequestResponse } from './contexts/transport.js';
import type { HttpRequest, HttpResponse, RawRequest } from './http/http-message.js';
import { CORE, InjectCore } from './injected-core.js';
import type { RefreshAuthCore } from './refresh-auth.core.js';
import type { Authentication } from './sessions/authenticator.js';
import type { IssuedToken, TokenClaims } from './tokens/claims.js';
import type { UserClaims } from './tokens/user-claims.js';

/** The guard of one module. Those with and without a name are siblings: {@link InjectCore} says why. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- subclasses that override toUser use it
export abstract class ModuleGuard<TClaims extends object> implements CanActivate {
  /** Returns the guard of the module with this name: always the same class, so that it can be injected. */
  static named(name: string): typeof RefreshAuthGuard {
    return namedGuard(name);
  }

  protected readonly [CORE]!: RefreshAuthCore;

  get #core(): RefreshAuthCore {
    const core = this[CORE] as RefreshAuthCore | undefined;
    if (core) return core;
    throw new Error(
      'NestJS has not created this RefreshAuthGuard, so it guards nothing. Write { provide: APP_GUARD, useExisting: RefreshAuthGuard } or @UseGuards(RefreshAuthGuard) instead of `new RefreshAuthGuard()`.',
    );
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const core = this.#core;
    const access = core.routeAccess.of(context);
    if (access === 'public') return this.#admitPublic(context);
    const socket = context.getType() === 'ws' ? core.sockets.find(context.getArgByIndex<object>(0)) : undefined;
    if (socket)
      return this.#admit(new Call(context, lookForRequestResponse(context) ?? {}), access, () => socket.check());
    const call = new Call(context, this.getRequestResponse(context));
    if (call.raw && isPreflight(call.raw)) return this.#answerPreflight(context);
    const token = this.#onlyToken(call);
    if (token !== undefined && this.#admitKnown(call, token)) return true;
    return this.#admit(call, access, () => this.#authenticate(call, token));
  }

  #admitPublic(context: ExecutionContext): boolean {
    const call = new Call(context, {});
    if (call.isMessage) call.removeResult();
    return true;
  }

  /**
   * Lets a preflight through to a handler for `OPTIONS` only. A handler for all methods would run for anybody who makes a request look like a
   * preflight.
   */
  #answerPreflight(context: ExecutionContext): boolean {
    if (this.#core.routeAccess.isForOptions(context)) return true;
    throw new HttpException('', HttpStatus.NO_CONTENT);
  }

  /**
   * Returns the token of a call; `undefined` if there is none, or several to choose from. `getToken` is not called again for a token that was
   * found: an application's own may redeem a ticket.
   */
  #onlyToken(call: Call): string | undefined {
    if (call.rivalTokens(this.#core.credentials).length > 1) return undefined;
    try {
      return this.getToken(call.request, call.context);
    } catch {
      return undefined;
    }
  }

  /**
   * Admits a request whose token is known and valid, as nearly all are, without creating a promise. Returns false in all other cases,
   * without any effect.
   */
  #admitKnown(call: Call, token: string): boolean {
    const { raw, response } = call;
    // An application's own `toUser` may have to be waited for.
    if (!raw || call.isMessage || this.toUser !== ModuleGuard.prototype.toUser) return false;
    const { authenticator, credentials, crossSite, noRefresh } = this.#core;
    if (call.isAmbient(token, credentials) && crossSite.isForeign(raw)) return false;
    const notes = notesOn(raw);
    const earlier = notes.decision(authenticator, token);
    const isUse = response !== undefined && !noRefresh.isHonoured(raw);
    const known = earlier ?? authenticator.acceptKnown(token, isUse);
    if (known === undefined || known instanceof Promise) return false;
    if (!earlier) {
      notes.addDecision(authenticator, token, known);
      if (isUse) this.#refreshAhead(known, response, token);
    }
    call.leaveResult({ state: known.state, user: this.toUser(known.claims as TokenClaims & TClaims) });
    return true;
  }

  async #admit(call: Call, access: Access | undefined, authenticate: () => Promise<Authentication>): Promise<boolean> {
    try {
      const { state, claims } = await authenticate();
      call.leaveResult({ state, user: await this.#userOf(claims as TokenClaims & TClaims) });
    } catch (error) {
      const isAnonymous = access === 'optional' && error instanceof RefreshAuthError && error.isDeadToken;
      if (!isAnonymous) return this.deny(error, call.context);
      // Another guard may have let the same request in, with a user that this one does not find.
      if (call.isMessage || error.detail === NO_USER) call.removeResult();
    }
    return true;
  }

  /** @throws RefreshAuthError `token_invalid` if `toUser` returns no user. As in passport, `false` is no user either */
  async #userOf(claims: TokenClaims & TClaims): Promise<unknown> {
    const user: unknown = await this.toUser(claims);
    if (user !== undefined && user !== null && user !== false) return user;
    const error = new RefreshAuthError('token_invalid', NO_USER);
    this.#core.events.rejected(error, claims);
    throw error;
  }

  async #authenticate(call: Call, onlyToken: string | undefined): Promise<Authentication> {
    const { raw } = call;
    const { arrivals, authenticator, credentials, crossSite } = this.#core;
    const token = onlyToken ?? (await this.#chooseToken(call));
    if (!raw || call.isMessage) {
      // A message may change something, even if a GET opened its socket.
      if (raw && call.isAmbient(token, credentials)) crossSite.refuseForeign(raw);
      // Each message is checked again, since it may come long after the previous one. No response could carry a new token.
      return authenticator.authenticate(token, 'reject', { waited: 0, isUse: false, request: call.request });
    }
    const notes = notesOn(raw);
    const earlier = notes.decision(authenticator, token);
    if (earlier) return earlier;
    const decision = this.#decide(call, raw, token, arrivals.waited(raw));
    notes.addDecision(authenticator, token, decision);
    return decision;
  }

  /** Returns the token of a call that has several. Throws the error of a call that has none. */
  async #chooseToken(call: Call): Promise<string> {
    const { authenticator, credentials } = this.#core;
    const rivals = call.rivalTokens(credentials);
    if (rivals.length > 1) await authenticator.learnEnds(rivals);
    return this.getToken(call.request, call.context);
  }

  async #decide(call: Call, raw: RawRequest, token: string, waited: number): Promise<Authentication> {
    const { authenticator, credentials, crossSite, noRefresh } = this.#core;
    const refusal = call.isAmbient(token, credentials) ? crossSite.admit(raw) : undefined;
    const isServed = noRefresh.isHonoured(raw);
    const isUse = call.response !== undefined && !isServed;
    const expired = refusal ?? (isServed ? 'serve' : 'refresh');
    const presentation = { waited, isUse, request: call.request };
    const authentication = await authenticator.authenticate(token, expired, presentation);
    if (authentication.refreshed) this.#deliver(call, authentication.refreshed, token);
    else if (isUse && !refusal) this.#refreshAhead(authentication, call.response, token);
    return authentication;
  }

  #deliver({ context, response }: Call, refreshed: IssuedToken, presented: string): void {
    if (response) this.#core.delivery.deliver(response, refreshed, presented);
    else this.#core.undelivered.give(context.getType());
  }

  /** Refreshes while the handler runs. The new token is delivered if it is ready before the headers are sent. */
  #refreshAhead({ claims }: Authentication, response: HttpResponse, presented: string): void {
    const { delivery, refreshAhead } = this.#core;
    void refreshAhead
      ?.refresh(claims)
      ?.then((refreshed) => refreshed && delivery.offer(response, refreshed, presented))
      .catch(() => undefined);
  }

  /** Returns the response that can carry the headers of a refusal. A message has none. */
  #responseIn(context: ExecutionContext): HttpResponse | undefined {
    return transportOf(context).isMessage(undefined) ? undefined : this.getRequestResponse(context).response;
  }

  /**
   * Returns the request and the response. Override it for transports that the guard does not know. For a socket, return the request that
   * opened it, as Node.js created it: `client.request` of socket.io. With `client.handshake`, messages with the cookie get 403.
   */
  protected getRequestResponse(context: ExecutionContext): RequestResponse {
    return findRequestResponse(context);
  }

  /**
   * Returns the token of a call. Override it for the messages of microservices, where the application decides in which place they carry
   * their token. The guard checks the origin of a request only if its token came from the library's cookie, or is one for the option
   * `legacy` and came from any cookie. If you override this and read another cookie, check the origin too.
   *
   * @param request the request that `getRequestResponse` has found; `undefined` for a message of a microservice
   * @throws RefreshAuthError `token_missing` or `token_malformed`; Error for a message of a microservice, unless overridden
   */
  protected getToken(request: HttpRequest | undefined, context: ExecutionContext): string {
    return findToken(context, request, this.#core.credentials);
  }

  /**
   * Returns the user for `@CurrentUser()` and `request.user`, or a promise of it. By default, the claims in a new object for each request.
   *
   * If it returns `undefined`, `null` or `false`, the request gets 401 `token_invalid`, and a route with `@OptionalAuth()` has no user. The session
   * lives on. To end it, return `null` from the option `reloadClaims`.
   */
  protected toUser(claims: TokenClaims & TClaims): unknown {
    return { ...claims };
  }

  /**
   * Answers a refused call. By default with 401, 403 or 503, the code in the body, and the headers of that status; over sockets and
   * microservices with the exception `{ code, message }`. Throws at once in HTTP; otherwise the promise rejects.
   */
  protected deny(error: unknown, context: ExecutionContext): Promise<never> {
    if (!(error instanceof RefreshAuthError)) throw error;
    this.#core.answers.addHeaders(error, this.#responseIn(context));
    const denial = transportOf(context).denial(error, context);
    if (!(denial instanceof Promise)) throw denial;
    return throwLater(denial);
  }
}

/**
 * Lets requests with a valid or refreshable token pass, and refreshes expired tokens that are inside their refresh window.
 *
 * `@UseGuards(RefreshAuthGuard)`, or for every route `{ provide: APP_GUARD, useExisting: RefreshAuthGuard }`.
 * Extend it to change where the request is found, how the user is made from the claims, or how a refusal is answered. A subclass may have
 * its own constructor, which calls `super()` without arguments.
 *
 * @typeParam TClaims the application's own claims, which `toUser` gets beside those of the library; by default {@link UserClaims}
 */
@Injectable()
@InjectCore()
export class RefreshAuthGuard<TClaims extends object = UserClaims> extends ModuleGuard<TClaims> {}

/** Caches one class per name: NestJS finds a guard by its class, so the same name must give the same class. */
const namedGuards = new Map<string, typeof RefreshAuthGuard>();

function namedGuard(name: string): typeof RefreshAuthGuard {
  const known = namedGuards.get(name);
  if (known) return known;
  @Injectable()
  @InjectCore(name)
  class NamedRefreshAuthGuard<TClaims extends object = UserClaims> extends ModuleGuard<TClaims> {}
  namedGuards.set(name, NamedRefreshAuthGuard);
  return NamedRefreshAuthGuard;
}

async function throwLater(error: Promise<Error>): Promise<never> {
  throw await error;
}

/**
 * Returns true for a CORS preflight. It carries no credentials, and the CORS settings of the application decide on it (Fetch, CORS-preflight
 * request).
 */
function isPreflight(raw: RawRequest): boolean {
  if (raw.method !== 'OPTIONS') return false;
  const { authorization, cookie, 'access-control-request-method': method } = raw.headers;
  return method !== undefined && authorization === undefined && cookie === undefined;
}
