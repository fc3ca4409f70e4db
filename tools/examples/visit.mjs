// Drives a front end in Chromium as its users do. Every example has the same buttons, so that one script drives them all.
import assert from 'node:assert/strict';
import { EXPIRIES, expiry, STORM } from './api.mjs';
import { serveEmptyPage } from './static-site.mjs';

const PATIENCE_MS = 30_000;

/** A tab with a front end. The page counts what it has done in `data-done` of its body. */
class Tab {
  constructor(page) {
    this.page = page;
  }

  static async open(context, url) {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForSelector('body[data-done]');
    return new Tab(page);
  }

  async press(id) {
    const done = await this.page.getAttribute('body', 'data-done');
    await this.page.click(`#${id}`);
    await this.page.waitForFunction((before) => document.body.dataset.done !== before, done);
  }

  text(id) {
    return this.page.locator(`#${id}`).innerText();
  }

  /** Resolves when an element says it. */
  async says(id, text) {
    await this.page.locator(`#${id}`).filter({ hasText: text }).waitFor();
  }
}

/**
 * Signs in, gets through expiries, a storm and a store outage, and signs out in another tab.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} url of the front end
 * @param {Awaited<ReturnType<import('./api.mjs').startApi>>} api
 * @param {{ signInUrl: string, mutationUrl: string, hasCookie: boolean }} attack where another site posts to
 */
export async function visit(browser, url, api, attack) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  const problems = [];
  context.on('weberror', (error) => problems.push(String(error.error())));
  try {
    const tab = await Tab.open(context, url);
    await tab.says('user', /^nobody$/);
    await tab.press('sign-in');
    await tab.says('user', /^ada$/);
    const other = await Tab.open(context, url);
    await other.says('user', /^ada$/);

    for (let expiries = 0; expiries < EXPIRIES; expiries += 1) {
      await expiry();
      const before = api.answers.length;
      await tab.press('load');
      await tab.says('user', /^ada$/);
      const states = api.answers.slice(before).map(({ state }) => state);
      assert.ok(states.includes('refreshable'), `nothing was refreshed after an expiry: ${states}`);
    }

    await expiry();
    const before = api.answers.length;
    await tab.press('storm');
    assert.equal(await tab.text('storm-result'), `${STORM} of ${STORM} served`);
    const storm = api.answers.slice(before).filter(({ state }) => state !== undefined);
    assert.ok(storm.length >= STORM, 'the storm did not reach the API');
    assert.ok(
      storm.filter(({ state }) => state === 'refreshable').length < STORM / 2,
      'the storm refreshed again and again',
    );

    await attackFrom(context, attack, api);
    await tab.press('load');
    await tab.says('user', /^ada$/);

    await expiry();
    await api.stopStore();
    await tab.press('load');
    await tab.says('problem', '503');
    await tab.says('user', /^ada$/);
    await api.startStore();
    for (const limit = Date.now() + PATIENCE_MS; (await tab.text('problem')) !== '';) {
      assert.ok(Date.now() < limit, 'the front end does not get over the outage');
      await tab.press('load');
    }
    await tab.says('user', /^ada$/);

    await other.press('sign-out');
    await other.says('user', /^nobody$/);
    await tab.press('load');
    await tab.says('user', /^nobody$/);
    assert.deepEqual(problems, [], 'the page has thrown');
  } finally {
    await context.close();
  }
}

/** Another origin of the same site, whose requests carry the cookie, posts to a sign-in and to a mutation. */
async function attackFrom(context, { signInUrl, mutationUrl, hasCookie }, api) {
  const otherSite = await serveEmptyPage();
  const page = await context.newPage();
  await page.goto(otherSite.url);
  for (const url of [signInUrl, mutationUrl]) {
    const before = api.answers.length;
    await page.evaluate(
      (target) =>
        fetch(target, {
          method: 'POST',
          mode: 'no-cors',
          credentials: 'include',
          body: new URLSearchParams({ username: 'alan', password: 'turing' }),
        }),
      url,
    );
    const codes = api.answers.slice(before).map(({ status, code }) => `${status} ${code}`);
    // Without a cookie there is nothing that another site could use, or set.
    const expected = hasCookie ? '403 request_cross_site' : url === signInUrl ? '200 undefined' : '401 token_missing';
    assert.deepEqual(codes, [expected], `another site posted to ${url}`);
  }
  await page.close();
  otherSite.close();
}
