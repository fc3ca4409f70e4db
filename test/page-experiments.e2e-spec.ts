// The page of the demo, in a real browser: its experiments, in memory, and its page where the token is in a cookie alone.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { SECOND } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { DemoPage, type Visitor, Visitors } from './support/demo-page.js';
import { endingToken, expiredToken, PAGE_SECRET } from './support/demo-tokens.js';
import { send } from './support/http.js';

// Far more than it takes: a test that is slow because others are at work is no defect.
jest.setTimeout(180_000);

let visitors: Visitors;

beforeAll(async () => {
  visitors = await Visitors.launch();
});

afterEach(() => visitors.check());
afterAll(() => visitors.close());

describe('the page of the demo, in memory, as npm start runs it', () => {
  let demo: DemoProcess;
  let visitor: Visitor;
  let page: DemoPage;

  beforeAll(async () => {
    demo = await startDemo({ JWT_SECRET: PAGE_SECRET });
    visitor = await visitors.visit(demo);
  });

  afterAll(async () => {
    await visitors.leave();
    await demo.stop();
  });

  test('everything comes from this server, under a strict policy', async () => {
    const tab = await visitor.context.newPage();
    const response = await tab.goto(demo.url);

    const policy = response?.headers()['content-security-policy'] ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'sha256-[\w+/=]+'; style-src 'self'/);
    expect(policy).not.toContain('unsafe');
    page = await DemoPage.in(tab);
  });

  test('buttons that need a session say so', async () => {
    for (const name of ['Send them all at once', 'Tamper with the token', 'Open a tab that shares the token'])
      await page.cannot(name, 'Sign in first.');
    await page.cannot('Present an old generation', 'Sign in first.');
    expect(await page.text('storm-status')).toBe('Sign in first.');
  });

  test('the form says which times do not fit together', async () => {
    await page.page.fill('#expires-in', '60');
    await page.press('Sign in');
    await page.says('sign-in-problem', '“refreshable for” must be longer than “valid for”');
    await page.page.locator('#expires-in').evaluate((input) => input.removeAttribute('max'));
    await page.page.fill('#expires-in', '901');
    await page.page.fill('#refresh-window', '1000');
    await page.press('Sign in');
    await page.says('sign-in-problem', 'The server does not accept these times:');
    expect(await page.text('sign-in-problem')).toContain('option `expiresIn` is 901 s, longer than');
  });

  test('shows the server’s own times, even if they are long', async () => {
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
    await page.cannot('Lose the response', /^The token is valid for another 1[45] min/);
    await page.cannot('Present an old generation', 'There is no older generation yet.');
  });

  test('is the same after a reload, which refreshes nothing', async () => {
    await page.receive(await expiredToken());
    await page.says('state', 'refreshable');
    await page.page.reload();
    await page.says('state-words', 'Generation 0 has expired');
    expect(await page.text('generations')).toBe('gen 0');
  });

  test('two tabs with copies of their own: one refreshes, the other gets the same token', async () => {
    const opened = visitor.context.waitForEvent('page');
    await page.attempt('Open a tab with a copy of its own');
    const other = await DemoPage.in(await opened);

    expect(await other.request()).toContain('refreshable');
    await page.says('state-words', 'Generation 0 has expired');
    expect(await page.request()).toContain('already-refreshed');
    await page.says('state-words', 'Generation 1 is valid');
    await other.page.close();
  });

  test('an old generation gets the latest token', async () => {
    expect(await page.attempt('Present an old generation')).toBe('Generation 0, while 1 is current: already-refreshed');
    await page.says('answers', /200\nx-token-state: already-refreshed\nauthorization: Bearer ey/);
  });

  test('altered and forged tokens are rejected, each with its reason', async () => {
    expect(await page.attempt('Tamper with the token')).toBe('An altered token: token_invalid');
    await page.says(
      'answers',
      /401\nwww-authenticate: Bearer realm="refresh-auth", error="invalid_token".*"code":"token_invalid"/s,
    );
    expect(await page.attempt('Sign it with another key')).toBe('A token signed with another key: token_invalid');
    await page.says('state-words', 'Generation 1 is valid');
  });

  test('a lost response does not lose the session', async () => {
    await page.receive(await expiredToken());

    expect(await page.attempt('Lose the response')).toBe('Nothing was lost: the second answer carried the same token');
    await page.says('answers', /refreshable.*already-refreshed/s);
    await page.says('state-words', 'Generation 1 is valid');
  });

  // One after the other they would take twice as long, because what they wait for is a matter of seconds.
  test('reuse detection: the theft, the same by hand, and a token that comes too late', async () => {
    const somebodyElse = await visitors.visit(demo);
    const [byHand, late] = [await somebodyElse.open(), await somebodyElse.open()];
    await Promise.all([
      (async () => {
        await page.says('theft-hint', 'With REUSE_GRACE=1s and REUSE_REVOKE_AFTER=5s they take 8 s.');
        await page.press('Steal a token');
        await page.says('outcome', /^Step \d of 8: /);
        await page.cannot('Tamper with the token', 'Wait until “Steal a token” is done.');
        expect(await page.headline()).toBe('The theft was noticed: each step is below');
        await page.says(
          'answers',
          /1\. .*200.*2\. .*refreshable.*3\. .*already refreshed.*4\. .*valid.*5\. After REUSE_GRACE \(1 s\).*token_superseded.*6\. .*The session lives on.*7\. After REUSE_REVOKE_AFTER \(5 s\).*token_reused.*8\. .*session_revoked/s,
        );
        await page.says('state-words', 'Generation 1 is valid');
      })(),
      (async () => {
        await byHand.page.check('#policy-1');
        await byHand.says('policy-now', 'until it has been in use for 1 s');
        await byHand.receive(await expiredToken('/grace'), '/grace');
        await byHand.request();
        expect(await byHand.attempt('Present an old generation')).toContain('already-refreshed');
        await byHand.says('outcome', 'Next: press “Send a request”, which uses the latest generation. 1 s after that');
        expect(await byHand.request()).toContain('valid');

        let headline = '';
        while (!headline.endsWith('token_superseded')) headline = await byHand.attempt('Present an old generation');
        await byHand.says('answers', /401.*"code":"token_superseded".*200/s);
        await byHand.says('outcome', 'in use for 5 s. Then it counts as stolen.');
        await byHand.says('state-words', 'Generation 1 is valid');
        while (!headline.endsWith('token_reused')) headline = await byHand.attempt('Present an old generation');

        expect(headline).toBe('Generation 0, while 1 is current: token_reused');
        await byHand.says('answers', /401.*"code":"token_reused".*401.*"code":"session_revoked"/s);
        await byHand.says('state-words', 'Generation 1 was rejected: session_revoked. The session was revoked.');
        await byHand.says('sign-in', 'Sign in');
        await byHand.says('notice', 'Your session is over');
      })(),
      (async () => {
        expect(await late.attempt('Come back too late')).toBe('A token past its window: token_expired');
        await late.receive(await endingToken(2 * SECOND));
        await late.says('state', 'refreshable');
        await late.isHidden('sign-in');
        await late.says('state', 'dead');
        await late.says('sign-in', 'Sign in');
        await late.says('notice', 'Your session is over');
        await late.cannot('Send them all at once', 'This session is over. Sign in again.');
      })(),
    ]);
    await Promise.all([byHand, late].map(async (tab) => tab.page.close()));
  });

  test('the policy can be switched, and a new session begins', async () => {
    await page.press('Sign out here');
    await page.signIn();
    const before = await page.text('policy-now');

    await page.attempt('Switch the policy for old tokens');
    await page.says('policy-now', 'they count as stolen');
    expect(before).toContain('No race ever logs anybody out');
    expect(await page.request()).toContain('valid');
    expect(await page.focused()).toBe('request');
    await page.attempt('Switch the policy for old tokens');
    expect(await page.focused()).toBe('policy');
    await page.says('policy-now', before);
    expect(await page.request()).toContain('valid');
  });

  test('every button works that does not say why it cannot', async () => {
    await page.receive(await expiredToken());
    await page.request();
    const buttons = page.page.locator('#experiments button');
    const off = await buttons.evaluateAll((all) =>
      all.filter((button) => button.getAttribute('aria-disabled') === 'true').map(({ id }) => id),
    );

    expect(off).toEqual(['lose-response', 'store-start']);
    await page.cannot('Lose the response', /^The token is valid for another/);
    await page.attempt('Stop the store');
    await page.says('status', 'The store is stopped.');
    await page.attempt('Start the store again');
    await page.says('status', 'The store works.');
  });

  test('the links to the documentation work, and the code is named', async () => {
    const links = await page.page.locator('#links a').evaluateAll((all) => all.map(({ href }) => String(href)));

    expect(links).toHaveLength(4);
    for (const link of links) expect((await send(link)).status).toBe(200);
    await page.says('links', /docs\/demo\.md.*apps\/demo\/src.*libs\/refresh-auth\/src/s);
  });

  // Late, because it revokes the sessions in which other tests would begin.
  test('[F52] a socket closes when another tab signs out everywhere', async () => {
    await page.press('Sign out here');
    await page.cannot('Sign out while a socket is open', 'Sign in first.');
    await page.signIn();
    await signOutWhileSocketIsOpen(visitor, page);

    expect(await visitor.context.cookies()).toEqual([]);
    await page.signIn();
  });

  test('tells that the server is gone, and that it is back', async () => {
    visitor.expected = /ERR_/;
    await demo.stop();
    await page.press('Send a request');
    await page.says('heard', 'There was no answer: the server cannot be reached. Your token is kept.');
    await page.says('status', 'The server is gone. Your token is kept.');
    await page.cannot('Steal a token', 'The server is gone.');
    await page.cannot('Send them all at once', 'The server is gone.');

    demo = await startDemo({ JWT_SECRET: PAGE_SECRET, PORT: String(demo.port) });
    await page.says('status', 'The server answers.');
    expect(await page.request()).toContain('valid');
  });
});

describe.each(adapters)('the page of a demo that keeps the token in a cookie alone, on %s', (HTTP_ADAPTER) => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({
      HTTP_ADAPTER,
      JWT_SECRET: PAGE_SECRET,
      TOKEN_DELIVERY: 'cookie',
      TOKEN_EXPIRES_IN: '5',
      DEMO_FAULTS: '0',
    });
  });

  afterAll(async () => {
    await visitors.leave();
    await demo.stop();
  });

  test('shows the claims in it, and refreshes it, although scripts cannot see it', async () => {
    const visitor = await visitors.visit(demo);
    const attributes = { httpOnly: true, secure: true, sameSite: 'Lax', domain: '127.0.0.1', path: '/' } as const;
    await visitor.context.addCookies([{ name: '__Host-authorization', value: await expiredToken(), ...attributes }]);
    const page = await visitor.open();
    await page.says('state-words', 'Generation 0 has expired');

    expect(await page.storm(6)).toContain('The new token came in the cookie, where scripts cannot see it.');
    const { refreshable, ...others } = await page.stormBy('state');
    expect(refreshable).toBe(1);
    // Those that the browser sent after the first answer had the new cookie already.
    expect(['already-refreshed', 'valid']).toEqual(expect.arrayContaining(Object.keys(others)));
    // All sums together are all requests, and nothing is said of tokens that scripts cannot count.
    const sums = await page.page.locator('#storm-sums strong').allTextContents();
    expect(sums.map(Number).reduce((sum, count) => sum + count)).toBe(6);
    await page.says('generations', /gen 1/);
    await page.cannot('Tamper with the token', 'a cookie that scripts cannot read');
    await page.cannot('Steal a token', 'a cookie that scripts cannot read');
    expect(await page.page.evaluate('document.cookie + JSON.stringify(localStorage)')).not.toContain('ey');

    await signOutWhileSocketIsOpen(visitor, page);
    await page.says('notice', 'You signed out in another tab.');
    await page.press('Sign in');
    await page.says('generations', /gen 0/);

    const other = await visitor.open();
    await other.press('Sign out here');
    await other.says('notice', /^Signed out here/);
    await page.says('sign-in', 'Sign in');
    await page.says('notice', 'You signed out in another tab.');

    // Offers the server's own times where they are short, and no switch for the store.
    expect(await page.text('server-times')).toBe('5 s, 7 d, 30 d');
    expect(await page.page.isChecked('#times-server')).toBe(true);
    await page.cannot('Stop the store', 'DEMO_FAULTS=1');
    await page.press('Sign in');
    await page.says('generations', /gen 0/);
    await other.says('generations', /gen 0/);
    expect(await page.violations()).toEqual([]);
  });
});

test('without a cookie, the page says that a browser cannot sign a socket in', async () => {
  const demo = await startDemo({ JWT_SECRET: PAGE_SECRET, TOKEN_DELIVERY: 'header' });
  const page = await (await visitors.visit(demo)).open();
  await page.cannot('Sign out while a socket is open', 'signed in by a cookie, and TOKEN_DELIVERY=header sets none');
  expect(await page.violations()).toEqual([]);
  await visitors.leave();
  await demo.stop();
});

async function signOutWhileSocketIsOpen(visitor: Visitor, page: DemoPage): Promise<void> {
  const opened = visitor.context.waitForEvent('page');
  await page.press('Sign out while a socket is open');
  const other = await DemoPage.in(await opened);
  await page.says('outcome', 'Press “Sign out everywhere” in the tab that has opened');
  await other.press('Sign out everywhere');

  expect(await page.headline()).toMatch(
    /^Another tab signed out everywhere, and the socket of this tab closed \d+ ms later$/,
  );
  await page.says(
    'outcome',
    /closed the socket of this tab with 4401, reason “session_revoked”\. The last event of the stream \(SSE\) came after \d+ ms, and said “session_revoked”/,
  );
  await page.says('sign-in', 'Sign in');
  await page.page.locator('#socket:not([aria-disabled=true]), #socket-hint:has-text("Sign in first.")').waitFor();
  await other.page.close();
}
