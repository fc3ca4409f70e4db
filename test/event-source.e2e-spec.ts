// EventSource in a real Chromium: what a store outage does to it, and the recipe of docs/front-ends/eventsource.md.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Header, Post, Res } from '@nestjs/common';
import { type HttpResponse, Public, RefreshAuthService, type TokenClaims, TokenState } from 'nestjs-refresh-auth';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { launchChromium } from './support/demo-page.js';
import { type AnyResponse, takeOver } from './support/raw-response.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

/** The globals of the page below. */
declare const plain: { readyState: number };
declare const said: string[];
declare const start: () => void;
declare const stop: () => void;

const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>A tab</title>
<script type="module">
  import { listen } from '/events.js';
  window.said = [];
  window.start = () => {
    window.plain = new EventSource('/events?plain');
    const onMessage = ({ data }) => said.push(data);
    window.stop = listen('/events', { onMessage, onSignedOut: () => said.push('signed out'), retryAfter: 50 });
  };
</script>`;

let streams: Set<ServerResponse>;

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Get()
  @Header('Content-Type', 'text/html')
  page(): string {
    return PAGE;
  }

  @Public()
  @Get('events.js')
  @Header('Content-Type', 'text/javascript')
  recipe(): string {
    return readFileSync('examples/eventsource/events.js', 'utf8');
  }

  @Public()
  @Post('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Get('events')
  events(@TokenState() state: string, @Res() response: AnyResponse): void {
    const raw = takeOver(response);
    // Reconnect at once.
    raw.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`retry: 1\ndata: ${state}\n\n`);
    streams.add(raw);
    raw.once('close', () => streams.delete(raw));
  }
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe.each(adapters)('EventSource in Chromium, and an application on %s:', (adapter) => {
  let redis: RedisServer;
  let app: AuthApp;
  let context: BrowserContext;
  let page: Page;

  beforeEach(async () => {
    streams = new Set();
    redis = await startRedis();
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { redis: redis.url, delivery: { header: false } },
    });
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(app.url);
    await page.waitForFunction(() => typeof start === 'function');
    await page.evaluate(async () => {
      await fetch('/sign-in', { method: 'POST' });
      start();
    });
    await page.waitForFunction(() => plain.readyState === 1 && said.length === 1);
  });

  afterEach(async () => {
    await page.evaluate(() => stop());
    await context.close();
    endStreams();
    await app.close();
    await redis.stop();
  });

  function endStreams(): void {
    for (const stream of streams) stream.end();
  }

  test('[F61] a 503 closes it for good; the recipe connects again, refreshed, once the store is back', async () => {
    app.clock.advance(HOUR);
    await redis.kill();
    endStreams();
    await page.waitForFunction(() => plain.readyState === 2);
    await redis.restart();
    await page.waitForFunction(() => said.length === 2);

    // The request that asks for the status may be the one that refreshes.
    expect(await page.evaluate(() => said)).toEqual(['valid', expect.stringMatching(/^(valid|refreshable)$/)]);
    expect(await page.evaluate(() => plain.readyState)).toBe(2);
  });

  test('the recipe says that the user is signed out, and does not connect again', async () => {
    const sub = '1';
    await app.auth.revokeUser(sub);
    endStreams();
    await page.waitForFunction(() => said.length === 2);

    expect(await page.evaluate(() => said)).toEqual(['valid', 'signed out']);
  });

  test('the recipe says nothing any more once it was stopped, not even while it asks for the status', async () => {
    await page.route('**/events', async (route) => {
      if (route.request().resourceType() === 'fetch') await page.evaluate(() => stop());
      await route.continue();
    });
    const asked = page.waitForResponse((response) => response.request().resourceType() === 'fetch');
    await app.auth.revokeUser('1');
    endStreams();
    expect((await asked).status()).toBe(401);
    await page.evaluate(() => fetch('/'));

    expect(await page.evaluate(() => said)).toEqual(['valid']);
  });
});
