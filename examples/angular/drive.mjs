import assert from 'node:assert/strict';
import { join } from 'node:path';
import { driveSite } from '../../tools/examples/site-example.mjs';
import { serveSite } from '../../tools/examples/static-site.mjs';

export async function drive({ folder, browser }) {
  const files = join(folder, 'dist');
  await driveSite({ folder: files, browser }, 'cookie');
  await driveRetries(files, browser);
}

/** An API that rejects each request once, as too late or for good. */
async function driveRetries(files, browser) {
  const site = await serveSite(files);
  const context = await browser.newContext();
  try {
    for (const [code, user, requests] of [
      ['token_superseded', 'ada', 2],
      ['session_revoked', 'nobody', 1],
    ]) {
      const page = await context.newPage();
      let sent = 0;
      await page.route('http://api.example/**', (route) => {
        sent += 1;
        const headers = { 'Access-Control-Allow-Origin': site.url, 'Access-Control-Allow-Credentials': 'true' };
        return sent === 1
          ? route.fulfill({ status: 401, headers, json: { code } })
          : route.fulfill({ headers, json: { username: 'ada' } });
      });
      await page.goto(`${site.url}/?api=${encodeURIComponent('http://api.example')}`);
      await page.waitForSelector('body[data-done]');
      assert.deepEqual([await page.innerText('#user'), sent], [user, requests], `after 401 ${code}`);
    }
  } finally {
    await context.close();
    site.close();
  }
}
