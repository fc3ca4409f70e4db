import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  HttpStatus,
  Inject,
  Injectable,
  RequestMethod,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Access } from './decorators/access.js';
import { RouteAccess } from './decorators/route-access.js';
import { NO_USER, RefreshAuthError } from './errors/refresh-auth-error.js';
import { waitedFor } from './contexts/arrivals.js';
import {
  carrierOf,
  findRequestResponse,
  findToken,
  isAmbient,
  isMessage,
  lookForRequestResponse,
  rivalTokens,
  transportOf,
} from './contexts/execution-context.js';
import { noteAdmission, forgetAdmission } from './contexts/request-state.js';
import type { RequestResponse } from './contexts/transport.js';
import { type HttpRequest, type HttpResponse, rawRequest } from './http/http-message.js';
import { CORE, InjectCore } from './injected-core.js';
import type { RefreshAuthCore } from './refresh-auth.core.js';
import type { Authentication } from './sessions/authenticator.js';
import type { RefreshAhead } from './sessions/refresh-ahead.js';
import type { IssuedToken, TokenClaims } from './tokens/claims.js';
import type { UserClaims } from './tokens/user-claims.js';

const REFLECTOR: unique symbol = Symbol('Reflector');

/** The guard of one module. Those with and without a name are siblings: {@link InjectCore} says why. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- subclasses that override toUser use it
export abstract class ModuleGuard<TClaims extends object> implements CanActivate {
  /** The guard of the module with this name: always the same class, so that it can be injected. */
  static named(name: string): typeof RefreshAuthGuard {
    return namedGuard(name);
  }

  protected readonly [CORE]!: RefreshAuthCore;
  @Inject(Reflector) protected readonly [REFLECTOR]!: Reflector;
  #routeAccess: RouteAccess | undefined;

  get #core(): RefreshAuthCore {
    const core = this[CORE] as RefreshAuthCore | undefined;
    if (core) return core;
    throw new Error(
      'NestJS has not created this RefreshAuthGuard, so it guards nothing. Write { provide: APP_GUARD, useExisting: RefreshAuthGuard } or @UseGuards(RefreshAuthGuard) instead of `new RefreshAuthGuard()`.',
    );
  }

  get #access(): RouteAccess {
    return (this.#routeAccess ??= new RouteAccess(this[REFLECTOR], this.#core.name));
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.#access.of(context);
    if (access === 'public') {
      if (isMessage(context)) forgetAdmission(context);
      return true;
    }
    const socket = context.getType() === 'ws' ? this.#core.sockets.find(carrierOf(context)) : undefined;
    if (socket) return this.#admit(context, lookForRequestResponse(context)?.request, access, () => socket.check());
    const found = this.getRequestResponse(context);
    if (found.request && isPreflight(found.request)) return this.#answerPreflight(context);
    const token = this.#onlyToken(context, found.request);
    if (this.#admitKnown(context, found, token)) return true;
    return this.#admit(context, found.request, access, () => this.#authenticate(context, found, token));
  }

  /** Lets a preflight through to a handler for `OPTIONS` only: a handler for all methods would run for anybody who makes a request look like a preflight. */
  #answerPreflight(context: ExecutionContext): boolean {
    if (this[REFLECTOR].get<RequestMethod | undefined>('method', context.getHandler()) === RequestMethod.OPTIONS)
      return true;
    throw new HttpException('', HttpStatus.NO_CONTENT);
  }

  /**
   * Admits a request whose token is known and valid, as nearly all are, without creating a promise. Returns false in all other cases,
   * without any effect.
   */
  #admitKnown(context: ExecutionContext, { request, response }: RequestResponse, token: string | undefined): boolean {
    // An application's own `toUser` may have to be waited for.
    if (token === undefined || this.toUser !== ModuleGuard.prototype.toUser) return false;
    if (!request || isMessage(context, request)) return false;
    const { admissions, authenticator, crossSite, noRefresh, refreshAhead } = this.#core;
    if (this.#isAmbient(context, request, token) && crossSite.isForeign(request)) return false;
    const earlier = admissions.recall(request, token);
    const isUse = response !== undefined && !noRefresh.isHonoured(request);
    const known = earlier ?? authenticator.acceptKnown(token, isUse);
    if (known === undefined || known instanceof Promise) return false;
    if (!earlier) {
      admissions.remember(request, token, known);
      if (isUse && refreshAhead) this.#deliverAhead(refreshAhead, known, response, token);
    }
    noteAdmission(context, request, { state: known.state, user: this.toUser(known.claims as TokenClaims & TClaims) });
    return true;
  }

  /** The token of a request, if there is one and no choice has to be made. Read once: an application's own `getToken` may redeem a ticket. */
  #onlyToken(context: ExecutionContext, request: HttpRequest | undefined): string | undefined {
    if (request && rivalTokens(context, request, this.#core.credentials).length > 1) return undefined;
    try {
      return this.getToken(request, context);
    } catch {
      return undefined;
    }
  }

  async #admit(
    context: ExecutionContext,
    request: HttpRequest | undefined,
    access: Access | undefined,
    authenticate: () => Promise<Authentication>,
  ): Promise<boolean> {
    try {
      const { state, claims } = await authenticate();
      noteAdmission(context, request, { state, user: await this.#userOf(claims as TokenClaims & TClaims) });
    } catch (error) {
      const isAnonymous = access === 'optional' && error instanceof RefreshAuthError && error.isDeadToken;
      if (!isAnonymous) return this.deny(error, context);
      // Another guard may have let the same request in, with a user that this one does not find.
      if (isMessage(context, request) || error.detail === NO_USER) forgetAdmission(context, request);
    }
    return true;
  }

  /** @throws RefreshAuthError `token_invalid` if there is no such user. As with passport, `false` is none either */
  async #userOf(claims: TokenClaims & TClaims): Promise<unknown> {
    const user: unknown = await this.toUser(claims);
    if (user !== undefined && user !== null && user !== false) return user;
    const error = new RefreshAuthError('token_invalid', NO_USER);
    this.#core.events.rejected(error, claims);
    throw error;
  }

  async #authenticate(
    context: ExecutionContext,
    found: RequestResponse,
    onlyToken: string | undefined,
  ): Promise<Authentication> {
    const { request } = found;
    const { admissions, authenticator, crossSite } = this.#core;
    const token = onlyToken ?? (await this.#chooseToken(context, request));
    if (!request || isMessage(context, request)) {
      // A message may change something, even if a GET opened its socket.
      if (request && this.#isAmbient(context, request, token)) crossSite.refuseForeign(request);
      // Each message is checked again, since it may come long after the previous one. No response could carry a new token.
      return authenticator.authenticate(token, 'reject', { waited: 0, isUse: false, request });
    }
    const earlier = admissions.recall(request, token);
    if (earlier) return earlier;
    const decision = this.#decide(context, request, found.response, token);
    admissions.remember(request, token, decision);
    return decision;
  }

  /** The token of a request that has several, or the error of one that has none. */
  async #chooseToken(context: ExecutionContext, request: HttpRequest | undefined): Promise<string> {
    const rivals = request ? rivalTokens(context, request, this.#core.credentials) : [];
    if (rivals.length > 1) await this.#core.authenticator.learnEnds(rivals);
    return this.getToken(request, context);
  }

  async #decide(
    context: ExecutionContext,
    request: HttpRequest,
    response: HttpResponse | undefined,
    token: string,
  ): Promise<Authentication> {
    const { authenticator, crossSite, noRefresh, refreshAhead } = this.#core;
    const refusal = this.#isAmbient(context, request, token) ? crossSite.admit(request) : undefined;
    const isServed = noRefresh.isHonoured(request);
    const isUse = response !== undefined && !isServed;
    const waited = waitedFor(request, this.#core.clock);
    const expired = refusal ?? (isServed ? 'serve' : 'refresh');
    const authentication = await authenticator.authenticate(token, expired, { waited, isUse, request });
    if (authentication.refreshed) this.#deliver(context, response, authentication.refreshed, token);
    else if (isUse && !refusal && refreshAhead) this.#deliverAhead(refreshAhead, authentication, response, token);
    return authentication;
  }

  #deliver(
    context: ExecutionContext,
    response: HttpResponse | undefined,
    refreshed: IssuedToken,
    presented: string,
  ): void {
    if (response) this.#core.delivery.deliver(response, refreshed, presented);
    else this.#core.undelivered.give(context.getType());
  }

  /** Refreshes while the handler runs. The new token is delivered if it is ready before the headers are sent. */
  #deliverAhead(ahead: RefreshAhead, { claims }: Authentication, response: HttpResponse, presented: string): void {
    void ahead
      .refresh(claims)
      ?.then((refreshed) => refreshed && this.#core.delivery.offer(response, refreshed, presented))
      .catch(() => undefined);
  }

  /** Returns the response that can carry the headers of a refusal. A message has none. */
  #responseIn(context: ExecutionContext): HttpResponse | undefined {
    return isMessage(context) ? undefined : this.getRequestResponse(context).response;
  }

  #isAmbient(context: ExecutionContext, request: HttpRequest, token: string): boolean {
    return isAmbient(context, request, token, this.#core.credentials);
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
   * Returns the user that `@CurrentUser()` and `request.user` are, or a promise of it: by default the claims, in an object of the request's own.
   *
   * If it returns `undefined`, `null` or `false`, the request gets 401 `token_invalid`, and a route with `@OptionalAuth()` has no user. The session
   * lives on. To end it, return `null` from the option `reloadClaims`.
   */
  protected toUser(claims: TokenClaims & TClaims): unknown {
    return { ...claims };
  }

  /**
   * Answers a call that is refused, in the way of its transport. By default with 401, 403 or 503, the code in the body, and the headers of
   * that answer; over sockets and microservices with the exception `{ code, message }`. Throws at once in HTTP; otherwise the promise rejects.
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

/** Returns true for a CORS preflight: it carries no credentials, and the CORS settings of the application decide it (Fetch, CORS-preflight request). */
function isPreflight(request: HttpRequest): boolean {
  const raw = rawRequest(request);
  if (raw.method !== 'OPTIONS') return false;
  const { authorization, cookie, 'access-control-request-method': method } = raw.headers;
  return method !== undefined && authorization === undefined && cookie === undefined;
}
