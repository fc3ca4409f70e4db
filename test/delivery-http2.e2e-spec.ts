// Delivery over HTTP/2.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { RefreshAuthModule, RefreshAuthService } from 'nestjs-refresh-auth';
import { type AuthService, globalGuard, SECRET, withClock } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { type Kind, kinds, KindsController, LaterGuard } from './support/kinds-of-response.js';

const HOUR = 3_600_000;
const clock = new TestClock();
let app: INestApplication;
let auth: AuthService;
let session: ClientHttp2Session;

beforeAll(async () => {
  const testing = await Test.createTestingModule({
    imports: [withClock(RefreshAuthModule.forRoot({ secret: SECRET }), clock)],
    controllers: [KindsController],
    providers: [globalGuard, { provide: APP_GUARD, useClass: LaterGuard }],
  }).compile();
  app = testing.createNestApplication(new FastifyAdapter({ http2: true }), { logger: false });
  await app.listen(0, '127.0.0.1');
  auth = app.get<AuthService>(RefreshAuthService);
  session = connect(await app.getUrl());
});

afterAll(async () => {
  session.close();
  await app.close();
});

function ask(path: string, headers: Record<string, string>): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': `/kinds/${path}`, ...headers });
    let answer: IncomingHttpHeaders = {};
    stream.on('response', (received) => (answer = received));
    stream
      .once('error', reject)
      .once('end', () => resolve(answer))
      .resume();
  });
}

async function expiredToken(): Promise<string> {
  const { token } = await auth.issue({ sub: '1' });
  clock.advance(HOUR);
  return token;
}

function inHeaders({ request }: Kind): Record<string, string> {
  const { method, headers } = request ?? {};
  return { ...(headers as Record<string, string> | undefined), ...(method === undefined ? {} : { ':method': method }) };
}

test.each(kinds)('[D3] [D4] over HTTP/2, %s carries the new token', async (_, kind) => {
  const token = await expiredToken();

  const answer = await ask(kind.path, { ...inHeaders(kind), authorization: `Bearer ${token}` });

  expect(answer).toMatchObject({
    ':status': kind.status,
    authorization: expect.stringMatching(/^Bearer ey/),
    'set-cookie': [expect.stringMatching(/^__Host-authorization=ey/)],
    'cache-control': expect.stringContaining('no-store'),
  });
});

describe('over HTTP/2, which has :authority instead of Host', () => {
  test.each([
    ['this origin', (url: string) => url, 200],
    ['another one', () => 'https://attacker.example', 403],
    ['null', () => 'null', 403],
  ])('[C2] a POST of %s is recognized by it', async (_, origin, status) => {
    const token = await expiredToken();

    const answer = await ask('any-method', {
      ':method': 'POST',
      cookie: `__Host-authorization=${token}`,
      origin: origin(await app.getUrl()),
    });

    expect([answer[':status'], 'set-cookie' in answer]).toEqual([status, status === 200]);
  });
});
