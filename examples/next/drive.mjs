// A rendering server of its own in front of the API.
import assert from 'node:assert/strict';
import { expiry, startApi } from '../../tools/examples/api.mjs';
import { loadPages } from '../../tools/examples/load-pages.mjs';
import { serveEmptyPage } from '../../tools/examples/static-site.mjs';
import { visit } from '../../tools/examples/visit.mjs';
import { startProcess } from '../../tools/support/child-process.mjs';

export async function drive({ folder, browser }) {
  const api = await startApi({ delivery: 'cookie' });
  const args = ['node_modules/next/dist/bin/next', 'start', '--port', '0', '--hostname', '127.0.0.1'];
  const next = await startProcess(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, API_URL: api.url, NEXT_TELEMETRY_DISABLED: '1' },
    ready: /(http:\/\/127\.0\.0\.1:\d+)[^]*Ready/,
  });
  try {
    const url = next.match[1];
    await visit(browser, url, api, {
      signInUrl: `${url}/api/auth/login`,
      mutationUrl: `${url}/api/auth/logout-everywhere`,
      hasCookie: true,
    });
    await loadPages(browser, url, api);
    await driveServerActions(browser, url, api);
  } finally {
    await next.end('SIGTERM');
    await api.close();
  }
}

/** A sign-in by server action in a request whose token has expired, and another site that posts to the server action. */
async function driveServerActions(browser, url, api) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const says = (user) => page.locator('#user').filter({ hasText: user }).waitFor();
  await page.goto(url);
  await page.waitForSelector('body[data-done]');
  await page.click('#sign-in');
  await says('ada');
  const [{ name: cookieName, httpOnly, secure, sameSite, expires }] = await context.cookies(url);
  // As the API has set it: a server action hands it on attribute by attribute.
  assert.deepEqual([cookieName, httpOnly, secure, sameSite], ['__Host-authorization', true, true, 'Lax']);
  assert.ok(expires > Date.now() / 1000, 'the cookie ends with the browser');
  await expiry();
  // Both proxy.js and the server action set the cookie in this response. The new session has to come last.
  const [request] = await Promise.all([
    page.waitForRequest((sent) => sent.method() === 'POST'),
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.click('#sign-in'),
  ]);
  await page.reload();
  await says('ada');

  const action = request.headers()['next-action'];
  assert.ok(action, 'the page has not called the server action');
  const otherSite = await serveEmptyPage();
  const attacker = await context.newPage();
  await attacker.goto(otherSite.url);
  assert.equal(await postsCausedBy(page), 1, 'this is not how a form calls a server action');
  assert.equal(await postsCausedBy(attacker), 0, 'another site can call a server action');
  otherSite.close();
  await context.close();

  async function postsCausedBy(poster) {
    const before = api.answers.length;
    await poster.evaluate(
      ([target, name]) => {
        const body = new FormData();
        body.set(name, '');
        return fetch(target, { method: 'POST', mode: 'no-cors', credentials: 'include', body });
      },
      [url, `$ACTION_ID_${action}`],
    );
    return api.answers.slice(before).filter(({ method }) => method === 'POST').length;
  }
}
