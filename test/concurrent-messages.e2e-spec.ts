// Messages of one socket that are under way at the same time: each handler has the user that its own guard has found.
import { afterEach, expect, test } from '@jest/globals';
import { type CanActivate, Injectable, UseGuards } from '@nestjs/common';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CurrentUser, type HttpRequest, Public, RefreshAuthGuard, RefreshAuthService } from 'nestjs-refresh-auth';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer } from './support/delivered.js';
import { Gates } from './support/gates.js';
import { connect, type GatewayClient, KINDS, withGateways } from './support/gateways.js';

let gates: Gates;
let app: AuthApp;
let client: GatewayClient;

/** A guard of the application that asks a database. */
@Injectable()
class SlowGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await gates.pass('database');
    return true;
  }
}

@WebSocketGateway()
@UseGuards(RefreshAuthGuard)
class NewsGateway implements OnGatewayConnection {
  constructor(private readonly auth: RefreshAuthService) {}

  async handleConnection(socket: object, request?: HttpRequest): Promise<void> {
    await this.auth.admit(socket, request);
  }

  @UseGuards(SlowGuard)
  @SubscribeMessage('news')
  news(@CurrentUser('sub') sub: string | undefined): object {
    return { event: 'news', data: sub ?? 'for nobody' };
  }

  @Public()
  @SubscribeMessage('weather')
  weather(@CurrentUser('sub') sub: string | undefined): object {
    return { event: 'weather', data: sub ?? 'for everybody' };
  }

  @SubscribeMessage('quick')
  quick(@CurrentUser('sub') sub: string): object {
    return { event: 'quick', data: sub };
  }
}

afterEach(async () => {
  await client.close();
  await app.close();
});

test.each(KINDS)('of %s', async (kind) => {
  gates = new Gates();
  app = await startAuthApp('express', { providers: [NewsGateway, SlowGuard], configure: withGateways(kind) });
  const { token } = await app.auth.issue({ sub: '1' });
  client = await connect(kind, app.url, { headers: bearer(token).headers as Record<string, string> });
  client.send('news');
  await gates.arrival('database');

  expect(await client.ask('weather')).toEqual({ event: 'weather', data: 'for everybody' });
  gates.open('database');
  expect(await client.next()).toEqual({ event: 'news', data: '1' });
  client.send('quick');
  client.send('weather');
  client.send('quick');
  expect([await client.next(), await client.next(), await client.next()]).toEqual(
    expect.arrayContaining([
      { event: 'quick', data: '1' },
      { event: 'weather', data: 'for everybody' },
    ]),
  );
});
