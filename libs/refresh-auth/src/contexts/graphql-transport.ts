import type { ArgumentsHost } from '@nestjs/common';
import { type HttpRequest, type HttpResponse, rawRequest, rawResponse, responseTo } from '../http/http-message.js';
import { asSent, isWebSocket, sentHeaders } from '../http/sent-headers.js';
import { responseNotedFor } from './arrivals.js';
import { initPayloadToken } from './connection-init.js';
import { httpTransport } from './http-transport.js';
import type { Transport } from './transport.js';

/** The context of an operation, with the names that the drivers of NestJS use by default. */
interface GraphqlContext {
  readonly req?: HttpRequest | GraphqlWsContext;
  readonly request?: HttpRequest;
  readonly res?: HttpResponse;
  /** In Mercurius. Over a socket it is no reply, and has only a request. */
  readonly reply?: HttpResponse & { readonly request?: HttpRequest };
  /** The payload of `connection_init` in Mercurius. */
  readonly _connectionInit?: unknown;
}

/** The context of graphql-ws, which the driver of Apollo provides as `req`. */
interface GraphqlWsContext {
  /** The payload of `connection_init`. */
  readonly connectionParams?: unknown;
  readonly extra?: { readonly request?: HttpRequest };
}

/** Resolvers of GraphQL, over HTTP and over sockets. */
export const graphqlTransport: Transport = {
  find: (context) => {
    const operation = operationOf(context);
    const request = requestOf(operation);
    if (!request) return undefined;
    const response = isSocket(request) ? undefined : responseIn(operation, request);
    refuseSharedContext(operation, request, response);
    return { request, response };
  },

  remedy: 'Extend the guard and override getRequestResponse(context)',

  carrier: operationOf,

  sentToken: (context) => {
    const { req, _connectionInit: payload } = operationOf(context);
    return initPayloadToken(isGraphqlWs(req) ? req.connectionParams : payload);
  },

  // Mercurius adds the payload of `connection_init` to the headers of the request that opened the socket.
  credentialsOf: (request) => (isSocket(request) ? asSent(request) : request),

  isMessage: (request) => request !== undefined && isSocket(request),

  denial: withoutStack,
};

/** Returns the error without the lines of its stack, because Apollo shows them to clients unless `NODE_ENV` is `production` or `test`. */
export function withoutStack<T extends Error>(error: T): T {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

/** Returns the third parameter of a resolver, or the second of a reference resolver of a federation, which has no arguments. */
function operationOf(context: ArgumentsHost): GraphqlContext {
  const third = context.getArgByIndex<GraphqlContext>(2);
  return 'fieldNodes' in third ? context.getArgByIndex<GraphqlContext>(1) : third;
}

function requestOf({ req, request, reply }: GraphqlContext): HttpRequest | undefined {
  if (isGraphqlWs(req)) return req.extra?.request;
  return req ?? request ?? reply?.request;
}

function responseIn({ res, reply }: GraphqlContext, request: HttpRequest): HttpResponse | undefined {
  return res ?? reply ?? responseTo(request) ?? responseNotedFor(request);
}

function isGraphqlWs(req: HttpRequest | GraphqlWsContext | undefined): req is GraphqlWsContext {
  return req !== undefined && 'extra' in req && !('headers' in req);
}

/**
 * Returns true for a request that opened a socket. A message must not be able to hide that it is one, so only the headers that the client
 * sent count. HTTP routes receive no messages, so the cheaper check is enough for them.
 */
function isSocket(request: HttpRequest): boolean {
  const sent = sentHeaders(rawRequest(request));
  return sent ? sent.all('upgrade').some(isWebSocket) : httpTransport.isMessage(rawRequest(request));
}

/**
 * Refuses a context object that all requests share. Some drivers keep the first request in it: Mercurius, and Apollo in NestJS 11. The guard
 * would then check the token of another request. In Mercurius, the reply is that of the latest request, and does not fit; in Apollo, the
 * response has already been sent.
 *
 * @throws Error if the request in the context is that of another operation
 */
function refuseSharedContext({ reply }: GraphqlContext, request: HttpRequest, response?: HttpResponse): void {
  const isOfReply = !reply?.request || rawRequest(reply.request) === rawRequest(request);
  const isAnswered = response !== undefined && rawResponse(response).writableEnded === true;
  if (isOfReply && !isAnswered) return;
  throw new Error(
    'Several requests share one GraphQL context, so RefreshAuthGuard cannot tell whose token to check. Write the option `context` of GraphQLModule as a function that returns a new object for each request: `context: () => ({ ... })`',
  );
}
