import type { Transport } from './transport.js';

/** Messages of a microservice. NestJS knows no place for their token, so the application says where it is. */
export const rpcTransport: Transport = {
  find: () => ({}),

  remedy:
    'Extend RefreshAuthGuard and override getToken(request, context), for example with `return context.switchToRpc().getData().token`',

  carrier: (context) => context.getArgByIndex<object>(1),

  isMessage: () => true,

  denial: async ({ code, message }) => {
    // The filters of NestJS recognize the class. The package is an optional peer, so it is loaded only where there is a microservice.
    const { RpcException } = await import('@nestjs/microservices');
    return new RpcException({ code, message });
  },
};
