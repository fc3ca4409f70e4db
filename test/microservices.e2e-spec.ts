// Messages of a microservice in a hybrid application, through a real client over TCP.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  type TcpContext,
  Transport,
} from '@nestjs/microservices';
import {
  type Authentication,
  CurrentUser,
  type HttpRequest,
  OptionalAuth,
  Public,
  RefreshAuthError,
  RefreshAuthGuard,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import type { AddressInfo, Server } from 'node:net';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { type AuthApp, type AuthAppOptions, globalGuard, startAuthApp } from './support/auth-app.js';
import { bearer } from './support/delivered.js';
import { send } from './support/http.js';

const EXPIRED = 20 * 60_000;
const DEAD = 8 * 24 * 3_600_000;

interface Message {
  readonly token?: unknown;
}

/** A guard as the documentation shows it: its messages carry their token beside their data. */
@Injectable()
class MessageGuard extends RefreshAuthGuard {
  protected override getToken(request: HttpRequest | undefined, context: ExecutionContext): string {
    if (context.getType<string>() !== 'rpc') return super.getToken(request, context);
    const { token } = context.switchToRpc().getData<Message>();
    if (token === undefined) throw new RefreshAuthError('token_missing');
    return token as string;
  }
}

@Controller()
class OrdersController {
  readonly placedBy: string[] = [];

  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @MessagePattern('mine')
  mine(@CurrentUser('sub') sub: string, @TokenState() state: string, @Ctx() context: TcpContext): object {
    return { sub, state, pattern: context.getPattern() };
  }

  /** Has no answer. */
  @EventPattern('placed')
  placed(@CurrentUser('sub') sub: string): void {
    this.placedBy.push(sub);
  }

  /** Lets an error of the library through. */
  @Public()
  @EventPattern('unchecked')
  async unchecked(@Payload() { token }: { token: string }): Promise<void> {
    await this.auth.authenticate(token);
  }

  @OptionalAuth()
  @MessagePattern('anybody')
  anybody(@CurrentUser('sub') sub: string | undefined): object {
    return { sub: sub ?? null };
  }

  /** As a queue worker does. */
  @Public()
  @MessagePattern('job')
  async job(@Payload() { token }: { token: string }): Promise<object> {
    const { claims } = await this.auth.authenticate(token);
    return { sub: claims.sub };
  }

  @Public()
  @MessagePattern('refresh')
  async refresh(@Payload() { token }: { token: string }): Promise<Authentication> {
    return this.auth.authenticate(token, { refresh: true });
  }

  @Get('orders')
  orders(@CurrentUser('sub') sub: string): object {
    return { sub };
  }
}

interface Hybrid extends AuthApp {
  request(pattern: string, data: unknown): Promise<unknown>;
  /** Sends an event, which has no answer. */
  emit(pattern: string, data: unknown): Promise<void>;
}

async function startHybrid(options: AuthAppOptions, inheritAppConfig = true): Promise<Hybrid> {
  const app = await startAuthApp('express', { controllers: [OrdersController], ...options });
  const microservice = app.app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.TCP, options: { port: 0, host: '127.0.0.1' } },
    { inheritAppConfig },
  );
  await app.app.startAllMicroservices();
  const { port } = microservice.unwrap<Server>().address() as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { port, host: '127.0.0.1' } });
  return {
    ...app,
    request: (pattern, data) => firstValueFrom(client.send(pattern, data)),
    emit: (pattern, data) => lastValueFrom(client.emit(pattern, data), { defaultValue: undefined }),
    close: async () => {
      await client.close();
      await app.close();
    },
  };
}

describe('[F57] a message of a microservice', () => {
  let app: Hybrid;
  let token: string;

  beforeAll(async () => {
    app = await startHybrid({ providers: [MessageGuard, { provide: APP_GUARD, useExisting: MessageGuard }] });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  const refused = (code: string, message: string): object => ({ code, message });

  test('with a valid token is served', async () => {
    expect(await app.request('mine', { token })).toEqual({ sub: '1', state: 'valid', pattern: 'mine' });
    expect(await app.request('anybody', { token })).toEqual({ sub: '1' });
  });

  test('beside HTTP routes, which are guarded by the same guard', async () => {
    expect((await send(`${app.url}/orders`, bearer(token))).json()).toEqual({ sub: '1' });
    expect((await send(`${app.url}/orders`)).status).toBe(401);
  });

  test.each<[string, (token: string) => unknown, object]>([
    ['without a token', () => ({}), refused('token_missing', 'No token was presented')],
    ['with garbage', () => ({ token: 'garbage' }), refused('token_malformed', 'The token is malformed')],
    ['with an object as token', () => ({ token: {} }), refused('token_malformed', 'The token is malformed')],
    [
      'with a forged token',
      (own) => ({ token: `${own.slice(0, -4)}AAAA` }),
      refused('token_invalid', 'The token is invalid'),
    ],
  ])('%s is refused with the code', async (_, data, error) => {
    await expect(app.request('mine', data(token))).rejects.toEqual(error);
    expect(await app.request('anybody', data(token))).toEqual({ sub: null });
  });

  test('with an expired token is refused with the code, and refreshes nothing', async () => {
    app.clock.advance(EXPIRED);

    await expect(app.request('mine', { token })).rejects.toEqual(refused('token_expired', 'The token has expired'));
    expect((await app.auth.inspect(token)).state).toBe('refreshable');
  });

  test('with a token whose session was revoked is refused', async () => {
    await app.auth.revokeUser('1');

    await expect(app.request('mine', { token })).rejects.toEqual(refused('session_revoked', 'The session was revoked'));
  });

  test('without an answer reaches its handler with a valid token, and nothing breaks with any other', async () => {
    const { placedBy } = app.app.get(OrdersController);
    for (const data of [{}, { token: 'garbage' }, { token: {} }, { token: `${token.slice(0, -4)}AAAA` }]) {
      await app.emit('placed', data);
      await app.emit('unchecked', data);
    }
    await app.emit('placed', { token });
    // The connection carries messages in their order.
    expect(await app.request('mine', { token })).toMatchObject({ sub: '1' });

    expect(placedBy).toEqual(['1']);
  });

  test('that a handler authenticates itself is served with an expired token, and refused with a dead one', async () => {
    app.clock.advance(EXPIRED);
    expect(await app.request('job', { token })).toEqual({ sub: '1' });
    app.clock.advance(DEAD);

    await expect(app.request('job', { token })).rejects.toEqual(refused('token_expired', 'The token has expired'));
  });

  test('that a handler refreshes gets one successor, although 100 come at once', async () => {
    app.clock.advance(EXPIRED);
    const racers = Array.from({ length: 100 }, () => app.request('refresh', { token }));
    const answers = (await Promise.all(racers)) as Authentication[];

    expect(answers.filter(({ state }) => state === 'refreshable')).toHaveLength(1);
    expect(new Set(answers.map(({ refreshed }) => refreshed?.token)).size).toBe(1);
  });
});

test('a microservice whose guard does not know where its token is refuses messages, and the log says what to do', async () => {
  const app = await startHybrid({ providers: [globalGuard] });
  const { token } = await app.auth.issue({ sub: '1' });

  await expect(app.request('mine', { token })).rejects.toEqual({ status: 'error', message: 'Internal server error' });
  await expect(app.request('anybody', { token })).rejects.toMatchObject({ status: 'error' });
  await app.close();
  expect(app.logs.join('\n')).toContain('Extend RefreshAuthGuard and override getToken(request, context)');
});

test('a microservice that does not inherit the guards of its application guards with @UseGuards, and refuses with the code', async () => {
  @Controller()
  @UseGuards(MessageGuard)
  class GuardedController extends OrdersController {
    @MessagePattern('guarded')
    guarded(@CurrentUser('sub') sub: string): object {
      return { sub };
    }
  }
  const app = await startHybrid({ controllers: [GuardedController], providers: [MessageGuard] }, false);
  const { token } = await app.auth.issue({ sub: '1' });

  expect(await app.request('guarded', { token })).toEqual({ sub: '1' });
  await expect(app.request('guarded', {})).rejects.toEqual({
    code: 'token_missing',
    message: 'No token was presented',
  });
  await app.close();
});
