// Takes the screenshots of README and docs/ from the running page, after the steps below.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startProcess } from '../support/child-process.mjs';
import { ensureChromium } from './ensure-chromium.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, 'docs/images');

const cluster = await startProcess(process.execPath, ['tools/scripts/demo-cluster.mjs'], {
  ready: /(http:\/\/\S+) .*\n/,
  cwd: root,
  env: { ...process.env, PORT: '0' },
  stderr: 'inherit',
});
const [, url] = cluster.match;
const browser = await chromium.launch({ executablePath: ensureChromium(), args: ['--no-sandbox'] });

async function open(options = {}) {
  const page = await browser.newPage({ viewport: { width: 960, height: 800 }, ...options });
  await page.goto(url);
  await page.waitForSelector('body[data-ready]');
  return page;
}

const state = (page, name) => page.locator('#state').filter({ hasText: name }).waitFor();

async function signIn(page, expiresIn) {
  await page.fill('#expires-in', String(expiresIn));
  await page.click('#sign-in-form button');
  await state(page, 'valid');
}

/** Lets the token expire, and sends a request. */
async function refresh(page) {
  await state(page, 'refreshable');
  await page.click('#request');
  await state(page, 'valid');
}

async function storm(page, requests) {
  await page.fill('#storm-count', String(requests));
  await page.click('#storm-start');
  await page.locator(`#storm-rows tr:nth-child(${requests})`).waitFor({ state: 'attached' });
}

const card = (page, title) => page.locator('section', { has: page.getByRole('heading', { name: title }) });
const save = (target, name, options) => target.screenshot({ path: join(folder, `${name}.png`), ...options });

try {
  mkdirSync(folder, { recursive: true });

  const page = await open();
  await signIn(page, 2);
  await refresh(page);
  await refresh(page);
  await state(page, 'refreshable');
  await page.mouse.move(0, 0);
  await save(card(page, 'The life of your token'), 'life');
  await page.click('#sign-out');
  await signIn(page, 6);
  await storm(page, 30);
  await save(card(page, 'A storm of requests'), 'storm');
  await page.click('#theft');
  await page.locator('#outcome').filter({ hasText: 'The theft was noticed' }).waitFor();
  // They follow the reader down the page, and would hang in the middle of the picture.
  await page.locator('.outcome, .status-bar').evaluateAll((boxes) => {
    for (const { style } of boxes) Object.assign(style, { position: 'static', maxHeight: 'none' });
  });
  await page.mouse.move(0, 0);
  await save(card(page, 'Try to break it'), 'try');
  await page.close();

  const dark = await open({ colorScheme: 'dark' });
  await signIn(dark, 2);
  await refresh(dark);
  await dark.evaluate(() => scrollTo(0, 0));
  await save(dark, 'dark');
  await dark.close();

  const phone = await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await signIn(phone, 5);
  await save(phone, 'phone');
  await phone.close();
} finally {
  await browser.close();
  await cluster.end('SIGTERM');
}
