import type { ExecutionContext } from '@nestjs/common';
import { type HttpRequest, type HttpResponse, rawRequest, responseTo } from '../http/http-message.js';
import { isWebSocket, sentHeaders } from '../http/sent-headers.js';

/** A request, and its response where the transport has one. */
export interface RequestResponse {
  readonly request: HttpRequest;
  readonly response?: HttpResponse | undefined;
}

interface GraphqlContext {
  readonly req?: HttpRequest;
  readonly request?: HttpRequest;
  readonly res?: HttpResponse;
  readonly reply?: HttpResponse & { readonly request?: HttpRequest };
}

/**
 * Finds request and response of HTTP routes and of GraphQL resolvers (Apollo and Mercurius, by the usual names in their contexts).
 *
 * @throws Error for any other transport
 */
export function findRequestResponse(context: ExecutionContext): RequestResponse {
  const found = lookForRequestResponse(context);
  if (found) return found;
  throw new Error(
    `RefreshAuthGuard finds no request in a context of type ${context.getType()}: extend the guard and override getRequestResponse(context)`,
  );
}

/** Returns what {@link findRequestResponse} finds; `undefined` for any other transport. */
export function lookForRequestResponse(context: ExecutionContext): RequestResponse | undefined {
  const type = context.getType<string>();
  if (type === 'http') {
    // By index: `switchToHttp()` makes three functions each time.
    return { request: context.getArgByIndex<HttpRequest>(0), response: context.getArgByIndex<HttpResponse>(1) };
  }
  if (type === 'graphql') {
    const { req, request, res, reply } = context.getArgByIndex<GraphqlContext>(2);
    const found = req ?? request ?? reply?.request;
    if (found) return { request: found, response: res ?? reply ?? responseTo(found) };
  }
  return undefined;
}

/** Which argument of a handler that is, by the kind of context; that of a socket's is its client, the first. */
const CARRIER: Readonly<Record<string, number>> = { graphql: 2, rpc: 1 };

/** What guards and handlers of one message have in common: the raw request, the context of a GraphQL operation or of an RPC, or the client of a socket. */
export function carrierOf(context: ExecutionContext): object {
  const type = context.getType<string>();
  if (type === 'http') return rawRequest(context.getArgByIndex<HttpRequest>(0));
  return context.getArgByIndex<object>(CARRIER[type] ?? 0);
}

/**
 * Whether this is one of many messages over a socket. All have the request that opened it, for as long as it lives: by an upgrade, or by
 * the polling with which socket.io begins.
 */
export function isMessage(context: ExecutionContext, request?: HttpRequest): boolean {
  const type = context.getType<string>();
  if (type !== 'http' && type !== 'graphql') return true;
  if (!request) return false;
  const raw = rawRequest(request);
  // A message must not say of itself that it is none; no message reaches the routes of HTTP, which need not search for the header.
  const sent = type === 'graphql' ? sentHeaders(raw) : undefined;
  return sent ? sent.all('upgrade').some(isWebSocket) : isWebSocket(raw.headers.upgrade ?? '');
}
