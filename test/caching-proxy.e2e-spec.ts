// A shared cache in front of the application keeps no token, and gives nobody the token of somebody else.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { CurrentUser, type HttpRequest, OptionalAuth, type TokenClaims } from 'nestjs-refresh-auth';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { type CachingProxy, startCachingProxy } from './support/caching-proxy.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import type { HttpAnswer, RequestOptions } from './support/http.js';
import { send } from './support/http.js';

const HOUR = 3_600_000;

/** Headers that make a response as cacheable as possible. */
const SAID: Record<string, Record<string, string>> = {
  public: { 'Cache-Control': 'public, max-age=600' },
  shared: { 'Cache-Control': 's-maxage=600' },
  'must-revalidate': { 'Cache-Control': 'max-age=600, must-revalidate' },
  targeted: { 'Cache-Control': 'private', 'CDN-Cache-Control': 'max-age=600' },
  surrogate: { 'Surrogate-Control': 'max-age=600, public' },
  everything: {
    'Cache-Control': 'public, immutable, max-age=600, s-maxage=600',
    'CDN-Cache-Control': 'public, max-age=600',
    'Surrogate-Control': 'max-age=600',
  },
  confirmed: { 'Cache-Control': 'public, max-age=0', ETag: '"1"' },
};

interface Reply {
  status(code: number): Reply;
  header(name: string, value: string): Reply;
}

@Controller()
class CacheableController {
  @OptionalAuth()
  @Get(':said/:page')
  page(
    @Param('said') said: string,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: Reply,
    @CurrentUser() user: TokenClaims | undefined,
  ): object {
    for (const [name, value] of Object.entries(SAID[said] ?? {})) reply.header(name, value);
    const { headers } = 'raw' in request ? request.raw : request;
    if (said === 'confirmed' && headers['if-none-match'] === '"1"') reply.status(304);
    return { for: user?.sub ?? 'everybody' };
  }
}

describe.each(adapters)('a shared cache in front of %s', (adapter) => {
  let app: AuthApp;
  let proxy: CachingProxy;
  let token: string;
  let pages = 0;
  let page: string;

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [CacheableController] });
    proxy = await startCachingProxy(app.url);
  });

  afterAll(async () => {
    await proxy.close();
    await app.close();
  });

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
    // One that no cache has seen.
    page = `page-${(pages += 1)}`;
  });

  const ask = (said: string, request: RequestOptions = {}): Promise<HttpAnswer> =>
    send(`${proxy.url}/${said}/${page}`, request);

  const cacheable = Object.keys(SAID).filter((said) => said !== 'confirmed');

  test.each(cacheable)('[D3] keeps a response without a token, as the handler said: %s', async (said) => {
    const answers = [await ask(said), await ask(said), await ask(said, cookie(token))];

    expect(answers.map(({ headers }) => headers['x-cache'])).toEqual(['miss', 'hit', 'hit']);
    expect(answers.map((answer) => answer.json())).toEqual(answers.map(() => ({ for: 'everybody' })));
  });

  test.each(cacheable.flatMap((said) => [[said, 'cookie'] as const, [said, 'header'] as const]))(
    '[D3] never hands the token of one client to another, whatever the handler said: %s, by %s',
    async (said, by) => {
      app.clock.advance(HOUR);

      const first = await ask(said, by === 'cookie' ? cookie(token) : bearer(token));
      const second = await ask(said);

      expect(delivered(first)).toEqual({ header: expect.any(String), cookie: expect.any(String) });
      expect([first.json(), first.headers['x-cache']]).toEqual([{ for: '1' }, 'miss']);
      expect([delivered(second), second.json(), second.headers['x-cache']]).toEqual([
        nothing,
        { for: 'everybody' },
        'miss',
      ]);
    },
  );

  test('[D3] does not keep the token of a 304 that confirms what it has', async () => {
    await ask('confirmed');
    app.clock.advance(HOUR);

    const first = await ask('confirmed', cookie(token));
    const second = await ask('confirmed');

    expect([first.headers['x-cache'], first.status, delivered(first)]).toEqual([
      'confirmed',
      200,
      { header: expect.any(String), cookie: expect.any(String) },
    ]);
    expect([second.headers['x-cache'], second.status, delivered(second)]).toEqual(['confirmed', 200, nothing]);
  });
});
