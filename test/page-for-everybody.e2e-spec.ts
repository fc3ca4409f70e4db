// The page of the demo, in a real browser: small and large, in all colours, with the keyboard, and without scripts.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { DemoPage, Visitors } from './support/demo-page.js';
import { expiredToken, PAGE_SECRET } from './support/demo-tokens.js';

// Far more than it takes: a test that is slow because others are at work is no defect.
jest.setTimeout(180_000);

describe('the page of the demo is for everybody', () => {
  let visitors: Visitors;
  let demo: DemoProcess;
  let demoPage: DemoPage;

  beforeAll(async () => {
    visitors = await Visitors.launch();
    demo = await startDemo({ HTTP_ADAPTER: 'fastify', JWT_SECRET: PAGE_SECRET });
    demoPage = await (await visitors.visit(demo)).open();
  });

  afterEach(() => visitors.check());

  afterAll(async () => {
    await visitors.close();
    await demo.stop();
  });

  test('with only the keyboard, and the focus is never lost', async () => {
    const { page } = demoPage;
    const tabTo = async (id: string): Promise<void> => {
      while ((await demoPage.focused()) !== id) await page.keyboard.press('Tab');
    };

    await tabTo('expires-in');
    await page.keyboard.press('Enter');
    await demoPage.says('token', 'The life of your token');
    await page.locator('#request:focus').waitFor();
    await page.keyboard.press('Enter');
    await demoPage.says('heard', 'Answered 200');
    await page.uncheck('#storm-wait');
    await page.locator('#request').focus();
    await tabTo('storm-start');
    await page.keyboard.press('Enter');
    await demoPage.says('storm-status', 'The token was valid for all 10');
    expect(await demoPage.focused()).toBe('storm-start');
    await tabTo('tampered');
    await page.keyboard.press('Space');
    await demoPage.says('outcome', 'token_invalid');
    expect(await demoPage.focused()).toBe('tampered');
    await page.locator('#sign-out').focus();
    await page.keyboard.press('Enter');
    await page.locator('#user:focus').waitFor();
    expect(await demoPage.text('sign-in-title')).toBe('Sign in');
    await demoPage.receive(await expiredToken());
    await page.locator('#request:focus').waitFor();
  });

  test.each(['light', 'dark'] as const)('%s: nothing is in the way', async (colorScheme) => {
    const { page } = demoPage;
    await page.emulateMedia({ colorScheme });
    await demoPage.receive(await expiredToken());
    await demoPage.storm(2);
    await demoPage.attempt('Tamper with the token');
    for (const summary of ['The claims inside', 'As a table'])
      await page.locator('details', { hasText: summary }).evaluate((details) => details.setAttribute('open', ''));

    expect(await demoPage.violations()).toEqual([]);
    const background = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(background).toBe(colorScheme === 'dark' ? 'rgb(20, 23, 26)' : 'rgb(246, 247, 245)');
  });

  // 640 CSS pixels are also a window of 1280 at a zoom of 200 %.
  test.each([
    [1280, 900],
    [960, 800],
    [768, 1000],
    [640, 450],
    [390, 844],
    [320, 700],
  ])('at %i by %i pixels no text is printed over another, and the outcome is in sight', async (width, height) => {
    const { page } = demoPage;
    await page.setViewportSize({ width, height });

    const root = page.locator(':root');
    expect(await root.evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)).toBe(true);
    expect(await demoPage.overlaps()).toEqual([]);
    await demoPage.attempt('Sign it with another key');
    const { y = 0, height: high = 0 } = (await page.locator('#outcome .headline').boundingBox()) ?? {};
    const bar = await page.locator('#status').boundingBox();
    expect(bar?.y).toBeGreaterThanOrEqual(0);
    expect(y).toBeGreaterThanOrEqual((bar?.y ?? 0) + (bar?.height ?? 0));
    expect(y + high).toBeLessThanOrEqual(height);
    expect(await demoPage.overlaps()).toEqual([]);
  });

  test('in forced colours the charts are not empty', async () => {
    const { page } = demoPage;
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ forcedColors: 'active' });

    expect(await demoPage.isSeen('.bar', '#storm-chart')).toBe(true);
    expect(await demoPage.isSeen('.generation', '#generations')).toBe(true);
    expect(await demoPage.isSeen('.present', '#life')).toBe(true);
    await page.emulateMedia({ forcedColors: 'none' });
  });

  test('on a phone', async () => {
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
    const visitor = await visitors.visit(demo, { ...phone, stored: { 'demo-token': await expiredToken() } });
    const page = await visitor.open();
    await page.storm(2);
    await page.attempt('Tamper with the token');

    expect(await page.violations()).toEqual([]);
    expect(await page.overlaps()).toEqual([]);
    await page.press('Sign out here');
    await page.says('sign-in', 'Sign in');
    expect(await page.text('user')).toContain('ada');
  });

  test('without scripts it says what it needs, and what to read', async () => {
    const visitor = await visitors.visit(demo, { javaScriptEnabled: false });
    const page = await visitor.context.newPage();
    await page.goto(demo.url);

    const text = page.locator('noscript');
    expect(await text.innerText()).toContain('This page needs JavaScript');
    const response = await page.request.get(`${demo.url}/${await text.locator('a').getAttribute('href')}`);
    expect([response.status(), response.headers()['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
  });

  test('where the server does not answer, the page says so', async () => {
    const visitor = await visitors.visit(demo);
    visitor.expected = /ERR_FAILED/;
    await visitor.context.route('**/about', (route) => route.abort());
    const page = await visitor.open();

    await page.says('status', 'The server does not answer.');
    expect(await page.text('status')).toContain('Start it with npm start, and load this page again.');
  });
});
