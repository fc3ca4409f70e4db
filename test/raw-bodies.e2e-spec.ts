// Middleware of Express that keeps the body of a request in `request.raw`, where a request of Fastify has that of Node.js.
import { afterEach, expect, test } from '@jest/globals';
import { Controller, Post } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { CurrentUser } from 'nestjs-refresh-auth';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie } from './support/delivered.js';
import { send } from './support/http.js';

@Controller()
class OrdersController {
  @Post('orders')
  order(@CurrentUser('sub') sub: string): object {
    return { sub };
  }
}

let app: AuthApp;
afterEach(() => app.close());

/** An application whose middleware keeps each body in `raw`, as text or as what it means. */
async function start(read: (body: string) => unknown): Promise<string> {
  app = await startAuthApp('express', {
    controllers: [OrdersController],
    configure: (nest) => {
      const keepBody = async (request: IncomingMessage & { raw?: unknown }, _: unknown, next: () => void) => {
        request.raw = read(await text(request));
        next();
      };
      (nest as NestExpressApplication).use(keepBody);
    },
  });
  return (await app.auth.issue({ sub: '1' })).token;
}

test('does not keep a request from being served', async () => {
  const token = await start((body) => body);
  const answer = await send(`${app.url}/orders`, { method: 'POST', body: { order: 1 }, ...bearer(token) });

  expect([answer.status, answer.json()]).toEqual([201, { sub: '1' }]);
});

test('[C1] does not let the body of a page of another site pass for the request', async () => {
  const token = await start((body) => JSON.parse(body) as unknown);
  const { cookie: line = '' } = cookie(token).headers as Record<string, string>;
  const own = { method: 'POST', headers: { cookie: line, 'sec-fetch-site': 'same-origin' } };
  const body = { ...own, rawHeaders: ['Cookie', line, 'Sec-Fetch-Site', 'same-origin'] };
  const headers = { cookie: line, origin: 'https://attacker.example', 'sec-fetch-site': 'cross-site' };
  const answer = await send(`${app.url}/orders`, { method: 'POST', body, headers });

  expect([answer.status, answer.json()]).toEqual([403, expect.objectContaining({ code: 'request_cross_site' })]);
});
