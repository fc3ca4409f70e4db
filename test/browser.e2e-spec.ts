// Front ends on another site and on the same one, in a real browser, over an expiry.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { adapters } from './support/apps.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { decodePayload } from './support/hostile-tokens.js';
import { signInOf } from './support/past-sign-in.js';

const secret = 'a secret of the browser’s tests, long enough for them';
const HOUR = 3_600_000;
const ADA = { sub: '1', type: 'admin', scope: 'read write' };
const ME = { uid: 1, type: 'admin', scope: 'read write' };

/** The part of an answer that the page sees. */
interface Seen {
  status: number;
  body: unknown;
  state: string | null;
  token: string | null;
}

interface Init {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Front ends on ports of their own: other origins than the demo's, and under 127.0.0.1 of the same site, as app.example.com is to api.example.com. */
let pages: Server;
let browser: Browser;
let context: BrowserContext;
/** One tab for all tests, each of which loads its page anew: a new tab takes longer than a test. */
let page: Page;
let demo: DemoProcess;

beforeAll(async () => {
  pages = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>A front end</title>');
  }).listen(0);
  await once(pages, 'listening');
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
    // The sandbox of Chromium does not work for root, as in a container.
    args: ['--no-sandbox'],
  });
  context = await browser.newContext();
  page = await context.newPage();
});

afterAll(async () => {
  await browser.close();
  pages.closeAllConnections();
  pages.close();
});

beforeEach(() => context.clearCookies());

function originOf(host: '127.0.0.1' | 'localhost'): string {
  return `http://${host}:${(pages.address() as AddressInfo).port}`;
}

/** A request by a script of the page. */
function ask(asking: Page, path: string, init: Init = {}): Promise<Seen> {
  return asking.evaluate(
    async ([url, options]) => {
      const response = await fetch(url, { credentials: 'include', ...options });
      const text = await response.text();
      return {
        status: response.status,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
        state: response.headers.get('X-Token-State'),
        token: response.headers.get('Authorization'),
      };
    },
    [`${demo.url}${path}`, init] as const,
  );
}

function signIn(asking: Page): Promise<Seen> {
  const body = JSON.stringify({ username: 'ada', password: 'lovelace' });
  return ask(asking, '/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
}

async function keptCookies(): Promise<string[]> {
  return (await context.cookies(demo.url)).map(({ value }) => value);
}

/** The cookie as the demo set it, an hour ago. */
async function keepExpiredCookie(): Promise<string> {
  const { token: value } = await signInOf(HOUR, { secret }, ADA);
  const attributes = { httpOnly: true, secure: true, sameSite: 'Lax' } as const;
  await context.addCookies([{ name: '__Host-authorization', value, domain: '127.0.0.1', path: '/', ...attributes }]);
  return value;
}

describe.each(adapters)('Chromium, with the demo on %s', (adapter) => {
  describe('[D9] header mode, on another site', () => {
    beforeAll(async () => {
      const TRUSTED_ORIGINS = originOf('localhost');
      demo = await startDemo({ HTTP_ADAPTER: adapter, JWT_SECRET: secret, TOKEN_DELIVERY: 'header', TRUSTED_ORIGINS });
    });

    afterAll(() => demo.stop());

    test('a page gets through an expiry without noticing', async () => {
      await page.goto(originOf('localhost'));
      const signedIn = await signIn(page);
      let authorization = `Bearer ${(await signInOf(HOUR, { secret }, ADA)).token}`;
      const request = async (path: string, method = 'GET'): Promise<Seen> => {
        const seen = await ask(page, path, { method, headers: { Authorization: authorization } });
        authorization = seen.token ?? authorization;
        return seen;
      };

      const seen = [await request('/me'), await request('/me')];

      expect([signedIn.status, signedIn.token]).toEqual([200, expect.stringMatching(/^Bearer ey/)]);
      expect(seen).toEqual([
        { status: 200, body: ME, state: 'refreshable', token: authorization },
        { status: 200, body: ME, state: 'valid', token: null },
      ]);
      expect((await request('/auth/logout', 'POST')).status).toBe(204);
      expect((await request('/me')).status).toBe(401);
      expect(await keptCookies()).toEqual([]);
    });
  });

  describe('cookie mode, on another origin of the same site', () => {
    beforeAll(async () => {
      const TRUSTED_ORIGINS = originOf('127.0.0.1');
      demo = await startDemo({ HTTP_ADAPTER: adapter, JWT_SECRET: secret, TOKEN_DELIVERY: 'cookie', TRUSTED_ORIGINS });
    });

    afterAll(() => demo.stop());

    test('[D8] a page gets through an expiry without noticing, and its scripts see no token', async () => {
      await page.goto(originOf('127.0.0.1'));
      await signIn(page);
      const first = await ask(page, '/me');
      const expired = await keepExpiredCookie();

      const seen = [await ask(page, '/me'), await ask(page, '/me')];

      expect([first, ...seen]).toEqual(
        ['valid', 'refreshable', 'valid'].map((state) => ({ status: 200, body: ME, state, token: null })),
      );
      const [kept = '', ...others] = await keptCookies();
      expect([kept === expired, decodePayload(kept)['gen'], others]).toEqual([false, 1, []]);
      expect(await page.evaluate('document.cookie')).toBe('');
      expect((await ask(page, '/auth/logout', { method: 'POST' })).status).toBe(204);
      expect([await keptCookies(), (await ask(page, '/me')).status]).toEqual([[], 401]);
    });

    describe('an origin that is not trusted', () => {
      let other: Server;

      beforeEach(async () => {
        other = createServer((_, response) => {
          response
            .setHeader('Content-Type', 'text/html')
            .end(`<!doctype html><title>Another site</title><a href="${demo.url}/me">look</a>`);
        }).listen(0);
        await once(other, 'listening');
        await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
      });

      afterEach(() => {
        other.closeAllConnections();
        other.close();
      });

      /** Sends a request without CORS: the browser sends it, but hides the answer. */
      async function forge(path: string, method: string): Promise<number> {
        const answered = page.waitForResponse(`${demo.url}${path}`);
        await page.evaluate(([url, how]) => fetch(url, { method: how, mode: 'no-cors', credentials: 'include' }), [
          `${demo.url}${path}`,
          method,
        ] as const);
        return (await answered).status();
      }

      test('[C1] [C5] signs nobody out', async () => {
        const trusted = await context.newPage();
        await trusted.goto(originOf('127.0.0.1'));
        await signIn(trusted);

        expect(await forge('/auth/logout', 'POST')).toBe(403);
        expect(await ask(trusted, '/me')).toMatchObject({ status: 200, state: 'valid' });
        await trusted.close();
      });

      test('[F3] signs nobody in by a form that it submits', async () => {
        const answered = page.waitForResponse(`${demo.url}/auth/login`);
        await page.setContent(
          `<form method="post" action="${demo.url}/auth/login"><input name="username" value="ada"><input name="password" value="lovelace"></form>`,
        );
        await page.evaluate('document.forms[0].submit()');
        await page.waitForURL(`${demo.url}/auth/login`);

        expect([(await answered).status(), await keptCookies()]).toEqual([403, []]);
      });

      test('[C4] refreshes nothing', async () => {
        const expired = await keepExpiredCookie();

        expect(await forge('/me', 'GET')).toBe(401);
        expect(await keptCookies()).toEqual([expired]);
      });

      test('[C4] may link to us: following the link refreshes the token', async () => {
        const expired = await keepExpiredCookie();

        await page.click('a');
        await page.waitForURL(`${demo.url}/me`);

        const [kept = ''] = await keptCookies();
        expect([kept === expired, decodePayload(kept)['gen']]).toEqual([false, 1]);
      });
    });
  });
});
