import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Header, Post, Res } from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CurrentUser,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { HOUR, MINUTE, SECOND } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { launchChromium } from './support/demo-page.js';
import { type AnyResponse, takeOver } from './support/raw-response.js';

/** How many connections a browser opens to one host and port over HTTP/1.1. */
const CONNECTIONS = 6;

/** Responses that do not end before the test ends them, in the order in which their requests came. */
class OpenResponses {
  readonly #open: ServerResponse[] = [];
  #opened: () => void = () => undefined;

  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': begins\n');
    this.#open.push(response);
    this.#opened();
  }

  async count(expected: number): Promise<void> {
    while (this.#open.length < expected) await new Promise<void>((resolve) => (this.#opened = resolve));
  }

  endOne(): void {
    this.#open.shift()?.end();
  }

  endAll(): void {
    while (this.#open.length > 0) this.endOne();
  }
}

let open: OpenResponses;

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Get()
  @Header('Content-Type', 'text/html')
  page(): string {
    return '<!doctype html><link rel="icon" href="data:,"><title>A tab</title>';
  }

  @Public()
  @Get('stream')
  stream(@Res() response: AnyResponse): void {
    open.add(takeOver(response));
  }

  @Public()
  @Post('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Get('state')
  state(@CurrentUser() { gen }: TokenClaims, @TokenState() state: unknown): unknown {
    return { state, gen };
  }

  @Get('lost')
  lost(@Res() response: AnyResponse): void {
    takeOver(response).destroy();
  }
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe.each(adapters)('One Chromium under reuse detection, on %s:', (adapter) => {
  let app: AuthApp;
  /** The same application on another port, where the browser has six more connections. Cookies do not tell ports apart. */
  let other: Server;
  let context: BrowserContext;

  beforeEach(async () => {
    open = new OpenResponses();
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { expiresIn: '1m', refreshWindow: '1d', reuseDetection: {}, delivery: { header: false } },
    });
    other = createServer((...exchange) => (app.app.getHttpServer() as Server).emit('request', ...exchange)).listen(0);
    await once(other, 'listening');
    context = await browser.newContext();
  });

  afterEach(async () => {
    open.endAll();
    await context.close();
    other.closeAllConnections();
    other.close();
    await app.close();
  });

  const otherUrl = (): string => `http://127.0.0.1:${(other.address() as AddressInfo).port}`;

  async function openTab(url: string): Promise<Page> {
    const tab = await context.newPage();
    await tab.goto(url);
    return tab;
  }

  /** Status, and state and generation or the code of the error, of what a script of the tab asks for. */
  const ask = (tab: Page): Promise<unknown[]> =>
    tab.evaluate(async () => {
      const response = await fetch('/state');
      const { state, gen, code } = (await response.json()) as { state?: string; gen?: number; code?: string };
      return code === undefined ? [response.status, state, gen] : [response.status, code];
    });

  const recordUses = (): Promise<void> | undefined => app.app.get(RefreshAuthCore).usedGenerations?.flush();

  const openStreams = (tab: Page, count: number): Promise<void> =>
    tab.evaluate((streams) => {
      for (let stream = 0; stream < streams; stream++) void fetch('/stream');
    }, count);

  /** The browser reads the cookie of a request before the request waits for a connection, and one request after the other. */
  const haveReadTheirCookies = (tab: Page, elsewhere: string): Promise<void> =>
    tab.evaluate(async (url) => void (await fetch(url, { mode: 'no-cors', credentials: 'include' })), elsewhere);

  test('[F22] requests that wait behind six busy connections for 40 s and 120 s are rejected, and the session lives', async () => {
    const [busy, tab] = [await openTab(app.url), await openTab(otherUrl())];
    await tab.evaluate(() => fetch('/sign-in', { method: 'POST' }));
    await openStreams(busy, CONNECTIONS);
    await open.count(CONNECTIONS);
    app.clock.advance(59 * SECOND);
    const first = ask(busy);
    await haveReadTheirCookies(busy, otherUrl());
    // Takes the connection that the first leaves, so that the second goes on waiting.
    await openStreams(busy, 1);
    await haveReadTheirCookies(busy, otherUrl());
    const second = ask(busy);
    await haveReadTheirCookies(busy, otherUrl());

    app.clock.advance(SECOND);
    const refreshed = [await ask(tab), await ask(tab)];
    await recordUses();
    app.clock.advance(40 * SECOND);
    open.endOne();
    const after40 = await first;
    await open.count(CONNECTIONS);
    app.clock.advance(80 * SECOND);
    open.endOne();
    const after120 = await second;

    expect(refreshed).toEqual([
      [200, 'refreshable', 1],
      [200, 'valid', 1],
    ]);
    expect([after40, after120]).toEqual([
      [401, 'token_superseded'],
      [401, 'token_superseded'],
    ]);
    expect([await ask(tab), await ask(busy)]).toEqual([
      [200, 'refreshable', 2],
      [200, 'valid', 2],
    ]);
    const types = app.events.map(({ type }) => type);
    expect(types.filter((type) => type === 'reuse-suspected')).toHaveLength(2);
    expect(types).not.toContain('reuse-detected');
    expect(types).not.toContain('session-revoked');
  });

  test('[F22b] of three tabs that wake after a lost response, the last one is served too', async () => {
    const [one, two, three] = [await openTab(app.url), await openTab(app.url), await openTab(otherUrl())];
    await one.evaluate(() => fetch('/sign-in', { method: 'POST' }));
    app.clock.advance(MINUTE);
    await one.evaluate(() => fetch('/lost').catch(() => undefined));
    expect(app.events.map(({ type }) => type)).toContain('refreshed');
    await openStreams(three, CONNECTIONS);
    await open.count(CONNECTIONS);
    app.clock.advance(HOUR);

    const last = ask(three);
    await haveReadTheirCookies(three, app.url);
    const first = [await ask(one), await ask(two)];
    await recordUses();
    app.clock.advance(478);
    open.endOne();

    expect([...first, await last]).toEqual([
      [200, 'already-refreshed', 2],
      [200, 'valid', 2],
      [200, 'already-refreshed', 2],
    ]);
    expect(await Promise.all([one, two, three].map(ask))).toEqual([1, 2, 3].map(() => [200, 'valid', 2]));
    expect(app.events.map(({ type }) => type)).not.toContain('reuse-detected');
  });
});
