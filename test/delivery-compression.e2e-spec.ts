// Delivery through a middleware that compresses responses.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Controller, Get, type MessageEvent, Sse } from '@nestjs/common';
import compression from 'compression';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { concat, NEVER, type Observable, of } from 'rxjs';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer } from './support/delivered.js';

const HOUR = 3_600_000;
const LONG = 'compressible '.repeat(500);

@Controller()
class CompressedController {
  @Get('long')
  long(): string {
    return LONG;
  }

  /** One event, and then the stream stays open. */
  @Sse('events')
  events(): Observable<MessageEvent> {
    return concat(of({ data: 'first' }), NEVER);
  }
}

let app: AuthApp;

beforeAll(async () => {
  app = await startAuthApp('express', {
    controllers: [CompressedController],
    configure: (nest) => nest.use(compression({ threshold: 0 })),
  });
});

afterAll(() => app.close());

/** The answer as far as its end, or its first event, after which the client hangs up. */
async function ask(path: string, token: string): Promise<{ headers: IncomingHttpHeaders; body: Buffer }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { ...bearer(token).headers, 'accept-encoding': 'gzip' };
    request(`${app.url}/${path}`, { agent: false, headers }, resolve).once('error', reject).end();
  });
  let body = Buffer.alloc(0);
  for await (const chunk of response) {
    body = Buffer.concat([body, chunk as Buffer]);
    if (body.includes('data: first')) break;
  }
  return { headers: response.headers, body };
}

async function expiredToken(): Promise<string> {
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(HOUR);
  return token;
}

test('[D4] a compressed response carries the token', async () => {
  const { headers, body } = await ask('long', await expiredToken());

  expect(headers).toMatchObject({
    authorization: expect.stringMatching(/^Bearer ey/),
    'set-cookie': [expect.stringMatching(/^__Host-authorization=ey/)],
    'content-encoding': 'gzip',
    'cache-control': 'private, no-store',
    vary: 'Accept-Encoding',
  });
  expect(gunzipSync(body).toString()).toBe(LONG);
});

test('[D4] compression does not hold back events, since the response keeps no-transform', async () => {
  const { headers, body } = await ask('events', await expiredToken());

  expect(headers).toMatchObject({
    authorization: expect.stringMatching(/^Bearer ey/),
    'cache-control': 'private, no-store, no-transform',
  });
  expect(headers['content-encoding']).toBeUndefined();
  expect(body.toString()).toContain('data: first');
});
