import type { ArgumentsHost } from '@nestjs/common';
import { type HttpRequest, type HttpResponse, rawRequest } from '../http/http-message.js';
import { isWebSocket } from '../http/sent-headers.js';
import type { Transport } from './transport.js';

/** Routes of Express and Fastify. */
export const httpTransport: Transport = {
  // `getArgByIndex` because `switchToHttp()` creates three functions at each call.
  find: (context: ArgumentsHost) => ({
    request: context.getArgByIndex<HttpRequest>(0),
    response: context.getArgByIndex<HttpResponse>(1),
  }),

  remedy: 'Extend the guard and override getRequestResponse(context)',

  carrier: (context) => rawRequest(context.getArgByIndex<HttpRequest>(0)),

  sentToken: () => undefined,

  credentialsOf: (request) => request,

  isMessage: (request) => {
    if (!request) return false;
    // A request that an application has made for a context or a test may lack what Node.js gives to each.
    const { headers } = rawRequest(request) as Partial<ReturnType<typeof rawRequest>>;
    return isWebSocket(headers?.upgrade ?? '');
  },

  // An HttpException, whose body has the code.
  denial: (error) => error,
};
