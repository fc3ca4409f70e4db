// RefreshAuthClient in a real Chromium, as a page of the API's own origin uses it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Header, HttpCode, Post, Redirect, Req, Res } from '@nestjs/common';
import { build } from 'esbuild';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import type { RefreshAuthClient, RefreshAuthClientEvent } from 'nestjs-refresh-auth/client';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { launchChromium } from './support/demo-page.js';
import { decodePayload } from './support/hostile-tokens.js';

/** The globals of the page below. */
declare const auth: RefreshAuthClient;
declare const heard: RefreshAuthClientEvent[];
declare const localStorage: {
  length: number;
  setItem(key: string, value: string): void;
  getItem(key: string): string | null;
};
declare const navigator: {
  serviceWorker: { register(url: string): Promise<void>; ready: Promise<void>; controller: object | null };
};

const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>A tab</title>
<script src="/client.js"></script>
<script>
  const auth = new client.RefreshAuthClient();
  const heard = [];
  auth.subscribe((event) => heard.push(event));
</script>`;

/** Answers every GET of /state from the cache, which does not read \`Cache-Control\`. */
const SERVICE_WORKER = `
  addEventListener('activate', (event) => event.waitUntil(clients.claim()));
  addEventListener('fetch', (event) => {
    if (!event.request.url.endsWith('/state')) return;
    event.respondWith(caches.open('answers').then(async (cache) => {
      const cached = await cache.match(event.request.url);
      if (cached) return cached;
      const response = await fetch(event.request);
      await cache.put(event.request.url, response.clone());
      return response;
    }));
  });`;

/** Functions that are newer than the oldest browsers that docs/client.md names. */
const NEWER_FUNCTIONS = `
  const missing = {
    URL: ['canParse', 'parse'], Object: ['hasOwn', 'groupBy'], Response: ['json'], AbortSignal: ['any', 'timeout'],
    Promise: ['withResolvers', 'try'], Array: ['fromAsync'], Map: ['groupBy'], Iterator: ['from'],
  };
  for (const [name, functions] of Object.entries(missing)) for (const each of functions) delete window[name]?.[each];
  const missingMethods = {
    Array: ['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'with'], String: ['at', 'isWellFormed', 'toWellFormed'],
    Headers: ['getSetCookie'], AbortSignal: ['throwIfAborted'], Set: ['union', 'intersection', 'difference'],
    Uint8Array: ['at', 'toBase64'], Crypto: ['randomUUID'], Response: ['bytes'], Request: ['bytes'],
  };
  for (const [name, methods] of Object.entries(missingMethods)) for (const each of methods) delete window[name]?.prototype[each];
  delete Uint8Array.fromBase64;
  for (const name of ['structuredClone', 'Iterator', 'scheduler', 'navigation', 'cookieStore']) delete window[name];`;

let bundle: string;
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
  @Get('client.js')
  @Header('Content-Type', 'text/javascript')
  client(): string {
    return bundle;
  }

  @Public()
  @Get('worker.js')
  @Header('Content-Type', 'text/javascript')
  worker(): string {
    return SERVICE_WORKER;
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
  state(@TokenState() state: string): unknown {
    return { state };
  }

  @Get('elsewhere')
  @Redirect()
  elsewhere(): { url: string } {
    return { url: `${elsewhereUrl}/` };
  }
}

/** Another origin, to which the API redirects. */
let elsewhere: Server;
let elsewhereUrl: string;
let seenElsewhere: unknown[];
let browser: Browser;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: ['libs/refresh-auth/src/client/index.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'client',
    target: 'chrome91',
  });
  bundle = outputFiles[0]!.text;
  elsewhere = createServer((request, response) => {
    if (request.method === 'GET') seenElsewhere.push(request.headers.authorization);
    response.setHeader('Access-Control-Allow-Origin', '*').setHeader('Access-Control-Allow-Headers', 'authorization');
    response
      .setHeader('Access-Control-Expose-Headers', 'authorization')
      .setHeader('Authorization', 'Bearer e30.eyJzaWQiOiJ4IiwiZ2VuIjowfQ.x');
    response.end('{}');
  }).listen(0);
  await once(elsewhere, 'listening');
  elsewhereUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  elsewhere.closeAllConnections();
  elsewhere.close();
});

describe.each(adapters)('RefreshAuthClient in Chromium, and an application on %s:', (adapter) => {
  let app: AuthApp;
  let context: BrowserContext;
  /** One tab for all tests, because a new one takes longer than a test. Each application is another origin, with a storage of its own. */
  let page: Page;

  beforeAll(async () => {
    context = await browser.newContext();
    page = await context.newPage();
  });

  afterAll(() => context.close());

  beforeEach(async () => {
    seenElsewhere = [];
    app = await startAuthApp(adapter, { controllers: [RoutesController] });
    await context.clearCookies();
    await page.goto(app.url);
  });

  afterEach(() => app.close());

  async function openAnother(from = context): Promise<Page> {
    const another = await from.newPage();
    await another.goto(app.url);
    return another;
  }

  const post = (tab: Page, path: string): Promise<number> =>
    tab.evaluate(async (url) => (await auth.fetch(url, { method: 'POST' })).status, path);
  const signOut = (tab: Page): Promise<number> => tab.evaluate(async () => (await auth.signOut('/sign-out')).status);
  const states = (tab: Page, requests = 1): Promise<string[]> =>
    tab.evaluate(
      (count) =>
        Promise.all(
          Array.from({ length: count }, async () => {
            const response = await auth.fetch('/state');
            const { state, code } = (await response.json()) as { state?: string; code?: string };
            return `${response.status} ${state ?? code}`;
          }),
        ),
      requests,
    );
  const userOf = async (tab: Page): Promise<unknown> =>
    decodePayload((await tab.evaluate(() => auth.token)) ?? 'e30.e30.')['sub'];
  const events = (tab: Page): Promise<unknown[]> =>
    tab.evaluate(() =>
      heard.map((event) => (event.type === 'token' ? [event.token !== undefined, event.elsewhere] : 401)),
    );

  test('[F59] gets through three expiries and a storm without the functions that old browsers lack', async () => {
    const old = await browser.newContext();
    await old.addInitScript(NEWER_FUNCTIONS);
    const oldPage = await openAnother(old);
    const problems: string[] = [];
    oldPage.on('pageerror', (error) => problems.push(String(error)));
    await post(oldPage, '/sign-in');
    const seen: string[] = [];
    for (let expiries = 0; expiries < 3; expiries += 1) {
      app.clock.advance(HOUR);
      seen.push(...(await states(oldPage)), ...(await states(oldPage)));
    }
    app.clock.advance(HOUR);
    const storm = await states(oldPage, 20);
    await signOut(oldPage);

    expect(await oldPage.evaluate(() => ['canParse' in URL, 'at' in Array.prototype])).toEqual([false, false]);
    expect(seen).toEqual([
      '200 refreshable',
      '200 valid',
      '200 refreshable',
      '200 valid',
      '200 refreshable',
      '200 valid',
    ]);
    expect(storm.sort()).toEqual([...Array.from({ length: 19 }, () => '200 already-refreshed'), '200 refreshable']);
    expect([await states(oldPage), problems]).toEqual([['401 token_missing'], []]);
    await old.close();
  });

  test('[F58] a full localStorage loses no answer and no token', async () => {
    await page.evaluate(() => {
      const { length } = localStorage;
      for (let size = 1 << 22; size >= 1; size >>= 1) {
        try {
          for (let entry = 0; ; entry += 1) localStorage.setItem(`${length}-${size}-${entry}`, 'x'.repeat(size));
        } catch {
          // Full for entries of this size.
        }
      }
    });
    expect(await post(page, '/sign-in')).toBe(201);
    app.clock.advance(HOUR);

    expect([await states(page), await states(page)]).toEqual([['200 refreshable'], ['200 valid']]);
    expect(await page.evaluate(() => localStorage.getItem('refresh-auth'))).toBeNull();
  });

  test('[F9] a service worker that answers from its cache does not bring back the user who signed out', async () => {
    await page.evaluate(async () => {
      await navigator.serviceWorker.register('/worker.js');
      await navigator.serviceWorker.ready;
    });
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await post(page, '/sign-in');
    const first = await userOf(page);
    app.clock.advance(HOUR);
    expect(await states(page)).toEqual(['200 refreshable']);
    await signOut(page);
    app.clock.advance(1000);
    await post(page, '/sign-in');
    const second = await userOf(page);
    const cached = await page.evaluate(async () => (await auth.fetch('/state')).headers.get('Authorization'));

    expect(decodePayload(cached?.replace('Bearer ', '') ?? '')['sub']).toBe(first);
    expect([await userOf(page), second === first]).toEqual([second, false]);
    await page.reload();
    await states(page);
    expect(await userOf(page)).toBe(second);
  });

  test('a tab follows sign-in and sign-out in another tab', async () => {
    const [one, two] = [page, await openAnother()];
    await post(one, '/sign-in');
    await two.waitForFunction(() => heard.length === 1);
    expect(await states(two)).toEqual(['200 valid']);
    app.clock.advance(HOUR);
    expect(await states(two)).toEqual(['200 refreshable']);
    expect(await states(one)).toEqual(['200 valid']);
    await signOut(two);
    await one.waitForFunction(() => auth.token === undefined && heard.length === 3);

    expect(await states(one)).toEqual(['401 token_missing']);
    expect(await events(one)).toEqual([[true, false], [true, true], [false, true], 401]);
    await two.close();
  });

  test('a redirect to another origin takes no token there, and none from there', async () => {
    await post(page, '/sign-in');
    const user = await userOf(page);
    const redirected = await page.evaluate(async () => (await auth.fetch('/elsewhere')).redirected);

    expect([redirected, seenElsewhere, await userOf(page)]).toEqual([true, [undefined], user]);
  });

  test('clear() beside the cookie leaves the page without a token, and the session to the cookie', async () => {
    await post(page, '/sign-in');
    await page.evaluate(() => auth.clear());
    app.clock.advance(HOUR);
    expect(await states(page)).toEqual(['200 refreshable']);

    expect(await userOf(page)).toBeUndefined();
    await post(page, '/sign-in');
    expect(await userOf(page)).toBe(`user ${users}`);
  });
});
