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
import { RouteAccess } from './decorators/route-access.js';
import { RefreshAuthError } from './errors/refresh-auth-error.js';
import { findRequestResponse, isMessage, type RequestResponse } from './contexts/execution-context.js';
import { type HttpRequest, type HttpResponse, rawRequest } from './http/http-message.js';
import { noteAdmission, forgetAdmission } from './contexts/request-state.js';
import { CORE, InjectCore } from './injected-core.js';
import type { RefreshAuthCore } from './refresh-auth.core.js';
import type { Authentication, RefreshRefusal } from './sessions/authenticator.js';
import { type NowOrLater, orElse, whenThere } from './tokens/now-or-later.js';
import type { TokenClaims } from './tokens/claims.js';
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
    return this[CORE];
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
    const exchange = this.getRequestResponse(context);
    if (isPreflight(exchange.request)) return this.#answerPreflight(context);
    return orElse(
      () =>
        whenThere(this.#admit(context, exchange), (authentication) => this.#letPass(context, exchange, authentication)),
      (error) => {
        if (access !== 'optional' || !(error instanceof RefreshAuthError && error.isDeadToken))
          return this.deny(error, context);
        if (isMessage(context, exchange.request)) forgetAdmission(context, exchange.request);
        return true;
      },
    );
  }

  /** A handler for `OPTIONS` may answer it; one for all methods would do its work for anybody who calls a request a preflight. */
  #answerPreflight(context: ExecutionContext): boolean {
    if (this[REFLECTOR].get<RequestMethod | undefined>('method', context.getHandler()) === RequestMethod.OPTIONS)
      return true;
    throw new HttpException('', HttpStatus.NO_CONTENT);
  }

  #admit(context: ExecutionContext, exchange: RequestResponse): NowOrLater<Authentication> {
    const rivals = this.#core.credentials.rivals(exchange.request);
    if (rivals.length < 2) return this.#admitToken(context, exchange);
    return this.#core.authenticator.learnEnds(rivals).then(() => this.#admitToken(context, exchange));
  }

  #admitToken(context: ExecutionContext, exchange: RequestResponse): NowOrLater<Authentication> {
    const token = this.getToken(exchange.request);
    if (!isMessage(context, exchange.request)) {
      return this.#core.admissions.get(exchange.request, token, () => this.#authenticate(exchange, token));
    }
    // Whatever opened the socket: a message may change something, even if it has come by a GET.
    if (this.#core.credentials.isAmbient(exchange.request, token)) this.#core.crossSite.refuseForeign(exchange.request);
    // Each message anew, since it may come long after the one before; and no response would carry a new token.
    return this.#core.authenticator.authenticate(token, false);
  }

  #authenticate(exchange: RequestResponse, token: string): NowOrLater<Authentication> {
    const mayRefresh = this.#mayRefresh(exchange.request, token);
    return whenThere(this.#core.authenticator.authenticate(token, mayRefresh), (authentication) => {
      if (exchange.response && mayRefresh === true) this.#deliver(authentication, exchange.response, token);
      return authentication;
    });
  }

  #deliver({ claims, refreshed }: Authentication, response: HttpResponse, presented: string): void {
    if (refreshed) return this.#core.delivery.deliver(response, refreshed, presented);
    // Goes on beside the handler, and is delivered if it is there before the headers go out.
    void this.#core.authenticator
      .refreshAhead(claims)
      ?.then((ahead) => ahead && this.#core.delivery.offer(response, ahead, presented))
      .catch(() => undefined);
  }

  #letPass(
    context: ExecutionContext,
    { request }: RequestResponse,
    { state, claims }: Authentication,
  ): NowOrLater<true> {
    return whenThere(this.toUser(claims as TokenClaims & TClaims), (user) => {
      noteAdmission(context, request, { state, user });
      return true;
    });
  }

  /** Returns `true` unless another site may have made the browser send this token, and then whose request it is. Throws if it may not send it. */
  #mayRefresh(request: HttpRequest, token: string): true | RefreshRefusal {
    if (!this.#core.credentials.isAmbient(request, token)) return true;
    return this.#core.crossSite.admit(request) ?? true;
  }

  /**
   * Where request and response are. Override it for transports other than HTTP and GraphQL. The request of a socket is the one that opened
   * it, as Node.js made it: `client.request` of socket.io, and not `client.handshake`, with which messages with the cookie get 403.
   */
  protected getRequestResponse(context: ExecutionContext): RequestResponse {
    return findRequestResponse(context);
  }

  /**
   * The token of a request. One from elsewhere than the library's cookie is taken for one that no other site can make a browser send, and
   * the request is not checked for its origin: whoever reads a cookie of their own here checks it too.
   *
   * @throws RefreshAuthError `token_missing` or `token_malformed`
   */
  protected getToken(request: HttpRequest): string {
    return this.#core.credentials.token(request);
  }

  /** Returns the user that `@CurrentUser()` and `request.user` are, or a promise of it: by default the claims, in an object of the request's own. */
  protected toUser(claims: TokenClaims & TClaims): unknown {
    return { ...claims };
  }

  /** Answers a request that is not let through. By default with 401, 403 or 503, the code in the body, and the headers that belong to it. */
  protected deny(error: unknown, context: ExecutionContext): never {
    if (error instanceof RefreshAuthError)
      this.#core.answers.addHeaders(error, this.getRequestResponse(context).response);
    throw error;
  }
}

/**
 * Lets requests with a live token pass, and refreshes expired tokens that are inside their refresh window.
 *
 * `@UseGuards(RefreshAuthGuard)`, or for every route `{ provide: APP_GUARD, useExisting: RefreshAuthGuard }`.
 * Extend it to change where the request is found, how the user is made from the claims, or how denial is answered. A class that extends it
 * has a constructor of its own, which calls `super()` without arguments.
 *
 * @typeParam TClaims the application's own claims, which `toUser` gets beside those of the library; by default {@link UserClaims}
 */
@Injectable()
@InjectCore()
export class RefreshAuthGuard<TClaims extends object = UserClaims> extends ModuleGuard<TClaims> {}

/** Only classes, no state: Nest finds a guard by its class, so that the same name has to give the same one. */
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

/** A browser asks without credentials whether it may ask; what it may is CORS' to say (Fetch, CORS-preflight request). */
function isPreflight(request: HttpRequest): boolean {
  const raw = rawRequest(request);
  if (raw.method !== 'OPTIONS') return false;
  const { authorization, cookie, 'access-control-request-method': method } = raw.headers;
  return method !== undefined && authorization === undefined && cookie === undefined;
}
