import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import type { Credentials } from '../http/credentials.js';
import { type HttpRequest, rawRequest } from '../http/http-message.js';
import { graphqlTransport } from './graphql-transport.js';
import { httpTransport } from './http-transport.js';
import { rpcTransport } from './rpc-transport.js';
import { socketTransport } from './socket-transport.js';
import type { RequestResponse, Transport } from './transport.js';

const TRANSPORTS: Readonly<Record<string, Transport>> = {
  http: httpTransport,
  graphql: graphqlTransport,
  ws: socketTransport,
  rpc: rpcTransport,
};

/** Returns the transport of a context. Types that NestJS does not have, such as those of bots, pass the client or message first, as sockets do. */
export function transportOf(context: Pick<ArgumentsHost, 'getType'>): Transport {
  return TRANSPORTS[context.getType<string>()] ?? socketTransport;
}

/**
 * Returns the request and response of a call.
 *
 * @throws Error that says what to do if the context does not lead to them
 */
export function findRequestResponse(context: ExecutionContext): RequestResponse {
  const transport = transportOf(context);
  const found = transport.find(context);
  if (found) return found;
  throw new Error(`RefreshAuthGuard finds no request in a context of type ${context.getType()}. ${transport.remedy}`);
}

/** Returns what {@link findRequestResponse} finds; `undefined` if it would throw. */
export function lookForRequestResponse(context: ArgumentsHost): RequestResponse | undefined {
  return transportOf(context).find(context);
}

/**
 * Returns the token of a call: the one that the client sent beside its request, else that of the request.
 *
 * @throws RefreshAuthError `token_missing` or `token_malformed`; Error that says what to do if the transport has no place for a token
 */
export function findToken(
  context: ExecutionContext,
  request: HttpRequest | undefined,
  credentials: Credentials,
): string {
  const transport = transportOf(context);
  const sent = transport.sentToken?.(context);
  if (sent !== undefined) return sent;
  if (request) return credentials.token(transport.credentialsOf?.(rawRequest(request)) ?? request);
  throw new Error(`RefreshAuthGuard finds no token in a context of type ${context.getType()}. ${transport.remedy}`);
}

/**
 * Returns the object on which the guard leaves its result for handlers: the raw request, the context of a GraphQL operation or of an RPC
 * message, or the client of a socket.
 */
export function carrierOf(context: ExecutionContext): object {
  return transportOf(context).carrier(context);
}
