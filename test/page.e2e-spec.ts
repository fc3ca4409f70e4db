// The page of the demo, in a real browser.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import type { Browser } from 'playwright-core';
import { HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { DemoPage, launchChromium, type Visit, Visitor } from './support/demo-page.js';
import { signInOf } from './support/past-sign-in.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const secret = 'a secret of the page’s tests, long enough for them';
/** That of the routes with reuse detection. */
const graceSecret = createHmac('sha256', secret).update('grace').digest();
const ADA = { sub: '1', type: 'admin', scope: 'read write' };
/** Tests share their machine with other tests, which is no outage of the store. */
const PATIENT = { STORE_TIMEOUT: '8s' };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

// Far more than it takes: a test that is slow because others are at work is no defect.
jest.setTimeout(180_000);

let browser: Browser;
const visitors: Visitor[] = [];

beforeAll(async () => {
  browser = await launchChromium();
});

afterEach(async () => {
  const left = visitors.splice(0);
  await Promise.all(left.map(({ context }) => context.close()));
  const problems = left.flatMap((visitor) => visitor.problems);
  if (problems.length > 0) throw new Error(`The browser complained:\n${problems.join('\n')}`);
});

afterAll(() => browser.close());

async function visit({ url }: DemoProcess, options: Visit = {}): Promise<Visitor> {
  const visitor = await Visitor.of(browser, url, options);
  visitors.push(visitor);
  return visitor;
}

async function expiredToken(options: RefreshAuthOptions = { secret }): Promise<string> {
  return (await signInOf(HOUR, options, ADA)).token;
}

/** Who was here an hour ago: the token has expired, and what it is refreshed to lives long enough for any test. */
async function returningVisitor(demo: DemoProcess, options: Visit = {}): Promise<Visitor> {
  return visit(demo, { stored: { 'demo-token': await expiredToken() }, ...options });
}

async function returning(demo: DemoProcess, options?: Visit): Promise<DemoPage> {
  return (await returningVisitor(demo, options)).open();
}

async function newcomer(demo: DemoProcess): Promise<DemoPage> {
  return (await visit(demo)).open();
}

describe.each(adapters)('the page of the demo, with Redis, on %s', (HTTP_ADAPTER) => {
  let redis: RedisServer;
  let demo: DemoProcess;

  beforeAll(async () => {
    redis = await startRedis();
    demo = await startDemo({ HTTP_ADAPTER, JWT_SECRET: secret, REDIS_URL: redis.url, DEMO_FAULTS: '1', ...PATIENT });
  });

  afterAll(async () => {
    await demo.stop();
    await redis.stop();
  });

  test('goes from a sign-in through an expiry to a refresh', async () => {
    const page = await newcomer(demo);
    expect(await page.text('facts')).toContain(
      `${HTTP_ADAPTER === 'express' ? 'Express' : 'Fastify'} · sessions in Redis`,
    );
    await page.signIn(1);
    await page.says('state', 'refreshable');
    await page.says('state-words', 'Generation 0 has expired. The next request refreshes it, within');

    expect(await page.request()).toMatch(/^Answered 200, refreshable\./);
    await page.says('generations', /gen 0\s*gen 1/);
    await page.says('state-words', 'Generation 1');
  });

  test.each([1, 200])('draws a storm of %i requests, one of which refreshes', async (requests) => {
    const page = await returning(demo);

    expect(await page.storm(requests)).toMatch(
      new RegExp(
        `^Of ${requests} requests?, 1 refreshed the token and ${requests - 1} got .* 1 distinct new token came back`,
      ),
    );
    expect(await page.page.locator('#storm-chart .bar').count()).toBe(requests);
    expect(await page.stormBy('state')).toEqual({
      refreshable: 1,
      ...(requests > 1 && { 'already-refreshed': requests - 1 }),
    });
    expect(await page.stormBy('process')).toEqual({ 1: requests });
    expect(Object.keys(await page.stormBy('token'))).toHaveLength(1);
    await page.says('generations', /gen 0\s*gen 1/);
  });

  test('two tabs that share a storage share refreshes and sign-outs', async () => {
    const visitor = await returningVisitor(demo);
    const one = await visitor.open();
    const opened = visitor.context.waitForEvent('page');
    await one.attempt('Open a tab that shares the token');
    const other = await DemoPage.in(await opened);

    expect(await other.request()).toContain('refreshable');
    await one.says('state-words', 'Generation 1 is valid');
    expect(await one.request()).toContain('valid');
    await one.press('Sign out here');
    await other.isHidden('token');
    await other.says('sign-in', 'Sign in');
  });

  test('a sign-out here ends this session, and one everywhere ends all', async () => {
    const [one, other] = [await newcomer(demo), await newcomer(demo)];
    // Not the user of the returning visitors, who would all be signed out.
    for (const { page } of [one, other]) await page.selectOption('#user', 'alan turing');
    await one.signIn();
    await other.signIn();

    await one.press('Sign out here');
    await one.says('outcome', 'Signed out here');
    await one.says('sign-in', 'Sign in');
    expect(await other.request()).toContain('valid');
    await one.signIn();
    await one.press('Sign out everywhere');
    await one.says('outcome', 'Signed out everywhere');

    expect(await other.request()).toContain('Answered 401, session_revoked');
    await other.says('state', 'dead');
    await other.says('sign-in', 'Sign in');
  });

  test('while the store is down nobody is logged out', async () => {
    const [page, signedIn] = [await returning(demo), await newcomer(demo)];
    await signedIn.signIn();
    try {
      expect(await page.attempt('Stop the store')).toBe('The store is down. Your next request: store_unavailable');
      await page.says('answers', /503\nretry-after: 1/);
      expect(await page.storm(5)).toMatch(/^The store is down\. Nobody was logged out/);
      await page.says('state-words', 'Generation 0 has expired');
      expect(await signedIn.request()).toContain('valid');
    } finally {
      await page.attempt('Start the store again');
    }

    let heard = '';
    while (!heard.includes('refreshable')) heard = await page.request();
    await page.says('state-words', 'Generation 1 is valid');
  });
});

describe('the page of the demo, in memory', () => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({ JWT_SECRET: secret, DEMO_FAULTS: '1' });
  });

  afterAll(() => demo.stop());

  test('shows the server’s own times, even if they are long', async () => {
    const page = await newcomer(demo);
    expect(await page.text('server-times')).toBe('15 min, 7 d, 30 d');
    await page.signIn();

    await page.says('state-words', /^Generation 0 is valid for another 1[45] min/);
    expect(await page.text('marks')).toMatch(
      /iat\s+signed.*exp\s+expires.*refresh_exp\s+refresh window ends.*session ends/s,
    );
    await page.page.click('summary:text("The claims inside")');
    await page.says('claims', /sid.*gen.*0.*refresh_exp/s);
    expect(await page.request()).toMatch(/^Answered 200, valid\./);
    await page.page.uncheck('#storm-wait');
    expect(await page.storm(3)).toBe(
      'The token was valid for all 3: nothing was refreshed, and the store was not asked.',
    );
  });

  test('is the same after a reload, which refreshes nothing', async () => {
    const page = await returning(demo);
    await page.says('state', 'refreshable');
    await page.page.reload();
    await page.says('state-words', 'Generation 0 has expired');
    expect(await page.text('generations')).toBe('gen 0');
  });

  test('two tabs with copies of their own: one refreshes, the other gets the same token', async () => {
    const visitor = await returningVisitor(demo);
    const one = await visitor.open();
    const opened = visitor.context.waitForEvent('page');
    await one.attempt('Open a tab with a copy of its own');
    const other = await DemoPage.in(await opened);

    expect(await other.request()).toContain('refreshable');
    await one.says('state-words', 'Generation 0 has expired');
    expect(await one.request()).toContain('already-refreshed');
    await one.says('state-words', 'Generation 1 is valid');
  });

  test('an old generation gets the latest token', async () => {
    const page = await returning(demo);
    expect(await page.attempt('Present an old generation')).toBe('That did not work');
    await page.request();

    expect(await page.attempt('Present an old generation')).toBe('Generation 0, while 1 is current: already-refreshed');
    await page.says('answers', /200\nx-token-state: already-refreshed\nauthorization: Bearer ey/);
  });

  test('altered, forged and late tokens are rejected, each with its reason', async () => {
    const page = await returning(demo);

    expect(await page.attempt('Tamper with the token')).toBe('An altered token: token_invalid');
    await page.says(
      'answers',
      /401\nwww-authenticate: Bearer realm="refresh-auth", error="invalid_token".*"code":"token_invalid"/s,
    );
    expect(await page.attempt('Sign it with another key')).toBe('A token signed with another key: token_invalid');
    expect(await page.attempt('Come back too late')).toBe('A token past its window: token_expired');
    await page.says('state-words', 'Generation 0 has expired');
  });

  test('a lost response does not lose the session', async () => {
    const page = await returning(demo);

    expect(await page.attempt('Lose the response')).toBe('Nothing was lost: the second answer carried the same token');
    await page.says('answers', /refreshable.*already-refreshed/s);
    await page.says('state-words', 'Generation 1 is valid');
  });

  test('with reuse detection an old token is first rejected, and later ends the session', async () => {
    const stored = { 'demo-policy': '/grace', 'demo-token/grace': await expiredToken({ secret: graceSecret }) };
    const page = await returning(demo, { stored });
    await page.says('policy-now', 'until it has been in use for 1 s');
    await page.request();
    expect(await page.request()).toContain('valid');

    let headline = '';
    while (!headline.endsWith('token_superseded')) headline = await page.attempt('Present an old generation');
    await page.says('answers', /401.*"code":"token_superseded".*200/s);
    await page.says('state-words', 'Generation 1 is valid');
    while (!headline.endsWith('token_reused')) headline = await page.attempt('Present an old generation');

    expect(headline).toBe('Generation 0, while 1 is current: token_reused');
    await page.says('answers', /401.*"code":"token_reused".*401.*"code":"session_revoked"/s);
    await page.says('state-words', 'Generation 1 was rejected: session_revoked. Sign in again.');
    await page.says('sign-in', 'Sign in');
  });

  test('the policy can be switched, and a new session begins', async () => {
    const page = await newcomer(demo);
    await page.signIn();
    const before = await page.text('policy-now');

    await page.attempt('Switch the policy for old tokens');
    await page.says('policy-now', 'they count as stolen');
    expect(before).toContain('No race ever logs anybody out');
    expect(await page.request()).toContain('valid');
    await page.attempt('Switch the policy for old tokens');
    await page.says('policy-now', before);
    expect(await page.request()).toContain('valid');
  });

  test('everything comes from this server, under a strict policy', async () => {
    const visitor = await visit(demo);
    const page = await visitor.context.newPage();
    const response = await page.goto(demo.url);

    const policy = response?.headers()['content-security-policy'] ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'sha256-[\w+/=]+'; style-src 'self'/);
    expect(policy).not.toContain('unsafe');
    await DemoPage.in(page);
  });
});

describe.each(adapters)('the page of a demo that keeps the token in a cookie alone, on %s', (HTTP_ADAPTER) => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({
      HTTP_ADAPTER,
      JWT_SECRET: secret,
      TOKEN_DELIVERY: 'cookie',
      TOKEN_EXPIRES_IN: '5',
      ...PATIENT,
    });
  });

  afterAll(() => demo.stop());

  test('shows the claims in it, and refreshes it, although scripts cannot see it', async () => {
    const visitor = await visit(demo);
    const attributes = { httpOnly: true, secure: true, sameSite: 'Lax', domain: '127.0.0.1', path: '/' } as const;
    await visitor.context.addCookies([{ name: '__Host-authorization', value: await expiredToken(), ...attributes }]);
    const page = await visitor.open();
    await page.says('state-words', 'Generation 0 has expired');

    await page.storm(6);
    const { refreshable, ...others } = await page.stormBy('state');
    expect(refreshable).toBe(1);
    // Those that the browser sent after the first answer had the new cookie already.
    expect(['already-refreshed', 'valid']).toEqual(expect.arrayContaining(Object.keys(others)));
    await page.says('generations', /gen 1/);
    await page.says('old-generation-hint', 'a cookie that scripts cannot read');
    await page.page.getByRole('button', { name: 'Tamper with the token', disabled: true }).waitFor();
    expect(await page.page.evaluate('document.cookie + JSON.stringify(localStorage)')).not.toContain('ey');
    await page.press('Sign out here');
    await page.says('sign-in', 'Sign in');
  });

  test('offers the server’s own times where they are short, and no switch for the store', async () => {
    const page = await (await visit(demo)).open();

    expect(await page.text('server-times')).toBe('5 s, 7 d, 30 d');
    expect(await page.page.isChecked('#times-server')).toBe(true);
    await page.says('store-stop-hint', 'DEMO_FAULTS=1');
    await page.press('Sign in');
    await page.says('generations', /gen 0/);
    expect(await page.violations()).toEqual([]);
  });
});

describe('the page of the demo is for everybody', () => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({ HTTP_ADAPTER: 'fastify', JWT_SECRET: secret, ...PATIENT });
  });

  afterAll(() => demo.stop());

  test.each([
    ['light', {}],
    ['dark', {}],
    ['light', PHONE],
  ] as const)('%s, %j: nothing is in the way', async (colorScheme, device) => {
    const page = await returning(demo, { colorScheme, ...device });
    await page.page.click('summary:text("The claims inside")');
    await page.storm(2);
    await page.attempt('Tamper with the token');
    await page.page.click('summary:text("As a table")');

    expect(await page.violations()).toEqual([]);
    const root = page.page.locator(':root');
    expect(await root.evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)).toBe(true);
    const background = await page.page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(background).toBe(colorScheme === 'dark' ? 'rgb(20, 23, 26)' : 'rgb(246, 247, 245)');

    await page.press('Sign out here');
    await page.says('sign-in', 'Sign in');
    expect(await page.text('user')).toContain('ada');
  });

  test('with only the keyboard', async () => {
    const demoPage = await (await visit(demo)).open();
    const { page } = demoPage;
    const focused = (): Promise<string> => page.evaluate('document.activeElement.id');
    const tabTo = async (id: string): Promise<void> => {
      while ((await focused()) !== id) await page.keyboard.press('Tab');
    };

    await tabTo('expires-in');
    await page.keyboard.press('Enter');
    await demoPage.says('token', 'The life of your token');
    await page.locator('#request:focus').waitFor();
    await page.keyboard.press('Enter');
    await demoPage.says('heard', 'Answered 200');
    await tabTo('storm-start');
    await tabTo('tampered');
    await page.keyboard.press('Space');
    await demoPage.says('outcome', 'token_invalid');
    await page.locator('#sign-out').focus();
    await page.keyboard.press('Enter');
    await page.locator('#user:focus').waitFor();
    expect(await demoPage.text('sign-in-title')).toBe('Sign in');
  });
});
