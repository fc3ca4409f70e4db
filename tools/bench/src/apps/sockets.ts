// A process of its own: a gateway of ws, with or without the guard and `admit`. Told over IPC to report what its sockets have cost.
import 'reflect-metadata';
import { Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type HttpRequest, RefreshAuthGuard, RefreshAuthModule, RefreshAuthService } from 'nestjs-refresh-auth';
import { usedHeap } from '../support/heap.js';
import { PATIENT, SECRET } from '../support/tokens.js';
import { redisUrl } from './variant.js';

/** Sent in answer to any message. */
export interface SocketCounters {
  /** In bytes. */
  readonly heap: number;
  /** CPU time of all threads, user and system, in microseconds. */
  readonly cpu: number;
}

@WebSocketGateway()
class OpenGateway {
  @SubscribeMessage('hello')
  hello(): object {
    return { event: 'hello', data: 'world' };
  }
}

@WebSocketGateway()
@UseGuards(RefreshAuthGuard)
class GuardedGateway extends OpenGateway implements OnGatewayConnection {
  constructor(private readonly auth: RefreshAuthService) {
    super();
  }

  async handleConnection(client: object, request: HttpRequest): Promise<void> {
    await this.auth.admit(client, request);
  }

  @SubscribeMessage('hello')
  override hello(): object {
    return super.hello();
  }
}

// The compiler of the benchmark writes no metadata of types.
Reflect.defineMetadata('design:paramtypes', [RefreshAuthService], GuardedGateway);

@Module({})
class AppModule {}

const isGuarded = process.argv[2] === 'guarded';
const app = await NestFactory.create(
  {
    module: AppModule,
    imports: [RefreshAuthModule.forRoot({ secret: SECRET, redis: redisUrl(), ...PATIENT })],
    providers: [isGuarded ? GuardedGateway : OpenGateway],
  },
  { logger: ['error'] },
);
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, '127.0.0.1');

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ heap: usedHeap(), cpu: user + system } satisfies SocketCounters);
});
console.log(`ready ${await app.getUrl()}`);
