// Guards a gateway, a resolver and a microservice with the optional packages of NestJS: socket.io and Apollo on Express, ws and Mercurius on
// Fastify. A real client of each is served with a token, and refused without one.
import { deepStrictEqual } from 'node:assert';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, type ExecutionContext, Injectable, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ClientProxyFactory, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  type HttpRequest,
  RefreshAuthError,
  RefreshAuthGuard,
  RefreshAuthModule,
  RefreshAuthService,
} from 'nestjs-refresh-auth';
import { firstValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { createAdapter } from './adapter.js';

const isFastify = process.env['ADAPTER'] === 'fastify';

@Injectable()
class AppGuard extends RefreshAuthGuard {
  protected override getToken(request: HttpRequest | undefined, context: ExecutionContext): string {
    if (context.getType() !== 'rpc') return super.getToken(request, context);
    const { token } = context.switchToRpc().getData<{ token?: string }>();
    if (token === undefined) throw new RefreshAuthError('token_missing');
    return token;
  }
}

@WebSocketGateway()
@UseGuards(AppGuard)
class Gateway implements OnGatewayConnection {
  constructor(private readonly auth: RefreshAuthService) {}

  async handleConnection(client: object, request?: HttpRequest): Promise<void> {
    await this.auth.admit(client, request);
  }

  @SubscribeMessage('who')
  who(@CurrentUser('sub') sub: string): object {
    return { event: 'who', data: sub };
  }
}

@Resolver()
@UseGuards(AppGuard)
class WhoResolver {
  @Query('who')
  who(@CurrentUser('sub') sub: string): string {
    return sub;
  }
}

@Controller()
@UseGuards(AppGuard)
class Messages {
  @MessagePattern('who')
  who(@CurrentUser('sub') sub: string): string {
    return sub;
  }
}

const typeDefs = 'type Query { who: String }';

@Module({
  imports: [
    RefreshAuthModule.forRoot({ secret: 'a secret of the application, long enough for HS256', storeTimeout: '30s' }),
    isFastify
      ? GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, typeDefs })
      : GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs }),
  ],
  controllers: [Messages],
  providers: [AppGuard, Gateway, WhoResolver],
})
class ContextsModule {}

/** @returns the answer to a message, and why the server closes the socket after a sign-out */
async function overSocket(url: string, token: string | undefined, signOut: () => Promise<void>): Promise<unknown[]> {
  if (isFastify) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const socket = new WebSocket(url.replace('http', 'ws'), { headers });
    const closed = once(socket, 'close');
    let answer: unknown;
    if (token !== undefined) {
      await once(socket, 'open');
      socket.send(JSON.stringify({ event: 'who' }));
      answer = JSON.parse(String((await once(socket, 'message'))[0])).data;
      await signOut();
    }
    return [answer, String((await closed)[1])];
  }
  const socket = io(url, { auth: { token }, transports: ['websocket'], reconnection: false });
  const refusal = new Promise<{ code: string }>((resolve) => socket.once('exception', resolve));
  const closed = new Promise((resolve) => socket.once('disconnect', resolve));
  let answer: unknown;
  if (token !== undefined) {
    const answered = new Promise((resolve) => socket.once('who', resolve));
    socket.emit('who', {});
    answer = await answered;
    await signOut();
  }
  await closed;
  return [answer, (await refusal).code];
}

async function overGraphql(url: string, token?: string): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: '{ who }' }),
  });
  const { data, errors } = (await response.json()) as {
    data?: { who?: string | null };
    errors?: { extensions?: { refreshAuth?: { code: string } } }[];
  };
  return data?.who ?? errors?.[0]?.extensions?.refreshAuth?.code;
}

async function overTcp(port: number, token?: string): Promise<unknown> {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { port } });
  try {
    return await firstValueFrom(client.send<string>('who', { token }));
  } catch (error) {
    return (error as { code?: string }).code;
  } finally {
    await client.close();
  }
}

async function main(): Promise<void> {
  const app = await NestFactory.create(ContextsModule, createAdapter(), { logger: ['error'], abortOnError: false });
  app.useWebSocketAdapter(isFastify ? new WsAdapter(app) : new IoAdapter(app));
  const service = app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const { port } = service.unwrap<Server>().address() as AddressInfo;
  const auth = app.get(RefreshAuthService);
  const { token } = await auth.issue({ sub: '7' });
  const signOut = (): Promise<void> => auth.revokeUser('7');

  deepStrictEqual([await overGraphql(url), await overGraphql(url, token)], ['token_missing', '7']);
  deepStrictEqual([await overTcp(port), await overTcp(port, token)], ['token_missing', '7']);
  deepStrictEqual(await overSocket(url, undefined, signOut), [undefined, 'token_missing']);
  deepStrictEqual(await overSocket(url, token, signOut), ['7', 'session_revoked']);
  await app.close();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
