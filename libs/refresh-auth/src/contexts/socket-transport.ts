import type { ArgumentsHost } from '@nestjs/common';
import { handshakeToken, refusalOf, requestOf, sendIfOnlyEmitted, type SocketClient } from './socket-client.js';
import type { Transport } from './transport.js';

/** Messages of a gateway: socket.io and ws. */
export const socketTransport: Transport = {
  find: (context) => {
    const request = requestOf(clientOf(context));
    return request && { request };
  },

  remedy: 'Call `await refreshAuthService.admit(client, request)` in handleConnection(client, request) of the gateway',

  carrier: clientOf,

  sentToken: (context) => handshakeToken(clientOf(context)),

  isMessage: () => true,

  denial: async (error, context) => {
    // The filters of NestJS recognize the class. The package is an optional peer, so it is loaded only where there is a gateway.
    const { WsException } = await import('@nestjs/websockets');
    const refusal = refusalOf(error);
    sendIfOnlyEmitted(clientOf(context), refusal);
    return new WsException(refusal);
  },
};

function clientOf(context: ArgumentsHost): SocketClient {
  return context.getArgByIndex<SocketClient>(0);
}
