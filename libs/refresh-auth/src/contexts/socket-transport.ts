import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import { handshakeToken, refusalOf, requestOf, sendIfOnlyEmitted, type SocketClient } from './socket-client.js';
import type { Transport } from './transport.js';

/** Messages of a gateway: socket.io and ws. */
export const socketTransport: Transport = {
  find: (context) => {
    const request = requestOf(clientOf(context));
    return request && { request };
  },

  remedy: 'Call `await refreshAuthService.admit(client, request)` in handleConnection(client, request) of the gateway',

  carrier: carrierIn,

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

/** A registered symbol, so that two builds of the library in one process share it. */
const CARRIERS = Symbol.for('nestjs-refresh-auth:carriers');

/**
 * Returns an object of this client and handler. Several messages of a socket may be under way, and a public one must not remove the user that a
 * guarded one still needs. In contexts that NestJS does not have, decorators may see another handler than guards, so the client is used.
 */
function carrierIn(context: ExecutionContext): object {
  const client = clientOf(context) as { [CARRIERS]?: Map<unknown, object> };
  if (context.getType() !== 'ws') return client;
  const carriers = (client[CARRIERS] ??= new Map<unknown, object>());
  const handler = context.getHandler();
  const carrier = carriers.get(handler) ?? {};
  carriers.set(handler, carrier);
  return carrier;
}

function clientOf(context: ArgumentsHost): SocketClient {
  return context.getArgByIndex<SocketClient>(0);
}
