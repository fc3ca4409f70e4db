// Elements of a page that load by themselves, such as images, in a real browser.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Header, Post, Req, Res, StreamableFile } from '@nestjs/common';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  getTokenState,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { type Browser, type BrowserContext, chromium, type Page, type Request } from 'playwright-core';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';

const EXPIRED = 20 * 60_000;
const ANSWER_LIMIT_MS = 20_000;
const GIF = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');

/** Tells the status of each answer, by the path of the request. */
const answers = new EventEmitter();

/** The states that the handler found, in the order of the requests. */
let served: { kind: unknown; state: unknown }[] = [];

@Controller()
class MediaController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Get('media')
  @Header('Content-Type', 'image/gif')
  media(@Req() request: HttpRequest): StreamableFile {
    const { headers } = 'raw' in request ? request.raw : request;
    served.push({ kind: headers['sec-fetch-dest'], state: getTokenState(request) });
    return new StreamableFile(GIF);
  }
}

/** Front ends: other origins than the application's, and under 127.0.0.1 of the same site. */
let pages: Server;
let others: Server;
let browser: Browser;

async function startPages(): Promise<Server> {
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>A front end</title>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  [pages, others] = await Promise.all([startPages(), startPages()]);
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
    // The sandbox of Chromium does not work for root, as in a container.
    args: ['--no-sandbox'],
  });
});

afterAll(async () => {
  await browser.close();
  for (const server of [pages, others]) {
    server.closeAllConnections();
    server.close();
  }
});

describe.each(adapters)('[F60] Chromium, with an application on %s:', (adapter) => {
  let app: AuthApp;
  let context: BrowserContext;
  /** One tab for all tests, each of which loads its page anew: a new tab takes longer than a test. */
  let page: Page;

  beforeAll(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    app = await startAuthApp(adapter, {
      controllers: [MediaController],
      options: { csrf: { trustedOrigins: [originOf(pages)] } },
      configure: (nest) => {
        nest.enableCors({ origin: originOf(pages), credentials: true });
        nest.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
          response.once('finish', () => answers.emit(request.url?.slice(1) ?? '', response.statusCode));
          next();
        });
      },
    });
  });

  afterAll(async () => {
    await context.close();
    await app.close();
  });

  beforeEach(async () => {
    served = [];
    await context.clearCookies();
    await page.goto(originOf(pages));
    await page.evaluate((url) => fetch(url, { method: 'POST', credentials: 'include' }), `${app.url}/login`);
    app.clock.advance(EXPIRED);
  });

  /** Puts an element that shows something of the application on a page: the status of the answer, which the browser hides from pages. */
  async function show(server: Server, element: string, referrerPolicy?: string): Promise<number> {
    await page.goto(originOf(server));
    const answered = once(answers, 'media', { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const ofMedia = (request: Request): boolean => request.url().endsWith('/media');
    const ended = Promise.race([
      page.waitForEvent('requestfinished', ofMedia),
      page.waitForEvent('requestfailed', ofMedia),
    ]);
    const policy = referrerPolicy === undefined ? '' : `<meta name="referrer" content="${referrerPolicy}">`;
    await page.evaluate(
      ([head, html]) => {
        // In the page, which has types of its own.
        const { document } = globalThis as unknown as { document: { head: Element; body: Element } };
        interface Element {
          insertAdjacentHTML(position: string, html: string): void;
        }
        document.head.insertAdjacentHTML('beforeend', head);
        document.body.insertAdjacentHTML('beforeend', html);
      },
      [policy, element.replace('URL', `${app.url}/media`)] as const,
    );
    const [status] = (await answered) as [number];
    // The browser has the answer somewhat later, and its cookie.
    await ended;
    return status;
  }

  async function keptCookie(): Promise<string | undefined> {
    return (await context.cookies(app.url))[0]?.value;
  }

  const elements: [kind: string, element: string][] = [
    ['image', '<img src="URL">'],
    ['video', '<video src="URL"></video>'],
    ['iframe', '<iframe src="URL"></iframe>'],
    ['object', '<object data="URL"></object>'],
  ];

  test.each(elements)(
    'an element of kind %s on a page of a trusted origin is served, and refreshes',
    async (kind, element) => {
      const before = await keptCookie();
      const status = await show(pages, element);

      expect([status, served[0]]).toEqual([200, { kind, state: 'refreshable' }]);
      expect(await keptCookie()).not.toBe(before);
    },
  );

  test.each(['origin', 'unsafe-url'])('so it is under the policy %s', async (policy) => {
    const status = await show(pages, '<img src="URL">', policy);

    expect([status, served]).toEqual([200, [{ kind: 'image', state: 'refreshable' }]]);
  });

  test.each(['no-referrer'])('under the policy %s it is 401, and refreshes nothing', async (policy) => {
    const before = await keptCookie();
    const status = await show(pages, '<img src="URL">', policy);

    expect([status, served, await keptCookie()]).toEqual([401, [], before]);
  });

  test.each(elements)('an element of kind %s on a page of an origin that is not trusted is 401', async (_, element) => {
    const before = await keptCookie();
    const status = await show(others, element);

    expect([status, served, await keptCookie()]).toEqual([401, [], before]);
    expect(app.logs).toContainEqual(expect.stringContaining(`A request from ${originOf(others)} was refused`));
  });
});
