// A sign-in over plain http: the cookie is `Secure`, so clients do not send it back.
import { afterEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Inject, Post, Res } from '@nestjs/common';
import { CurrentUser, Public, RefreshAuthService } from 'nestjs-refresh-auth';
import { agent } from 'supertest';
import { adapters } from './support/apps.js';
import { type AuthApp, type AuthService, startAuthApp } from './support/auth-app.js';
import { send } from './support/http.js';

@Controller()
class AuthController {
  constructor(@Inject(RefreshAuthService) private readonly auth: AuthService) {}

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: never): Promise<void> {
    await this.auth.signIn(response, { sub: '7' });
  }

  @Get('me')
  me(@CurrentUser('sub') sub: string): object {
    return { sub };
  }
}

describe.each(adapters)('a sign-in over plain http on %s', (adapter) => {
  const apps: AuthApp[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  async function start(secure?: false): Promise<AuthApp> {
    const options = secure === undefined ? {} : { delivery: { cookie: { secure } } };
    const app = await startAuthApp(adapter, { controllers: [AuthController], options });
    apps.push(app);
    return app;
  }

  test('[F79] supertest loses the cookie: 401 token_missing', async () => {
    const { url } = await start();
    const client = agent(url);
    await client.post('/login').expect(201);

    const { status, body } = await client.get('/me');
    expect([status, body]).toEqual([401, expect.objectContaining({ code: 'token_missing' })]);
  });

  test('[F79] supertest keeps a cookie that is not `Secure`, as the documentation advises', async () => {
    const { url } = await start(false);
    const client = agent(url);
    await client.post('/login').expect(201);

    const { status, body } = await client.get('/me');
    expect([status, body]).toEqual([200, { sub: '7' }]);
  });

  const login = ({ url }: AuthApp, headers: Record<string, string>): Promise<unknown> =>
    send(`${url}/login`, { method: 'POST', headers, body: {} });
  const warnings = ({ logs }: AuthApp): string[] => logs.filter((line) => line.startsWith('warn'));

  test('[F79] a browser that drops the cookie is named, once', async () => {
    const app = await start();
    const headers = { host: '192.168.1.5:3000', origin: 'http://192.168.1.5:3000' };
    await login(app, headers);
    await login(app, headers);

    expect(warnings(app)).toEqual([
      'warn A browser signed in at http://192.168.1.5:3000, over plain http, and dropped the cookie, which is `Secure`. Use https, or set `delivery.cookie.secure` to false where nobody else can listen. RefreshAuthModule',
    ]);
  });

  test.each<[what: string, headers: Record<string, string>]>([
    ['localhost', { host: 'localhost:3000', origin: 'http://localhost:3000' }],
    ['a name below localhost', { host: 'shop.localhost', origin: 'http://shop.localhost' }],
    ['127.0.0.1', { host: '127.0.0.1:3000', origin: 'http://127.0.0.1:3000' }],
    ['[::1]', { host: '[::1]:3000', origin: 'http://[::1]:3000' }],
    ['https', { host: 'shop.example', origin: 'https://shop.example' }],
    [
      'https from a page on http',
      { host: 'shop.example', origin: 'http://shop.example', 'sec-fetch-site': 'same-origin' },
    ],
    ['a client that is no browser', { host: '192.168.1.5:3000' }],
  ])('[F79] nobody is warned of %s', async (_, headers) => {
    const app = await start();
    await login(app, headers);

    expect(warnings(app)).toEqual([]);
  });

  test('[F79] nobody is warned of a trusted page on http, whose request may have come over https', async () => {
    const origin = 'http://shop.example';
    const app = await startAuthApp(adapter, {
      controllers: [AuthController],
      options: { csrf: { trustedOrigins: [origin] } },
    });
    apps.push(app);

    expect(await login(app, { host: 'api.example', origin })).toMatchObject({ status: 201 });
    expect(warnings(app)).toEqual([]);
  });

  test('[F79] nobody is warned where the cookie is not `Secure`', async () => {
    const app = await start(false);
    await login(app, { host: '192.168.1.5:3000', origin: 'http://192.168.1.5:3000' });

    expect(warnings(app)).toEqual([]);
  });
});
