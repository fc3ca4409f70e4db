import type { ExecutionContext } from '@nestjs/common';
import { type HttpRequest, type HttpResponse, rawRequest, responseTo } from '../http/http-message.js';
import { isWebSocket, sentHeaders } from '../http/sent-headers.js';

/** A request, and its response if the transport has one. */
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
 * Returns the request and response of an HTTP route or a GraphQL resolver. Finds them under the names that Apollo and Mercurius use in their
 * contexts.
 *
 * @throws Error for any other transport, and for a GraphQL context without a request
 */
export function findRequestResponse(context: ExecutionContext): RequestResponse {
  const found = lookForRequestResponse(context);
  if (found) return found;
  throw new Error(
    `RefreshAuthGuard finds no request in a context of type ${context.getType()}. Extend the guard and override getRequestResponse(context)`,
  );
}

/** Returns what {@link findRequestResponse} finds; `undefined` for any other transport. */
export function lookForRequestResponse(context: ExecutionContext): RequestResponse | undefined {
  const type = context.getType<string>();
  if (type === 'http') {
    // `getArgByIndex` because `switchToHttp()` creates three functions at each call.
    return { request: context.getArgByIndex<HttpRequest>(0), response: context.getArgByIndex<HttpResponse>(1) };
  }
  if (type === 'graphql') {
    const { req, request, res, reply } = context.getArgByIndex<GraphqlContext>(2);
    const found = req ?? request ?? reply?.request;
    if (found) return { request: found, response: res ?? reply ?? responseTo(found) };
  }
  return undefined;
}

/** The index of the carrier among a handler's arguments, by type of context. It is 0 for sockets. */
const CARRIER: Readonly<Record<string, number>> = { graphql: 2, rpc: 1 };

/**
 * Returns the object on which the guard leaves its result for handlers: the raw request, the context of a GraphQL operation or of an RPC
 * message, or the client of a socket.
 */
export function carrierOf(context: ExecutionContext): object {
  const type = context.getType<string>();
  if (type === 'http') return rawRequest(context.getArgByIndex<HttpRequest>(0));
  return context.getArgByIndex<object>(CARRIER[type] ?? 0);
}

/**
 * Returns true for a message over a socket. All messages of a socket share the request that opened it, which is an upgrade or, in socket.io,
 * the first poll.
 */
export function isMessage(context: ExecutionContext, request?: HttpRequest): boolean {
  const type = context.getType<string>();
  if (type !== 'http' && type !== 'graphql') return true;
  if (!request) return false;
  const raw = rawRequest(request);
  // A message must not be able to hide that it is one, so only the headers that the client sent count. HTTP routes receive no messages, so
  // the cheaper check is enough for them.
  const sent = type === 'graphql' ? sentHeaders(raw) : undefined;
  if (sent) return sent.all('upgrade').some(isWebSocket);
  // A request that an application has made for a context or a test may lack what Node.js gives to each.
  const { headers } = raw as Partial<typeof raw>;
  return isWebSocket(headers?.upgrade ?? '');
}
