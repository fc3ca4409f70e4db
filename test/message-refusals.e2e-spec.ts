// Errors of the library that the handler of a message throws itself, as from `authenticate`, behind the interceptor.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, UseInterceptors } from '@nestjs/common';
import {
  ClientProxyFactory,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { RefreshAuthInterceptor, RefreshAuthService } from 'nestjs-refresh-auth';
import type { AddressInfo, Server } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { connect, type GatewayClient, KINDS, withGateways } from './support/gateways.js';

const MALFORMED = { code: 'token_malformed', message: 'The token is malformed' };

@WebSocketGateway()
@UseInterceptors(RefreshAuthInterceptor)
class SignInGateway {
  constructor(private readonly auth: RefreshAuthService) {}

  @SubscribeMessage('who')
  async who(@MessageBody() token: string): Promise<object> {
    const { claims } = await this.auth.authenticate(token);
    return { event: 'who', data: claims.sub };
  }

  @SubscribeMessage('fail')
  fail(): never {
    throw new Error('of the application');
  }
}

let app: AuthApp;
afterEach(() => app.close());

describe.each(KINDS)('over %s', (kind) => {
  let client: GatewayClient;

  beforeEach(async () => {
    app = await startAuthApp('express', { providers: [SignInGateway], configure: withGateways(kind) });
    client = await connect(kind, app.url);
  });
  afterEach(() => client.close());

  test('reach the client once, with code and message', async () => {
    const { token } = await app.auth.issue({ sub: '1' });

    expect(await client.ask('who', 'garbage')).toEqual({ event: 'exception', data: MALFORMED });
    expect(await client.ask('who', token)).toEqual({ event: 'who', data: '1' });
  });

  test('and other errors stay secret', async () => {
    expect(await client.ask('fail')).toMatchObject({ event: 'exception', data: { message: 'Internal server error' } });
  });
});

@Controller()
@UseInterceptors(RefreshAuthInterceptor)
class JobsController {
  constructor(private readonly auth: RefreshAuthService) {}

  @MessagePattern('who')
  async who(@Payload() token: string): Promise<string> {
    const { claims } = await this.auth.authenticate(token);
    return claims.sub;
  }
}

test('reach the client of a microservice that does not inherit the filters of its application', async () => {
  app = await startAuthApp('express', { controllers: [JobsController] });
  const microservice = app.app.connectMicroservice<MicroserviceOptions>({
    transport: Transport.TCP,
    options: { port: 0, host: '127.0.0.1' },
  });
  await app.app.startAllMicroservices();
  const { port } = microservice.unwrap<Server>().address() as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { port, host: '127.0.0.1' } });

  await expect(firstValueFrom(client.send('who', 'garbage'))).rejects.toEqual(MALFORMED);
  await client.close();
});
