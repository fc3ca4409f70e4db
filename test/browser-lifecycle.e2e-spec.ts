// The cookie over the life of a browser and its tabs, in a real Chromium under reuse detection.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Header, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CurrentUser,
  getTokenState,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { HOUR, MINUTE } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { startHttp2Front } from './support/http2-front.js';

const WAKING_REQUESTS = 50;
const ANSWER_LIMIT_MS = 20_000;

/** Playwright switches the back/forward cache off. The sandbox of Chromium does not work for root, as in a container. */
const LAUNCH = {
  executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
  args: ['--no-sandbox'],
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
};

/** Notes whether it was shown again without being loaded. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>A tab</title>
<script>
  let isBack = false;
  addEventListener('pageshow', (event) => (isBack ||= event.persisted));
</script>`;

/** Answers every GET of /state from the cache, which does not read \`Cache-Control\`. */
const SERVICE_WORKER = `
  addEventListener('activate', (event) => event.waitUntil(clients.claim()));
  addEventListener('fetch', (event) => {
    if (!event.request.url.endsWith('/state?cached')) return;
    event.respondWith(caches.open('answers').then(async (cache) => {
      const cached = await cache.match(event.request.url);
      if (cached) return cached;
      const response = await fetch(event.request);
      await cache.put(event.request.url, response.clone());
      return response;
    }));
  });`;

/** The globals of a page. */
declare const isBack: boolean;
declare const location: { href: string };
declare const history: { back(): void };
declare const document: { title: string; head: { insertAdjacentHTML(position: string, html: string): void } };
declare const navigator: {
  serviceWorker: { register(url: string): Promise<void>; ready: Promise<void>; controller: object | null };
};

/** Signs in, lets an hour pass, and goes to a page when that has been prerendered. */
const PRERENDERING_PAGE = `<!doctype html><link rel="icon" href="data:,"><title>A tab</title>
<script type="module">
  await fetch('/sign-in', { method: 'POST' });
  await fetch('/an-hour-later', { method: 'POST' });
  const rules = { prerender: [{ source: 'list', urls: ['/prerendered'], eagerness: 'immediate' }] };
  document.head.append(Object.assign(document.createElement('script'), { type: 'speculationrules', textContent: JSON.stringify(rules) }));
  await fetch('/until-prerendered');
  location.href = '/prerendered';
</script>`;

/** Asks for its state, and reports it while it is prerendered, and when it is shown. */
const prerenderedPage = (loaded: string): string => `<!doctype html><link rel="icon" href="data:,"><title>A tab</title>
<script type="module">
  const report = async (when) => {
    const { state, code } = await (await fetch('/state')).json();
    await fetch('/report?when=' + when + '&loaded=${loaded}&asked=' + (state ?? code), { method: 'POST' });
  };
  document.addEventListener('prerenderingchange', () => report('shown'));
  await report(document.prerendering ? 'prerendered' : 'loaded');
</script>`;

/** Tells what each load of /profile was for, and the state of its token. */
const profiles = new EventEmitter();
/** Tells what a prerendered page reports, and when. */
const reports = new EventEmitter();
const nextReport = (when: string): Promise<unknown[]> =>
  once(reports, when, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
let passHour = (): void => undefined;
let users = 0;

@Controller()
class RoutesController {
  constructor(private readonly service: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Get()
  @Header('Content-Type', 'text/html')
  page(): string {
    return PAGE;
  }

  @Public()
  @Get('worker.js')
  @Header('Content-Type', 'text/javascript')
  worker(): string {
    return SERVICE_WORKER;
  }

  @Public()
  @Get('prerendering')
  @Header('Content-Type', 'text/html')
  prerendering(): string {
    return PRERENDERING_PAGE;
  }

  @Public()
  @Post('an-hour-later')
  anHourLater(): void {
    passHour();
  }

  @Public()
  @Get('until-prerendered')
  async untilPrerendered(): Promise<void> {
    await nextReport('prerendered');
  }

  @Get('prerendered')
  @Header('Content-Type', 'text/html')
  prerendered(@TokenState() state: string): string {
    return prerenderedPage(state);
  }

  @Public()
  @Post('report')
  report(@Query() { when, ...report }: Record<'when' | 'loaded' | 'asked', string>): void {
    reports.emit(when, report);
  }

  @Public()
  @Post('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    users += 1;
    await this.service.signIn(response, { sub: `user ${users}` });
  }

  @Public()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.service.signOut(request, response);
  }

  @Get('state')
  state(@TokenState() state: string, @CurrentUser('sub') user: string): unknown {
    return { state, user };
  }

  @Get('profile')
  @Header('Content-Type', 'text/html')
  profile(@Req() request: HttpRequest, @CurrentUser('sub') user: string): string {
    const { headers } = 'raw' in request ? request.raw : request;
    profiles.emit('load', { purpose: headers['sec-purpose'], state: getTokenState(request) });
    return `<!doctype html><link rel="icon" href="data:,"><title>${user}</title>`;
  }
}

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch(LAUNCH);
});
afterAll(() => browser.close());

describe.each(adapters)('One Chromium, and an application on %s:', (adapter) => {
  let app: AuthApp;
  let context: BrowserContext;
  /** One tab for all tests, because a new one takes longer than a test. Each application is another origin, and its pages are new. */
  let page: Page;

  beforeAll(async () => {
    context = await browser.newContext();
    page = await context.newPage();
  });

  afterAll(() => context.close());

  beforeEach(async () => {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { expiresIn: '1m', refreshWindow: '1d', reuseDetection: {}, delivery: { header: false } },
    });
    await context.clearCookies();
    await page.goto(app.url);
  });

  afterEach(async () => {
    await app.close();
    const taken = app.events.filter(({ type }) => type === 'reuse-suspected' || type === 'reuse-detected');
    if (taken.length > 0) throw new Error('The browser was taken for a thief');
  });

  async function openAnother(from = context): Promise<Page> {
    const another = await from.newPage();
    await another.goto(app.url);
    return another;
  }

  async function openSignedIn(from: BrowserContext): Promise<Page> {
    const another = await openAnother(from);
    await post(another, '/sign-in');
    return another;
  }

  const post = (tab: Page, path: string): Promise<number> =>
    tab.evaluate(async (url) => (await fetch(url, { method: 'POST' })).status, path);

  /** Status, and state or code, of what scripts of the page ask for at once. */
  const ask = (tab: Page, path = '/state', requests = 1): Promise<string[]> =>
    tab.evaluate(
      ([url, count]) =>
        Promise.all(
          Array.from({ length: count }, async () => {
            const response = await fetch(url);
            const { state, code } = (await response.json()) as { state?: string; code?: string };
            return `${response.status} ${state ?? code}`;
          }),
        ),
      [path, requests] as const,
    );

  const nextProfile = (): Promise<unknown[]> =>
    once(profiles, 'load', { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  const addToHead = (html: string): Promise<void> =>
    page.evaluate((added) => document.head.insertAdjacentHTML('beforeend', added), html);

  test('a page from the back/forward cache is served after an expiry, and not after a sign-out', async () => {
    await post(page, '/sign-in');
    const other = await openAnother();
    const leaveAndReturn = async (meanwhile: () => unknown): Promise<void> => {
      await page.goto(`${app.url}/?elsewhere`);
      await meanwhile();
      await page.evaluate(() => history.back());
      await page.waitForFunction(() => !location.href.includes('elsewhere') && isBack);
    };
    await leaveAndReturn(() => app.clock.advance(HOUR));
    const afterExpiry = await ask(page);
    await leaveAndReturn(() => post(other, '/sign-out'));

    expect([afterExpiry, await ask(page)]).toEqual([['200 refreshable'], ['401 token_missing']]);
    await other.close();
  });

  test('a page that came with a new token is not shown again after a sign-out in another tab', async () => {
    await post(page, '/sign-in');
    const other = await openAnother();
    app.clock.advance(HOUR);
    await page.goto(`${app.url}/profile`);
    expect(await page.title()).toBe(`user ${users}`);
    await page.goto(app.url);
    await post(other, '/sign-out');
    const answered = page.waitForResponse(`${app.url}/profile`);
    await page.evaluate(() => history.back());

    expect((await answered).status()).toBe(401);
    await page.waitForURL(`${app.url}/profile`);
    await page.waitForFunction((user) => document.title !== user, `user ${users}`);
    await other.close();
  });

  test('a page that is prerendered refreshes, and is served once it is shown', async () => {
    passHour = () => app.clock.advance(HOUR);
    const folder = await mkdtemp(join(tmpdir(), 'profile-'));
    // Chromium prerenders nothing while it is debugged, as Playwright does.
    const args = ['--headless', '--no-sandbox', `--user-data-dir=${folder}`, `${app.url}/prerendering`];
    const shown = nextReport('shown');
    const child = spawn(LAUNCH.executablePath, args, { stdio: 'ignore' });
    const ended = once(child, 'close');
    try {
      expect(await shown).toEqual([{ loaded: 'refreshable', asked: 'valid' }]);
    } finally {
      child.kill();
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  });

  test('a page that is prefetched refreshes, and the browser keeps the new token', async () => {
    await post(page, '/sign-in');
    app.clock.advance(HOUR);
    const loaded = nextProfile();
    const finished = page.waitForEvent('requestfinished', (request) => request.url().endsWith('/profile'));
    await addToHead('<link rel="prefetch" href="/profile">');

    expect(await loaded).toEqual([{ purpose: 'prefetch', state: 'refreshable' }]);
    await finished;
    expect(await ask(page)).toEqual(['200 valid']);
  });

  test('a service worker that answers from its cache does not bring back the user who signed out', async () => {
    await post(page, '/sign-in');
    await page.evaluate(async () => {
      await navigator.serviceWorker.register('/worker.js');
      await navigator.serviceWorker.ready;
    });
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    app.clock.advance(HOUR);
    expect(await ask(page, '/state?cached')).toEqual(['200 refreshable']);
    await post(page, '/sign-out');
    expect([await ask(page, '/state?cached'), await ask(page)]).toEqual([['200 refreshable'], ['401 token_missing']]);
    await post(page, '/sign-in');
    await ask(page, '/state?cached');
    await page.goto(`${app.url}/profile`);

    expect(await page.title()).toBe(`user ${users}`);
  });

  test('two tabs share a session until one of them signs out, and the next sign-in', async () => {
    await post(page, '/sign-in');
    const [one, two] = [page, await openAnother()];
    app.clock.advance(HOUR);
    const shared = [await ask(one), await ask(two)];
    await post(two, '/sign-out');
    const signedOut = await ask(one);
    await post(two, '/sign-in');

    expect([...shared, signedOut, await ask(one)]).toEqual([
      ['200 refreshable'],
      ['200 valid'],
      ['401 token_missing'],
      ['200 valid'],
    ]);
    await two.close();
  });

  test('a browser that was closed and opened again is signed in; a private window is not, and shares nothing', async () => {
    const profile = await mkdtemp(join(tmpdir(), 'profile-'));
    let opened = await chromium.launchPersistentContext(profile, LAUNCH);
    let privateWindow = await browser.newContext();
    try {
      await openSignedIn(opened);
      const isPrivate = await openSignedIn(privateWindow);
      await opened.close();
      await post(isPrivate, '/sign-out');
      await privateWindow.close();
      app.clock.advance(HOUR);

      opened = await chromium.launchPersistentContext(profile, LAUNCH);
      const restored = await openAnother(opened);
      privateWindow = await browser.newContext();
      expect([await ask(restored), await ask(restored), await ask(await openAnother(privateWindow))]).toEqual([
        ['200 refreshable'],
        ['200 valid'],
        ['401 token_missing'],
      ]);
    } finally {
      await privateWindow.close();
      await opened.close();
      await rm(profile, { recursive: true, force: true });
    }
  });

  describe(`of ${WAKING_REQUESTS} requests with which a page wakes, one refreshes and all are served`, () => {
    const expectOneRefresh = async (tab: Page): Promise<void> => {
      app.clock.advance(MINUTE);
      const seen = await ask(tab, '/state', WAKING_REQUESTS);

      expect(seen.filter((each) => each === '200 refreshable')).toHaveLength(1);
      expect(seen.filter((each) => !/^200 (?:refreshable|already-refreshed|valid)$/.test(each))).toEqual([]);
      expect(app.events.filter(({ type }) => type === 'refreshed')).toHaveLength(1);
      expect(await ask(tab)).toEqual(['200 valid']);
    };
    const protocolOf = (tab: Page): Promise<string> =>
      tab.evaluate(() => {
        // In the page, which has types of its own.
        const { performance } = globalThis as unknown as {
          performance: { getEntriesByType(type: string): { nextHopProtocol: string }[] };
        };
        const [entry] = performance.getEntriesByType('navigation');
        return entry?.nextHopProtocol ?? '';
      });

    test('over HTTP/1.1', async () => {
      await post(page, '/sign-in');
      expect(await protocolOf(page)).toBe('http/1.1');
      await expectOneRefresh(page);
    });

    test('over HTTP/2', async () => {
      const front = await startHttp2Front(app.url);
      const trusting = await browser.newContext({ ignoreHTTPSErrors: true });
      try {
        const tab = await trusting.newPage();
        await tab.goto(front.url);
        await post(tab, '/sign-in');
        expect(await protocolOf(tab)).toBe('h2');
        await expectOneRefresh(tab);
      } finally {
        await trusting.close();
        await front.close();
      }
    });
  });
});
