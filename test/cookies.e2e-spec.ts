// The attributes of the cookie, and tokens that are too large for one.
import { afterEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  type CookieOptions,
  type DeliveryOptions,
  type HttpRequest,
  type HttpResponse,
  Public,
  type RefreshAuthOptions,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { Cookie, CookieJar, PrefixSecurityEnum } from 'tough-cookie';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { send } from './support/http.js';
import { refusal, reloadFailed } from './support/http-refusals.js';

const HOUR = 3_600_000;

@Controller('app')
class CookieController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get()
  get(): object {
    return {};
  }

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Public()
  @Post('logout')
  @HttpCode(204)
  async logout(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }
}

const apps: AuthApp[] = [];

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function start(
  adapter: (typeof adapters)[number],
  options: RefreshAuthOptions,
  clock = new TestClock(),
): Promise<AuthApp> {
  const app = await startAuthApp(adapter, { controllers: [CookieController], options, clock });
  apps.push(app);
  return app;
}

/** A browser of the test's clock at https://app.example.com, which the requests reach without TLS. */
class Browser {
  readonly #jar = new CookieJar(undefined, { prefixSecurity: PrefixSecurityEnum.STRICT, rejectPublicSuffixes: false });
  readonly #url = 'https://app.example.com/app/page';

  constructor(private readonly app: AuthApp) {}

  async visit(path: string, method = 'GET'): Promise<{ status: number; lines: string[] }> {
    const headers = { cookie: await this.#jar.getCookieString(this.#url), 'content-length': '0' };
    const { status, setCookies } = await send(`${this.app.url}/app${path}`, { method, headers });
    // A jar has the time of the system; what the lines say of theirs is compared below.
    for (const line of setCookies) await this.#jar.setCookie(line, this.#url);
    return { status, lines: setCookies };
  }

  kept(): Promise<Cookie[]> {
    return this.#jar.getCookies(this.#url);
  }
}

const kinds: [name: string, cookie: CookieOptions, attributes: string][] = [
  ['the default one', {}, 'Path=/; HttpOnly; Secure; SameSite=Lax'],
  ['one named __Host-', { name: '__Host-token' }, 'Path=/; HttpOnly; Secure; SameSite=Lax'],
  [
    'one named __Secure-',
    { name: '__Secure-token', domain: 'example.com' },
    'Domain=example.com; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'a partitioned one',
    { name: '__Host-token', partitioned: true, sameSite: 'none' },
    'Path=/; HttpOnly; Secure; Partitioned; SameSite=None',
  ],
  ['one of a path', { path: '/app', sameSite: 'strict', httpOnly: false }, 'Path=/app; Secure; SameSite=Strict'],
];

describe.each(adapters)('a cookie on %s', (adapter) => {
  test.each(kinds)(
    '[D6] [L7] %s is kept, replaced at a refresh and deleted by its attributes',
    async (_, options, attributes) => {
      const app = await start(adapter, { delivery: { header: false, cookie: options } });
      const browser = new Browser(app);

      const { lines: signedIn } = await browser.visit('/login', 'POST');
      const [first] = await browser.kept();
      app.clock.advance(HOUR);
      const { status, lines: refreshed } = await browser.visit('');
      const [second, ...others] = await browser.kept();
      const { lines: signedOut } = await browser.visit('/logout', 'POST');

      const name = options.name ?? (options.path ? 'authorization' : '__Host-authorization');
      expect([signedIn, status, refreshed, signedOut]).toEqual([
        [`${name}=${first?.value}; Max-Age=604800; ${attributes}`],
        200,
        [`${name}=${second?.value}; Max-Age=604800; ${attributes}`],
        [`${name}=; Max-Age=0; ${attributes}`],
      ]);
      expect(second?.value).not.toBe(first?.value);
      expect([others, await browser.kept()]).toEqual([[], []]);
      expect((await browser.visit('')).status).toBe(401);
    },
  );
});

const LIMIT = 4096 - '__Host-authorization'.length;
const grown = { long: 'x'.repeat(4096) };

describe.each(adapters)('[D7] a token that outgrows its cookie on %s', (adapter) => {
  const reloadClaims = ({ sub }: TokenClaims): object => ({ sub, ...grown });

  function tooLarge(app: AuthApp): object[] {
    return app.events.filter(({ type }) => type === 'token-too-large');
  }

  test('is sent only in the header, and an event says so', async () => {
    const app = await start(adapter, { reloadClaims });
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);

    const answer = await send(`${app.url}/app`, cookie(token));

    const { header = '', cookie: value } = delivered(answer);
    expect([answer.status, header.length > LIMIT, value]).toEqual([200, true, undefined]);
    expect(answer.headers['cache-control']).toBe('private, no-store');
    expect(tooLarge(app)).toEqual([
      { type: 'token-too-large', at: app.clock.now(), session: expect.any(String), gen: 1, bytes: header.length },
    ]);
    expect((await send(`${app.url}/app`, bearer(header))).status).toBe(200);
  });

  test('causes 503 if only the cookie is on, and nothing is refreshed', async () => {
    const app = await start(adapter, { reloadClaims, delivery: { header: false } });
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);

    const answer = await send(`${app.url}/app`, cookie(token));

    expect([refusal(answer), delivered(answer)]).toEqual([reloadFailed, nothing]);
    expect(await app.auth.inspect(token)).toMatchObject({ state: 'refreshable' });
    expect(tooLarge(app)).toEqual([
      { type: 'token-too-large', at: app.clock.now(), session: expect.any(String), gen: 1, bytes: expect.any(Number) },
    ]);
  });

  test('causes 503 with only the cookie even if another process has delivered it in the header', async () => {
    const clock = new TestClock();
    const store = new InMemorySessionStore(clock);
    const shared = { store, reloadClaims } satisfies RefreshAuthOptions;
    const other = await start(adapter, { ...shared }, clock);
    const app = await start(adapter, { ...shared, delivery: { header: false } }, clock);
    const { token } = await app.auth.issue({ sub: '1' });
    clock.advance(HOUR);
    await send(`${other.url}/app`, cookie(token));

    const answer = await send(`${app.url}/app`, cookie(token));

    expect([refusal(answer), delivered(answer)]).toEqual([reloadFailed, nothing]);
  });

  test.each([
    ['in cookies alone', { header: false }, 0, 200],
    ['in cookies alone, with one byte more', { header: false }, 1, 503],
    ['in both', {}, 0, 200],
    ['in both, with one byte more', {}, 1, 200],
  ] satisfies [string, DeliveryOptions, number, number][])('to the byte: %s', async (_, delivery, more, status) => {
    let letters = 0;
    const app = await start(adapter, { reloadClaims: ({ sub }) => ({ sub, s: 'x'.repeat(letters) }), delivery });
    const size = async (): Promise<number> =>
      (await app.auth.issue({ sub: '1', s: 'x'.repeat(letters) } as { sub: string })).token.length;
    letters = Math.floor((LIMIT - (await size())) * 0.75) - 3;
    while ((await size()) < LIMIT + more) letters += 1;
    // Three bytes are four characters, so not every length exists: this is the first on that side of the limit.
    if ((await size()) > LIMIT && more === 0) letters -= 1;
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);

    const answer = await send(`${app.url}/app`, cookie(token));

    expect([answer.status, delivered(answer).cookie !== undefined]).toEqual([status, more === 0]);
  });
});
