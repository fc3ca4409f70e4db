import { type HttpRequest, type HttpResponse, rawRequest, responseTo } from '../http/http-message.js';
import { isWebSocket, sentHeaders } from '../http/sent-headers.js';
import { httpTransport } from './http-transport.js';
import type { Transport } from './transport.js';

interface GraphqlContext {
  readonly req?: HttpRequest;
  readonly request?: HttpRequest;
  readonly res?: HttpResponse;
  readonly reply?: HttpResponse & { readonly request?: HttpRequest };
}

/** Resolvers of GraphQL. Request and response have the names that Apollo and Mercurius use in their contexts. */
export const graphqlTransport: Transport = {
  find: (context) => {
    const { req, request, res, reply } = context.getArgByIndex<GraphqlContext>(2);
    const found = req ?? request ?? reply?.request;
    return found && { request: found, response: res ?? reply ?? responseTo(found) };
  },

  remedy: 'Extend the guard and override getRequestResponse(context)',

  carrier: (context) => context.getArgByIndex<object>(2),

  sentToken: () => undefined,

  isMessage: (request) => {
    // A message must not be able to hide that it is one, so only the headers that the client sent count. HTTP routes receive no messages, so
    // the cheaper check is enough for them.
    const sent = request && sentHeaders(rawRequest(request));
    return sent ? sent.all('upgrade').some(isWebSocket) : httpTransport.isMessage(request);
  },

  denial: (error) => error,
};
