// A server that renders pages for browsers, against a real application. Its store is in memory, where the test's clock decides
// the age of a token; Redis has a clock of its own.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type RefreshAuthOptions,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { onBehalfOf } from 'nestjs-refresh-auth/ssr';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { HOUR, MINUTE, SECOND } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Post('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Public()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }

  @Get('me')
  me(@CurrentUser() { sub }: TokenClaims): unknown {
    return { sub };
  }

  @Post('notes')
  note(): unknown {
    return {};
  }
}

const FROM_OWN_PAGE = { origin: 'https://front.example', 'sec-fetch-site': 'same-origin' };
const FROM_ANOTHER_SITE = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };

/** Lines are kept as a browser keeps them: by name here, since there is one host and one path. */
class Browser {
  readonly #cookies = new Map<string, string>();

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  receive(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}

/** The same numbers in each run. */
function* pseudoRandom(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

const POLICIES: [string, RefreshAuthOptions['reuseDetection']][] = [
  ['off', false],
  ['on, with allowNoRefresh', { allowNoRefresh: true }],
];

describe.each(adapters)('On %s,', (adapter) => {
  let app: AuthApp;
  let browser: Browser;

  beforeEach(() => {
    browser = new Browser();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await app.close();
  });

  const start = async (
    reuseDetection: RefreshAuthOptions['reuseDetection'],
    cookie: NonNullable<RefreshAuthOptions['delivery']>['cookie'] = {},
  ): Promise<void> => {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { expiresIn: '1m', refreshWindow: '1d', reuseDetection, delivery: { header: false, cookie } },
    });
    // The clock of the front end's server.
    jest.spyOn(Date, 'now').mockImplementation(() => app.clock.now());
  };

  const apiFor = (cookie: string, canSetCookies: boolean, headers: object = {}): ReturnType<typeof onBehalfOf> =>
    onBehalfOf({ cookie, ...headers }, { api: app.url, canSetCookies });

  const post = async (path: string, from: object): Promise<Response> => {
    const api = apiFor(browser.cookie, true, from);
    const response = await api.fetch(path, { method: 'POST' });
    browser.receive(api.setCookies);
    return response;
  };

  const statusOf = async (api: ReturnType<typeof onBehalfOf>): Promise<number> => (await api.fetch('/me')).status;

  /** A page whose middleware may set cookies, and whose components may not. */
  async function renderedPage(cookie: string): Promise<{ statuses: number[]; lines: readonly string[] }> {
    const middleware = apiFor(cookie, true);
    await middleware.refresh('/me');
    const components = apiFor(middleware.cookie, false);
    const statuses = [await statusOf(components), ...(await Promise.all([statusOf(components), statusOf(components)]))];
    return { statuses, lines: middleware.setCookies };
  }

  /** A page without a middleware, whose response has not begun before its calls are answered. */
  async function handledPage(cookie: string): Promise<{ statuses: number[]; lines: readonly string[] }> {
    const api = apiFor(cookie, true);
    const statuses = [await statusOf(api), ...(await Promise.all([statusOf(api), statusOf(api)]))];
    return { statuses, lines: api.setCookies };
  }

  /** A page that streams: nothing can be set. */
  async function streamedPage(cookie: string): Promise<{ statuses: number[]; lines: readonly string[] }> {
    const api = apiFor(cookie, false);
    return { statuses: await Promise.all([statusOf(api), statusOf(api)]), lines: api.setCookies };
  }

  test.each(POLICIES)(
    '[F25] reuse detection %s: 1,000 page loads over many expiries lose no session, with one refresh for each generation',
    async (_, reuseDetection) => {
      await start(reuseDetection);
      await post('/sign-in', FROM_OWN_PAGE);
      const random = pseudoRandom(19);
      const pages = [renderedPage, handledPage, streamedPage];
      const statuses: number[] = [];
      const tokens = new Set<string>();
      let loads = 0;
      while (loads < 1000) {
        // Several tabs load at once, with the same cookie.
        const tabs = 1 + Math.floor(random.next().value * 3);
        const loading = Array.from({ length: tabs }, () => pages[Math.floor(random.next().value * 3)]!(browser.cookie));
        for (const page of await Promise.all(loading)) {
          statuses.push(...page.statuses);
          for (const line of page.lines) tokens.add(/=([^;]*)/.exec(line)?.[1] ?? '');
          // One response in ten does not reach the browser: the tab was closed.
          if (random.next().value > 0.1) browser.receive(page.lines);
        }
        await app.app.get(RefreshAuthCore).usedGenerations?.flush();
        loads += tabs;
        app.clock.advance(random.next().value < 0.02 ? HOUR : random.next().value * 100 * SECOND);
      }

      expect(new Set(statuses)).toEqual(new Set([200]));
      const generations = [...tokens].map((token) => Number(decodePayload(token)['gen']));
      expect(generations.length).toBeGreaterThan(200);
      expect(generations).toEqual([...new Set(generations)].sort((a, b) => a - b));
      const refreshed = app.events.flatMap((event) => (event.type === 'refreshed' ? [event.gen] : []));
      expect(refreshed).toEqual([...new Set(refreshed)]);
      expect(app.events.filter(({ type }) => type.startsWith('reuse') || type === 'session-revoked')).toEqual([]);
    },
    120_000,
  );

  test('[F25] a browser that never gets its response comes back after hours, although the page used the API meanwhile', async () => {
    await start({ allowNoRefresh: true });
    await post('/sign-in', FROM_OWN_PAGE);
    app.clock.advance(2 * MINUTE);
    const lost = [await renderedPage(browser.cookie), await handledPage(browser.cookie)];
    await app.app.get(RefreshAuthCore).usedGenerations?.flush();
    app.clock.advance(3 * HOUR);
    const page = await renderedPage(browser.cookie);

    expect([...lost, page].flatMap(({ statuses }) => statuses)).toEqual(Array.from({ length: 9 }, () => 200));
  });

  test('[F21] all requests of a page are served while the API removes the cookie of an earlier deployment', async () => {
    await start(false, { previous: [{ name: '__Host-authorization', partitioned: true }] });
    await post('/sign-in', FROM_OWN_PAGE);
    app.clock.advance(2 * MINUTE);
    const { statuses, lines } = await handledPage(browser.cookie);

    expect([statuses, lines.length]).toEqual([[200, 200, 200], 2]);
  });

  test.each(['/sign-in', '/sign-out', '/notes'])(
    'another site that posts to the front end’s %s is refused, and nothing is set',
    async (path) => {
      await start(false);
      await post('/sign-in', FROM_OWN_PAGE);
      const before = browser.cookie;
      const response = await post(path, FROM_ANOTHER_SITE);

      expect([response.status, await response.json()]).toEqual([
        403,
        expect.objectContaining({ code: 'request_cross_site' }),
      ]);
      expect(browser.cookie).toBe(before);
      expect((await post(path, FROM_OWN_PAGE)).ok).toBe(true);
    },
  );

  test('a sign-out through the front end ends the session', async () => {
    await start(false);
    await post('/sign-in', FROM_OWN_PAGE);
    const { cookie } = browser;
    await post('/sign-out', FROM_OWN_PAGE);

    expect(browser.cookie).toBe('');
    expect((await streamedPage(cookie)).statuses).toEqual([401, 401]);
  });
});
