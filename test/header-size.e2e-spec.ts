// Tokens that make the headers of a response too large for a proxy.
import { afterEach, describe, expect, test } from '@jest/globals';
import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import {
  type DeliveryOptions,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, delivered } from './support/delivered.js';
import { type HttpAnswer, send } from './support/http.js';

@Controller()
class SessionsController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Post('sign-in')
  async signIn(@Body() claims: { sub: string }, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, claims);
  }

  @Get('guarded')
  guarded(): string {
    return 'guarded';
  }
}

/** A token of about so many bytes. */
const claims = (bytes: number) => ({ sub: '1', notes: 'x'.repeat((bytes - 320) * 0.75) });

describe.each(adapters)('[F33] the size of the headers on %s', (adapter) => {
  const apps: AuthApp[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  async function start(delivery: DeliveryOptions = {}): Promise<AuthApp> {
    const app = await startAuthApp(adapter, { controllers: [SessionsController], options: { delivery } });
    apps.push(app);
    return app;
  }

  const signIn = ({ url }: AuthApp, bytes: number): Promise<HttpAnswer> =>
    send(`${url}/sign-in`, { method: 'POST', body: claims(bytes) });
  const warnings = ({ logs }: AuthApp): readonly string[] => logs.filter((line) => line.startsWith('warn '));

  /** All lines that the library has written. */
  function ownBytes({ rawHeaders }: HttpAnswer): number {
    const own = /^(authorization|set-cookie|cache-control|access-control-expose-headers)$/i;
    return rawHeaders.reduce((sum, name, index) => {
      const isOwn = index % 2 === 0 && own.test(name);
      return isOwn ? sum + `${name}: ${rawHeaders[index + 1]}\r\n`.length : sum;
    }, 0);
  }

  test('is logged once, with the remedy, when a token that is sent twice leaves too little room for other headers', async () => {
    const app = await start();

    const answer = await signIn(app, 1900);
    await signIn(app, 1950);

    const { header: token = '' } = delivered(answer);
    expect(answer.status).toBe(201);
    expect(warnings(app)).toEqual([
      `warn A token of ${token.length} bytes adds ${ownBytes(answer)} bytes of response headers, in the header and the cookie. By default, nginx answers 502 when all headers of a response together exceed 4096 bytes. Send the token only once (delivery: { header: false } or { cookie: false }), sign fewer claims, or set proxy_buffer_size 16k and proxy_busy_buffers_size 16k in nginx. RefreshAuthModule`,
    ]);
  });

  test('is logged when a token is refreshed', async () => {
    const app = await start();
    const { token } = await app.auth.issue(claims(1900));
    app.clock.advance(HOUR);
    expect(warnings(app)).toEqual([]);

    await send(`${app.url}/guarded`, bearer(token));

    expect(warnings(app)).toHaveLength(1);
  });

  test.each<[number, string, DeliveryOptions]>([
    [1300, 'header and cookie', {}],
    [2600, 'the cookie', { header: false }],
    [2600, 'the header', { cookie: false }],
  ])('is not logged for a token of %i bytes in %s', async (bytes, _, delivery) => {
    const app = await start(delivery);

    await signIn(app, bytes);

    expect(warnings(app)).toEqual([]);
  });

  test.each<[string, DeliveryOptions]>([
    ['cookie', { header: false }],
    ['header', { cookie: false }],
  ])('is logged for a token that is too long for one %s', async (where, delivery) => {
    const app = await start(delivery);

    const answer = await signIn(app, 3500);

    expect(warnings(app)).toEqual([
      expect.stringMatching(
        new RegExp(
          `adds ${ownBytes(answer)} bytes of response headers, in the ${where}\\. By default, nginx .* 4096 bytes\\. Sign fewer claims, or set proxy_buffer_size 16k and proxy_busy_buffers_size 16k in nginx\\. RefreshAuthModule$`,
        ),
      ),
    ]);
  });
});
