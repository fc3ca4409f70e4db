import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Chromium logs this for every refused request, and the page is there to show refusals. */
const REFUSAL = /^Failed to load resource: the server responded with a status of (400|401|503) /;

/** Patience for a busy machine: nothing here waits for a time to pass, only for what the page shows. */
const PATIENCE_MS = 60_000;

/** Compares the boxes of all texts in sight, as far as nothing clips them. The bar at the top covers what is below it by intent. */
const OVERLAPS = `(() => {
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { currentNode: node } = walker;
    const parent = node.parentElement;
    if (node.data.trim() === '' || !parent.checkVisibility() || parent.closest('#status')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      const box = { node, left: line.left, right: line.right, top: line.top, bottom: line.bottom };
      for (let around = parent; around; around = around.parentElement) {
        if (getComputedStyle(around).overflowX === 'visible') continue;
        const edge = around.getBoundingClientRect();
        box.left = Math.max(box.left, edge.left);
        box.right = Math.min(box.right, edge.right);
        box.top = Math.max(box.top, edge.top);
        box.bottom = Math.min(box.bottom, edge.bottom);
      }
      boxes.push(box);
    }
  }
  // Lines that follow each other closely touch, since the box of a text is higher than its letters.
  const [across, down] = [1, 5];
  return boxes.flatMap((one, index) =>
    boxes
      .slice(index + 1)
      .filter((other) => other.node !== one.node)
      .filter((other) => Math.min(one.right, other.right) - Math.max(one.left, other.left) > across)
      .filter((other) => Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > down)
      .map((other) => one.node.data.trim() + ' / ' + other.node.data.trim()),
  );
})()`;

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
  /** Complaints that the test provokes. */
  expected: RegExp = REFUSAL;

  private constructor(
    readonly context: BrowserContext,
    private readonly url: string,
  ) {
    context.setDefaultTimeout(PATIENCE_MS);
    context.on('console', (message) => {
      const isExpected = message.type() === 'error' && this.expected.test(message.text());
      if (!isExpected) this.problems.push(`${message.type()}: ${message.text()}`);
    });
    context.on('weberror', (error) => this.problems.push(String(error.error())));
    context.on('request', (request) => {
      if (new URL(request.url()).origin !== url) this.problems.push(`${request.url()} is on another host`);
    });
  }

  static async of(browser: Browser, url: string, { stored = {}, ...options }: Visit = {}): Promise<Visitor> {
    const localStorage = Object.entries(stored).map(([name, value]) => ({ name, value }));
    // The browser opens a page of each origin to fill its storage, which takes as long as the visit itself.
    const origins = localStorage.length > 0 ? [{ origin: url, localStorage }] : [];
    const storageState = { cookies: [], origins };
    return new Visitor(await browser.newContext({ storageState, ...options }), url);
  }

  async open(path = '/'): Promise<DemoPage> {
    const page = await this.context.newPage();
    await page.goto(this.url + path);
    return DemoPage.in(page);
  }
}

/** All visitors of one browser. Fails the test in whose course the browser complained. */
export class Visitors {
  readonly #visitors: Visitor[] = [];

  private constructor(private readonly browser: Browser) {}

  static async launch(): Promise<Visitors> {
    return new Visitors(await launchChromium());
  }

  async visit({ url }: { url: string }, options: Visit = {}): Promise<Visitor> {
    const visitor = await Visitor.of(this.browser, url, options);
    this.#visitors.push(visitor);
    return visitor;
  }

  /** Throws if the browser has complained since the last call. To be called after each test. */
  check(): void {
    const problems = this.#visitors.flatMap((visitor) => visitor.problems.splice(0));
    if (problems.length > 0) throw new Error(`The browser complained:\n${problems.join('\n')}`);
  }

  /** Closes all tabs. To be called before the demo is stopped, which they would complain about. */
  async leave(): Promise<void> {
    await Promise.all(this.#visitors.splice(0).map(async ({ context }) => context.close()));
  }

  async close(): Promise<void> {
    await this.browser.close();
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

  /** Puts a token into the storage, as another tab does that has signed in. This needs no new page, which takes a second on a busy machine. */
  async receive(token: string, base = ''): Promise<void> {
    const change = `{ key: ${JSON.stringify(`demo-token${base}`)}, newValue: ${JSON.stringify(token)} }`;
    await this.page.evaluate(`{
      const { key, newValue } = ${change};
      localStorage.setItem(key, newValue);
      dispatchEvent(new StorageEvent('storage', { key, newValue, storageArea: localStorage }));
    }`);
    await this.says('generations', /^\s*gen 0\s*$/);
  }

  async text(id: string): Promise<string> {
    return (await this.page.locator(`#${id}`).innerText()).trim();
  }

  /** Waits until the element shows this text. */
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
    return this.headline();
  }

  /** The headline of the outcome, once there is one. */
  async headline(): Promise<string> {
    const headline = this.page.locator('#outcome .headline').filter({ hasNotText: /…$|^Step/ });
    await headline.waitFor();
    return headline.innerText();
  }

  /** Waits until the button is disabled and shows why. */
  async cannot(name: string, why: string | RegExp): Promise<void> {
    const button = this.page.getByRole('button', { name, exact: true, disabled: true });
    await button.waitFor();
    await this.says((await button.getAttribute('aria-describedby')) ?? '', why);
  }

  async focused(): Promise<string> {
    return this.page.evaluate('document.activeElement.id');
  }

  async storm(requests: number): Promise<string> {
    await this.page.evaluate("document.getElementById('storm-rows').replaceChildren()");
    await this.page.fill('#storm-count', String(requests));
    await this.press('Send them all at once');
    await this.page.locator(`#storm-rows tr:nth-child(${requests})`).waitFor({ state: 'attached' });
    await this.page.locator('#storm-start[aria-disabled=false]').waitFor();
    return this.text('storm-status');
  }

  /** How many requests of the last storm there were for each value of one column of its table. */
  async stormBy(column: 'state' | 'process' | 'token'): Promise<Record<string, number>> {
    const index = { state: 2, process: 3, token: 6 }[column];
    const values = await this.page.locator(`#storm-rows td:nth-child(${index})`).allTextContents();
    return Object.fromEntries([...new Set(values)].map((value) => [value, values.filter((v) => v === value).length]));
  }

  /** Texts that are printed over each other. */
  async overlaps(): Promise<string[]> {
    return this.page.evaluate(OVERLAPS);
  }

  /** True if a reader sees the element: the picture of `around` is another one without it. */
  async isSeen(selector: string, around: string): Promise<boolean> {
    // Everything that shows the time stands still as soon as the page draws it again.
    await this.page.clock.setFixedTime(Date.now());
    const picture = async (): Promise<string> => (await this.page.locator(around).screenshot()).toString('base64');
    const targets = this.page.locator(`${around} ${selector}`);
    const setVisibility = (value: string): Promise<void> =>
      targets.evaluateAll(
        (elements, visibility) => elements.forEach(({ style }) => (style.visibility = visibility)),
        value,
      );
    for (;;) {
      const before = await picture();
      await setVisibility('hidden');
      const without = await picture();
      await setVisibility('');
      if ((await picture()) === before) return before !== without;
    }
  }

  /** The accessibility problems that axe-core finds. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(axe);
    const results = (await this.page.evaluate("axe.run({ resultTypes: ['violations'] })")) as AxeResults;
    return results.violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${String(target)}`));
  }
}
