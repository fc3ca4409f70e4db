import type { ArgumentsHost } from '@nestjs/common';
import { type HttpRequest, type HttpResponse, rawRequest, type RawRequest } from '../http/http-message.js';
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

  isMessage: (request: Partial<RawRequest> | undefined) => {
    // A request that an application has made for a context or a test may lack what Node.js gives to each.
    const upgrade = request?.headers?.upgrade;
    return upgrade !== undefined && isWebSocket(upgrade);
  },

  // An HttpException, whose body has the code.
  denial: (error) => error,
};
