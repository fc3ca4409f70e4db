// The page of the demo, in a real browser: the life of a token, with Redis, on both adapters.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { adapters } from './support/apps.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { DemoPage, Visitors } from './support/demo-page.js';
import { expiredToken, PAGE_SECRET } from './support/demo-tokens.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

// Far more than it takes: a test that is slow because others are at work is no defect.
jest.setTimeout(180_000);

let visitors: Visitors;

beforeAll(async () => {
  visitors = await Visitors.launch();
});

afterEach(() => visitors.check());
afterAll(() => visitors.close());

describe.each(adapters)('the page of the demo, with Redis, on %s', (HTTP_ADAPTER) => {
  let redis: RedisServer;
  let demo: DemoProcess;
  /** One page for all tests, as somebody uses it who tries one thing after the other. */
  let page: DemoPage;
  let openTab: () => Promise<DemoPage>;

  beforeAll(async () => {
    redis = await startRedis();
    demo = await startDemo({ HTTP_ADAPTER, JWT_SECRET: PAGE_SECRET, REDIS_URL: redis.url, DEMO_FAULTS: '1' });
    const visitor = await visitors.visit(demo);
    page = await visitor.open();
    openTab = async () => {
      const opened = visitor.context.waitForEvent('page');
      await page.attempt('Open a tab that shares the token');
      return DemoPage.in(await opened);
    };
  });

  afterAll(async () => {
    await visitors.leave();
    await demo.stop();
    await redis.stop();
  });

  test('goes from a sign-in through an expiry to a refresh', async () => {
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
    await page.receive(await expiredToken());

    expect(await page.storm(requests)).toMatch(
      new RegExp(`^Of ${requests} requests?, 1 refreshed the token.* 1 distinct new token came back`),
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

  test('two tabs that share a storage share refreshes and sign-outs, and tell of those', async () => {
    await page.receive(await expiredToken());
    const other = await openTab();

    expect(await other.request()).toContain('refreshable');
    await page.says('state-words', 'Generation 1 is valid');
    expect(await page.request()).toContain('valid');
    await page.press('Sign out here');
    await page.says('notice', /^Signed out here\. The revocation is stored/);
    await other.isHidden('token');
    await other.says('sign-in', 'Sign in');
    await other.says('notice', 'You signed out in another tab.');
    await other.page.close();
  });

  test('a sign-out here ends this session, and one everywhere ends all', async () => {
    const other = await (await visitors.visit(demo)).open();
    for (const one of [page, other]) {
      await one.page.selectOption('#user', 'alan turing');
      await one.signIn();
    }

    await page.press('Sign out here');
    await page.says('outcome', 'Signed out here');
    await page.says('sign-in', 'Sign in');
    expect(await other.request()).toContain('valid');
    await page.signIn();
    await page.press('Sign out everywhere');
    await page.says('outcome', 'Signed out everywhere');
    await page.says('notice', /^Signed out everywhere\./);

    expect(await other.request()).toContain('Answered 401, session_revoked');
    await other.says('state', 'dead');
    await other.says('state-words', 'The session was revoked.');
    await other.says('sign-in', 'Sign in');
    // It stays, for the next test.
    await other.signIn();
    await page.receive(await expiredToken());
  });

  test('while the store is down nobody is logged out, and the page says that it is down', async () => {
    await page.says('status', 'The store works.');
    await page.cannot('Start the store again', 'The store is not stopped.');
    try {
      expect(await page.attempt('Stop the store')).toBe('The store is stopped. Your next request: store_unavailable');
      await page.says('status', 'The store is stopped.');
      await page.cannot('Stop the store', 'The store is stopped already.');
      await page.says('answers', /503\nretry-after: 1/);
      expect(await page.storm(5)).toBe(
        'Of 5 requests, 5 were told to try again. The store is down. Nobody was logged out: the same token works again as soon as the store does.',
      );
      await page.says('state-words', 'Generation 0 has expired');
    } finally {
      await page.attempt('Start the store again');
    }

    let heard = '';
    while (!heard.includes('refreshable')) heard = await page.request();
    await page.says('state-words', 'Generation 1 is valid');
    await page.says('status', 'The store works.');
  });

  test('an outage of Redis itself is in sight too, on a page that did nothing', async () => {
    await redis.stop();
    await page.says('status', 'The store is down.');
    expect(await page.request()).toContain('valid');
  });
});
