// Applications on Fastify that add to each reply the methods of Node.js that Passport calls.
import { afterEach, expect, test } from '@jest/globals';
import { Controller, Get, Post, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CurrentUser, InjectRefreshAuth, Public } from 'nestjs-refresh-auth';
import type { ServerResponse } from 'node:http';
import { type AuthApp, type AuthService, startAuthApp } from './support/auth-app.js';
import { bearer, delivered } from './support/delivered.js';
import { send } from './support/http.js';

const HOUR = 3_600_000;

interface Decorated {
  raw: ServerResponse;
  setHeader(name: string, value: string): unknown;
  end(): void;
}

@Controller()
class OrdersController {
  constructor(@InjectRefreshAuth() private readonly auth: AuthService) {}

  @Get('orders')
  orders(@CurrentUser('sub') sub: string): object {
    return { sub };
  }

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: ServerResponse): Promise<object> {
    await this.auth.signIn(response, { sub: '1' });
    return {};
  }
}

let app: AuthApp;
afterEach(() => app.close());

async function start(): Promise<void> {
  app = await startAuthApp('fastify', {
    controllers: [OrdersController],
    configure: (nest) => {
      const fastify = (nest as NestFastifyApplication).getHttpAdapter().getInstance();
      fastify.addHook('onRequest', (request, reply, done) => {
        const decorated = reply as unknown as Decorated;
        decorated.setHeader = (name, value) => decorated.raw.setHeader(name, value);
        decorated.end = () => decorated.raw.end();
        (request as { res?: unknown }).res = reply;
        done();
      });
    },
  });
}

test('a reply with `setHeader` carries the next token', async () => {
  await start();
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(HOUR);
  const answer = await send(`${app.url}/orders`, bearer(token));

  expect([answer.status, answer.json()]).toEqual([200, { sub: '1' }]);
  expect(delivered(answer)).toEqual({ header: expect.any(String), cookie: expect.any(String) });
});

test('a reply with `setHeader` carries the token of a sign-in', async () => {
  await start();
  const answer = await send(`${app.url}/login`, { method: 'POST', body: {} });

  expect(answer.status).toBe(201);
  expect(delivered(answer)).toEqual({ header: expect.any(String), cookie: expect.any(String) });
});
