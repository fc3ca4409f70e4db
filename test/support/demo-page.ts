import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Chromium says so of every refusal, and refusals are what the page is there to show. */
const REFUSAL = /^Failed to load resource: the server responded with a status of (401|503) /;

/** Patience for a busy machine: nothing here waits for a time to pass, only for what the page shows. */
const PATIENCE_MS = 60_000;

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
    // The sandbox of Chromium does not work for root, as in a container.
    args: ['--no-sandbox'],
  });
}

export interface Visit extends BrowserContextOptions {
  /** The content of the page's storage. */
  stored?: Record<string, string>;
}

/** A browser of somebody who has never been here, or who left something in the storage. Whatever goes wrong in its tabs is noted. */
export class Visitor {
  readonly problems: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    private readonly url: string,
  ) {
    context.setDefaultTimeout(PATIENCE_MS);
    context.on('console', (message) => {
      const isExpected = message.type() === 'error' && REFUSAL.test(message.text());
      if (!isExpected) this.problems.push(`${message.type()}: ${message.text()}`);
    });
    context.on('weberror', (error) => this.problems.push(String(error.error())));
    context.on('request', (request) => {
      if (new URL(request.url()).origin !== url) this.problems.push(`${request.url()} is on another host`);
    });
  }

  static async of(browser: Browser, url: string, { stored = {}, ...options }: Visit = {}): Promise<Visitor> {
    const localStorage = Object.entries(stored).map(([name, value]) => ({ name, value }));
    const storageState = { cookies: [], origins: [{ origin: url, localStorage }] };
    return new Visitor(await browser.newContext({ storageState, ...options }), url);
  }

  async open(path = '/'): Promise<DemoPage> {
    const page = await this.context.newPage();
    await page.goto(this.url + path);
    return DemoPage.in(page);
  }
}

/** The page of the demo, as somebody uses it. */
export class DemoPage {
  private constructor(readonly page: Page) {}

  static async in(page: Page): Promise<DemoPage> {
    await page.waitForSelector('body[data-ready]');
    return new DemoPage(page);
  }

  async press(name: string): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  async text(id: string): Promise<string> {
    return (await this.page.locator(`#${id}`).innerText()).trim();
  }

  /** Until the element says it. */
  async says(id: string, what: string | RegExp): Promise<void> {
    await this.page.locator(`#${id}`).filter({ hasText: what, visible: true }).waitFor();
  }

  async isHidden(id: string): Promise<void> {
    await this.page.locator(`#${id}`).waitFor({ state: 'hidden' });
  }

  /** With tokens that are valid for this long, in seconds; by default as the server has it. */
  async signIn(expiresIn?: number): Promise<void> {
    if (expiresIn === undefined) await this.page.check('#times-server');
    else await this.page.fill('#expires-in', String(expiresIn));
    await this.press('Sign in');
    await this.says('generations', /gen 0/);
  }

  /** An ordinary request, and what the page says of its answer. */
  async request(): Promise<string> {
    await this.page.locator('#heard').evaluate((heard) => (heard.textContent = ''));
    await this.press('Send a request');
    await this.says('heard', 'Answered');
    return this.text('heard');
  }

  /** An experiment, and the headline of what came of it. */
  async attempt(name: string): Promise<string> {
    await this.page.locator('#outcome').evaluate((outcome) => outcome.replaceChildren('Under way'));
    await this.press(name);
    const headline = this.page.locator('#outcome .headline').filter({ hasNotText: '…' });
    await headline.waitFor();
    return headline.innerText();
  }

  async storm(requests: number): Promise<string> {
    await this.page.fill('#storm-count', String(requests));
    await this.press('Send them all at once');
    await this.page.locator(`#storm-rows tr:nth-child(${requests})`).waitFor({ state: 'attached' });
    await this.page.locator('#storm-start:enabled').waitFor();
    return this.text('storm-status');
  }

  /** How many requests of the last storm there were for each value of one column of its table. */
  async stormBy(column: 'state' | 'process' | 'token'): Promise<Record<string, number>> {
    const index = { state: 2, process: 3, token: 6 }[column];
    const values = await this.page.locator(`#storm-rows td:nth-child(${index})`).allTextContents();
    return Object.fromEntries([...new Set(values)].map((value) => [value, values.filter((v) => v === value).length]));
  }

  /** The accessibility problems that axe-core finds. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(axe);
    const results = (await this.page.evaluate('axe.run()')) as AxeResults;
    return results.violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${String(target)}`));
  }
}
