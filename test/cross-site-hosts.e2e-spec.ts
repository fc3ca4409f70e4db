// The cross-site check in every way in which an application is hosted.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { All, Controller, type INestApplication, Post, Res } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import express from 'express';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type HttpResponse,
  Public,
  RefreshAuthModule,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { type Adapter, adapters } from './support/apps.js';
import { type AuthService, globalGuard, SECRET, startAuthApp, withClock } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { cookie } from './support/delivered.js';
import { send } from './support/http.js';
import { invoke, type ServerlessHost, serverlessHosts } from './support/serverless.js';

const HOUR = 3_600_000;
const TRUSTED = 'https://trusted.example';

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @All('state')
  state(@TokenState() state: string): object {
    return { state };
  }

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '2' });
  }
}

/** Each value of an array is a line of its own. */
type Headers = Record<string, string | string[]>;

/** An application in one of the places where applications run. */
interface HostedApp {
  auth: AuthService;
  clock: TestClock;
  /** The `Origin` of a page of the application itself. */
  origin: string;
  ask(method: string, path: string, headers: Headers): Promise<{ status: number; json(): unknown }>;
  close(): Promise<unknown>;
}

const module = { controllers: [RoutesController], options: { csrf: { trustedOrigins: [TRUSTED] } } };
const withoutBody = { 'content-length': '0' };

async function onHttp1(adapter: Adapter): Promise<HostedApp> {
  const app = await startAuthApp(adapter, module);
  return {
    ...app,
    origin: app.url,
    ask: (method, path, headers) => send(`${app.url}/${path}`, { method, headers: { ...withoutBody, ...headers } }),
  };
}

async function onServerless(host: ServerlessHost, adapter: Adapter): Promise<HostedApp> {
  const app = await startAuthApp(adapter, module);
  return {
    ...app,
    origin: 'https://functions.example',
    ask: (method, path, headers) =>
      invoke(host, app.app, {
        method,
        path: `/${path}`,
        headers: Object.fromEntries(
          Object.entries({ host: 'functions.example', 'content-type': 'application/json', ...headers }).map(
            ([name, value]) => [name, [value].flat().join(',')],
          ),
        ),
        ...(method === 'POST' && { body: '{}' }),
      }),
  };
}

/** Below a path of an application that is not of Nest, and that another function hands requests to. */
async function insideAnotherApp(): Promise<HostedApp> {
  const app = await startAuthApp('express', module);
  const outer = express();
  outer.use('/inner', app.app.getHttpAdapter().getInstance() as RequestListener);
  const server = createServer((request, response) => void outer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...app,
    origin,
    ask: (method, path, headers) =>
      send(`${origin}/inner/${path}`, { method, headers: { ...withoutBody, ...headers } }),
    async close() {
      server.close();
      server.closeAllConnections();
      await app.close();
    },
  };
}

async function onHttp2(): Promise<HostedApp> {
  const clock = new TestClock();
  const testing = await Test.createTestingModule({
    imports: [withClock(RefreshAuthModule.forRoot({ secret: SECRET, ...module.options }), clock)],
    controllers: module.controllers,
    providers: [globalGuard],
  }).compile();
  const app: INestApplication = testing.createNestApplication(new FastifyAdapter({ http2: true }), { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const session = connect(url);
  await once(session, 'connect');
  return {
    auth: app.get<AuthService>(RefreshAuthService),
    clock,
    origin: url,
    async ask(method, path, headers) {
      const stream = session.request({ ':method': method, ':path': `/${path}`, ...headers });
      let body = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      stream.end();
      const [answer] = (await once(stream, 'response')) as [{ ':status': number }];
      if (!stream.readableEnded) await once(stream, 'end');
      return { status: answer[':status'], json: () => JSON.parse(body) as unknown };
    },
    async close() {
      session.close();
      await app.close();
    },
  };
}

const hosts: [name: string, start: () => Promise<HostedApp>][] = [
  ...adapters.map((adapter): [string, () => Promise<HostedApp>] => [`HTTP/1, on ${adapter}`, () => onHttp1(adapter)]),
  ['HTTP/2, on fastify', onHttp2],
  ['another application of Express', insideAnotherApp],
  ...serverlessHosts.flatMap((host) =>
    adapters.map((adapter): [string, () => Promise<HostedApp>] => [
      `${host}, on ${adapter}`,
      () => onServerless(host, adapter),
    ]),
  ),
];

describe.each(hosts)('[F2] requests to an application in %s', (_, start) => {
  let app: HostedApp;
  let token: string;

  beforeAll(async () => {
    app = await start();
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  test.each<[string, () => Headers]>([
    ['of no browser', () => ({})],
    ['of its own', () => ({ origin: app.origin })],
    ['of its own, by Sec-Fetch-Site', () => ({ 'sec-fetch-site': 'same-origin' })],
    ['of a trusted origin', () => ({ origin: TRUSTED, 'sec-fetch-site': 'cross-site' })],
  ])('pass and refresh, %s', async (__, headers) => {
    const carried = { ...headers(), ...(cookie(token).headers as Headers) };

    expect((await app.ask('POST', 'login', headers())).status).toBe(201);
    expect((await app.ask('GET', 'state', carried)).json()).toEqual({ state: 'valid' });
    app.clock.advance(HOUR);
    expect((await app.ask('GET', 'state', carried)).json()).toEqual({ state: 'refreshable' });
    expect((await app.ask('POST', 'state', carried)).json()).toEqual({ state: 'already-refreshed' });
  });

  test.each<[string, () => Headers]>([
    ['by Origin', () => ({ origin: 'https://attacker.example' })],
    ['by the Origin null', () => ({ origin: 'null' })],
    ['by Sec-Fetch-Site', () => ({ 'sec-fetch-site': 'same-site' })],
    ['by two Origins', () => ({ origin: [app.origin, 'https://attacker.example'] })],
    ['by two Origins, the other way round', () => ({ origin: ['https://attacker.example', app.origin] })],
    ['by two Sec-Fetch-Sites', () => ({ 'sec-fetch-site': ['same-origin', 'cross-site'] })],
  ])('are recognized as those of another site, %s', async (__, headers) => {
    const carried = { ...headers(), ...(cookie(token).headers as Headers) };

    expect((await app.ask('POST', 'login', headers())).status).toBe(403);
    expect((await app.ask('POST', 'state', carried)).status).toBe(403);
    expect((await app.ask('GET', 'state', carried)).json()).toEqual({ state: 'valid' });
    app.clock.advance(HOUR);
    expect((await app.ask('GET', 'state', carried)).status).toBe(401);
    expect(await app.auth.inspect(token)).toMatchObject({ state: 'refreshable' });
  });
});

test.each(adapters)('[F2] requests of another site are recognized in inject(), on %s', async (adapter) => {
  const script = fileURLToPath(new URL('support/inject.mjs', import.meta.url));

  const { stdout } = await promisify(execFile)(process.execPath, [script, adapter]);

  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    'sign-in of no browser': 200,
    'sign-in of its own': 200,
    'sign-in of another site': 403,
    'sign-out of another site': 403,
    'sign-out of two': 403,
    'sign-out of its own': 204,
  });
});
