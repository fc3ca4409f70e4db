// Loads pages that a server renders. Their HTML has to show the user, before any script of the page has run.
import assert from 'node:assert/strict';
import { EXPIRIES, expiry } from './api.mjs';

const PAGES = 4;

/**
 * Signs in, and loads several pages at once after each expiry.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} url of the front end
 * @param {Awaited<ReturnType<import('./api.mjs').startApi>>} api
 */
export async function loadPages(browser, url, api) {
  const context = await browser.newContext();
  const pages = await Promise.all(Array.from({ length: PAGES }, () => context.newPage()));
  const first = pages[0];
  await first.goto(url);
  await first.waitForSelector('body[data-done]');
  await first.click('#sign-in');
  await first.locator('#user').filter({ hasText: 'ada' }).waitFor();

  for (let expiries = 0; expiries < EXPIRIES; expiries += 1) {
    await expiry();
    const before = api.answers.length;
    const responses = await Promise.all(pages.map((page) => page.goto(url)));
    const htmls = await Promise.all(responses.map((response) => response.text()));
    assert.deepEqual(
      htmls.map((html) => /<output id="user">([^<]*)/.exec(html)?.[1]),
      pages.map(() => 'ada'),
    );
    const refreshes = api.answers.slice(before).filter(({ path, state }) => path === '/me' && state === 'refreshable');
    assert.ok(refreshes.length > 0, 'nothing was refreshed after an expiry');
    assert.ok(refreshes.length < PAGES, 'each page refreshed for itself');
  }
  await context.close();
}
