// A change of the cookie’s name, domain, path or partition logs nobody out.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Controller, Get, Header, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  type CookieOptions,
  type HttpRequest,
  type HttpResponse,
  type PreviousCookie,
  Public,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { CookieJar, PrefixSecurityEnum } from 'tough-cookie';
import { DAY, HOUR } from './support/aged-tokens.js';
import { type Adapter, adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered } from './support/delivered.js';
import { decodePayload, flipBit } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, notRefreshedForOrigin, refusal } from './support/http-refusals.js';
import { startTlsFront, type TlsFront } from './support/tls-front.js';

// Far more than it takes: a test that is slow because others are at work is no defect.
jest.setTimeout(120_000);

const DOMAIN = 'example.test';
const HOST = `app.${DOMAIN}`;
const SIBLING = `sibling.${DOMAIN}`;

@Controller('app')
class IdentitiesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get()
  get(): object {
    return {};
  }

  @Public()
  @Get('page')
  @Header('Content-Type', 'text/html')
  page(): string {
    return '<!doctype html><title>A front end</title><link rel="icon" href="data:," />';
  }

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Public()
  @Post('logout')
  @HttpCode(204)
  async logout(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }
}

/** A cookie as a browser keeps it. */
interface Kept {
  name: string;
  value: string;
}

/** A browser that has a page of the application open. */
interface Client {
  ask(path: string, method?: string): Promise<number>;
  /** Every cookie that it would send to the application. */
  kept(): Promise<Kept[]>;
}

/**
 * One application after the other, behind one address: they have the key and the store in common, as deployments do. An application that
 * was deployed before is deployed again as it is.
 */
class Deployments {
  readonly clock = new TestClock();
  readonly #store = new InMemorySessionStore(this.clock);
  readonly #apps = new Map<string, AuthApp>();
  #current: AuthApp | undefined;

  constructor(private readonly adapter: Adapter) {}

  get current(): AuthApp {
    if (!this.#current) throw new Error('Nothing is deployed');
    return this.#current;
  }

  async deploy(cookie: CookieOptions): Promise<string> {
    const name = JSON.stringify(cookie);
    this.#current = this.#apps.get(name) ?? (await this.#start(cookie));
    this.#apps.set(name, this.#current);
    return this.#current.url;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#apps.values(), (app) => app.close()));
  }

  #start(cookie: CookieOptions): Promise<AuthApp> {
    return startAuthApp(this.adapter, {
      controllers: [IdentitiesController],
      options: { store: this.#store, delivery: { header: false, cookie } },
      clock: this.clock,
    });
  }
}

/** Cookies that differ in one part of their identity, or in several; of the current one, the name is the default unless given. */
const identities: [name: string, PreviousCookie & CookieOptions][] = [
  ['the default cookie', {}],
  ['a cookie with a plain name', { name: 'authorization' }],
  ['a cookie with another name', { name: '__Secure-token' }],
  ['a cookie of the domain', { domain: DOMAIN }],
  ['a cookie of the host as a domain', { domain: HOST }],
  ['a cookie of a path', { path: '/app' }],
  ['a cookie of a path and the domain', { path: '/app', domain: DOMAIN }],
  ['a partitioned cookie', { partitioned: true }],
];
const changes = identities.flatMap(([one, before]) =>
  identities.filter(([other]) => other !== one).map(([other, after]) => [one, other, before, after] as const),
);
/** For a browser, which is slow: each identity, changed into the next and back. The jars see every pair. */
const changesInTurn = identities.flatMap(([one, before], index) =>
  identities
    .slice(index + 1, index + 2)
    .flatMap(([other, after]) => [[one, other, before, after] as const, [other, one, after, before] as const]),
);

/** The same, all under one name. */
const sameName = [{ domain: DOMAIN }, { path: '/app' }, { path: '/app', domain: DOMAIN }, {}].map((cookie) => ({
  ...cookie,
  name: 'token',
}));
const changesOfOneName = sameName.flatMap((before) =>
  sameName.filter((after) => after !== before).map((after) => [before, after] as const),
);

/** One step of a user: the answer's status, and the generation of each token that the browser then keeps. */
type Step = [status: number, generations: unknown[]];

/** A user who signs in before a change of the cookie, returns after it, and signs out once its entry in `previous` is removed. */
async function liveThrough(
  deployments: Deployments,
  deploy: (cookie: CookieOptions) => Promise<unknown>,
  client: Client,
  [before, after]: readonly [PreviousCookie & CookieOptions, CookieOptions],
): Promise<Step[]> {
  const steps: Step[] = [];
  const ask = async (path: string, method?: string): Promise<void> => {
    const status = await client.ask(path, method);
    steps.push([status, (await client.kept()).map(({ value }) => decodePayload(value)['gen'])]);
  };
  await deploy(before);
  await ask('/login', 'POST');
  await deploy({ ...after, previous: [before] });
  await ask('');
  deployments.clock.advance(HOUR);
  await ask('');
  await ask('');
  // Only the current cookie is removed from then on: if none is left, it was the current one.
  await deploy(after);
  await ask('');
  await ask('/logout', 'POST');
  await ask('');
  return steps;
}

const signedInToTheEnd: Step[] = [
  [201, [0]],
  [200, [0]],
  [200, [1]],
  [200, [1]],
  [200, [1]],
  [204, []],
  [401, []],
];

describe.each(adapters)('[F21] in a cookie jar, on %s:', (adapter) => {
  const deployments = new Deployments(adapter);
  let jar: CookieJar;

  beforeEach(() => {
    jar = new CookieJar(undefined, { prefixSecurity: PrefixSecurityEnum.STRICT, rejectPublicSuffixes: false });
  });

  afterAll(() => deployments.close());

  /** The jar is at https://app.example.test, which the requests reach without TLS. */
  const page = `https://${HOST}/app/page`;
  const client: Client = {
    async ask(path, method = 'GET') {
      const headers = { cookie: await jar.getCookieString(page), 'content-length': '0' };
      const { status, setCookies } = await send(`${deployments.current.url}/app${path}`, { method, headers });
      for (const line of setCookies) await jar.setCookie(line, page);
      return status;
    },
    kept: async () => (await jar.getCookies(page)).map(({ key, value }) => ({ name: key, value })),
  };

  test.each(changes)('from %s to %s nobody is logged out', async (_, __, ...change) => {
    const steps = await liveThrough(deployments, (cookie) => deployments.deploy(cookie), client, change);

    expect(steps).toEqual(signedInToTheEnd);
  });

  test.each(changesOfOneName)('from %j to %j nobody is logged out', async (...change) => {
    const steps = await liveThrough(deployments, (cookie) => deployments.deploy(cookie), client, change);

    expect(steps).toEqual(signedInToTheEnd);
  });

  test('two deployments side by side log nobody out if each names the cookie of the other', async () => {
    const [store, clock] = [new InMemorySessionStore(deployments.clock), deployments.clock];
    const [one, other] = [{ name: 'token' }, { name: 'token', path: '/app', domain: DOMAIN }];
    const apps = await Promise.all(
      [
        { ...one, previous: [other] },
        { ...other, previous: [one] },
      ].map((cookie) =>
        startAuthApp(adapter, {
          controllers: [IdentitiesController],
          options: { store, reuseDetection: { grace: '30s' }, delivery: { header: false, cookie } },
          clock,
        }),
      ),
    );
    const ask = async (index: number, path = '', method = 'GET') => {
      const headers = { cookie: await jar.getCookieString(page), 'content-length': '0' };
      return send(`${apps[index]?.url}/app${path}`, { method, headers });
    };
    const keep = async ({ setCookies }: HttpAnswer) => {
      for (const line of setCookies) await jar.setCookie(line, page);
    };
    await keep(await ask(0, '/login', 'POST'));

    const statuses: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      clock.advance(HOUR);
      // In both orders, since either answer may come first.
      const answers = await Promise.all((round % 2 === 0 ? [0, 1] : [1, 0]).map((index) => ask(index)));
      for (const answer of answers) await keep(answer);
      statuses.push(...answers.map(({ status }) => status), (await ask(0)).status, (await ask(1)).status);
      expect(await client.kept()).toHaveLength(1);
    }
    await Promise.all(apps.map((app) => app.close()));

    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe.each(adapters)('[F21] several cookies in one request, on %s:', (adapter) => {
  let app: AuthApp;

  beforeEach(async () => {
    const cookie = { name: 'now', previous: [{ name: 'before' }, { name: 'before', path: '/app' }] };
    app = await startAuthApp(adapter, { controllers: [IdentitiesController], options: { delivery: { cookie } } });
  });

  afterEach(() => app.close());

  async function newSession(): Promise<string> {
    return (await app.auth.issue({ sub: '1' })).token;
  }

  const removals = ['before=; Max-Age=0; Path=/', 'before=; Max-Age=0; Path=/app'].map((line) =>
    expect.stringContaining(line),
  );
  const cookies = (...pairs: string[]): RequestOptions => ({ headers: { cookie: pairs.join('; ') } });
  const get = (options: RequestOptions): Promise<HttpAnswer> => send(`${app.url}/app`, options);
  const post = (path: string, options: RequestOptions): Promise<HttpAnswer> =>
    send(`${app.url}/app/${path}`, { method: 'POST', body: '', ...options });
  const stateOf = async (token: string): Promise<string> => (await app.auth.inspect(token)).state;

  test('the latest generation counts, in any order and under any name', async () => {
    const first = await newSession();
    app.clock.advance(HOUR);
    const { header: second = '' } = delivered(await get(bearer(first)));

    const answers = [
      await get(cookies(`now=${first}`, `now=${second}`)),
      await get(cookies(`now=${second}`, `now=${first}`)),
      await get(cookies(`now=${first}`, `before=${second}`)),
      await get(cookies(`before=${first}`, `before=${second}`)),
    ];

    // Only the second is valid: nothing is refreshed.
    expect(answers.map(({ status, setCookies }) => [status, setCookies])).toEqual(answers.map(() => [200, []]));
  });

  test('a token counts beside one that has expired, and beside one whose session has ended', async () => {
    const [old, ended] = [await newSession(), await newSession()];
    await app.auth.revokeSession(String(decodePayload(ended)['sid']));
    app.clock.advance(7 * DAY - 1000);
    const live = await newSession();
    app.clock.advance(1000);

    const answers = [
      await get(cookies(`now=${old}`, `now=${ended}`, `now=${live}`)),
      await get(cookies(`now=${live}`, `now=${ended}`, `now=${old}`)),
      await get(cookies(`now=${old}`, `before=${ended}`, `before=${live}`)),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(app.events.filter(({ type }) => type !== 'session-revoked')).toEqual([]);
    expect(refusal(await get(cookies(`now=${old}`, `now=${ended}`)))).toEqual(dead('token_expired'));
  });

  test('a token counts beside one whose session has ended, at once', async () => {
    const [live, ended] = [await newSession(), await newSession()];
    expect(refusal(await get(cookies(`now=${live}`, `now=${ended}`)))).toEqual(dead('token_malformed'));

    await app.auth.revokeSession(String(decodePayload(ended)['sid']));

    expect((await get(cookies(`now=${live}`, `now=${ended}`))).status).toBe(200);
    expect((await get(cookies(`now=${ended}`, `now=${live}`))).status).toBe(200);
    expect(refusal(await get(cookies(`now=${ended}`, `now=${flipBit(live)}`)))).toEqual(dead('session_revoked'));
  });

  test('of two live sessions the one under the current name counts', async () => {
    const [now, before] = [await newSession(), await newSession()];

    expect((await get(cookies(`before=${before}`, `now=${now}`))).status).toBe(200);
    expect(refusal(await get(cookies(`before=${before}`, `before=${now}`)))).toEqual(dead('token_malformed'));
    await app.auth.revokeSession(String(decodePayload(now)['sid']));
    expect((await get(cookies(`before=${before}`, `now=${now}`))).status).toBe(200);
  });

  test('cookies are ignored if a Bearer header is present', async () => {
    const [inHeader, one, two] = [await newSession(), await newSession(), await newSession()];
    const cookie = `now=${one}; now=${two}; before=x`;

    expect((await get({ headers: { authorization: `Bearer ${inHeader}`, cookie } })).status).toBe(200);
    expect(refusal(await get({ headers: { authorization: 'Bearer x', cookie: `now=${one}` } }))).toEqual(
      dead('token_malformed'),
    );
  });

  test('every response with a token removes the earlier ones, and no other response does', async () => {
    const token = await newSession();
    const valid = await get(cookies(`before=${token}`));
    app.clock.advance(HOUR);
    const refreshed = await get(cookies(`before=${token}`));
    const refused = await get(cookies(`before=${flipBit(token)}`));
    const signedIn = await post('login', {});

    expect([valid.setCookies, refused.setCookies]).toEqual([[], []]);
    expect([refreshed.setCookies, signedIn.setCookies]).toEqual([
      [...removals, expect.stringMatching(/^now=ey/)],
      [...removals, expect.stringMatching(/^now=ey/)],
    ]);
  });

  test('a token that is sent only in the header leaves the cookies unchanged', async () => {
    const grown = await startAuthApp(adapter, {
      controllers: [IdentitiesController],
      clock: app.clock,
      options: {
        delivery: { cookie: { name: 'now', previous: [{ name: 'before' }] } },
        reloadClaims: ({ sub }) => ({ sub, long: 'x'.repeat(4096) }),
      },
    });
    const { token } = await grown.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);

    const answer = await send(`${grown.url}/app`, cookies(`before=${token}`));
    await grown.close();

    expect([answer.status, answer.headers.authorization === undefined, answer.setCookies]).toEqual([200, false, []]);
  });

  test.each(['login', 'logout'])('%s ends every live session, and removes every cookie', async (path) => {
    const tokens = await Promise.all(Array.from({ length: 12 }, newSession));
    const other = await newSession();
    const pairs = tokens.map((token, index) => `${['now', 'before', 'other'][index % 3]}=${token}`);

    const { setCookies } = await post(path, cookies('now=x', ...pairs));

    const states = await Promise.all(tokens.map(stateOf));
    expect(states).toEqual(tokens.map((_, index) => (index % 3 === 2 ? 'valid' : 'dead')));
    expect(await stateOf(other)).toBe('valid');
    expect(setCookies).toEqual([...removals, expect.stringMatching(/^now=/)]);
  });

  test('a token of an earlier cookie counts as attached by the browser', async () => {
    const token = await newSession();
    const foreign = { cookie: `before=${token}`, 'sec-fetch-site': 'cross-site' };

    const signedOut = await post('logout', { headers: foreign });
    app.clock.advance(HOUR);
    const refreshed = await get({ headers: foreign });

    expect([signedOut.status, signedOut.setCookies, await stateOf(token)]).toEqual([403, [], 'refreshable']);
    expect(refusal(refreshed)).toEqual(notRefreshedForOrigin);
  });
});

// The lines are the same on both adapters, as the jars have shown: it takes one of them to see what a browser makes of them.
describe('[F21] in Chromium,', () => {
  let front: TlsFront;
  let browser: Browser;
  const deployments = new Deployments('express');
  let context: BrowserContext;
  let page: Page;
  /** A tab of somebody else's host of the same site. */
  let foreign: Page;

  beforeAll(async () => {
    front = await startTlsFront();
    browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
      // The sandbox of Chromium does not work for root, as in a container.
      args: ['--no-sandbox', `--host-resolver-rules=MAP *.${DOMAIN} 127.0.0.1`],
    });
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
    foreign = await context.newPage();
  });

  afterAll(async () => {
    await browser.close();
    await front.close();
    await deployments.close();
  });

  // Nothing but cookies is kept from one test to the next: a new tab for each takes as long as the test.
  beforeEach(() => context.clearCookies());

  async function deploy(cookie: CookieOptions): Promise<void> {
    front.forwardTo(await deployments.deploy(cookie));
    await page.goto(`https://${HOST}:${front.port}/app/page`);
  }

  const client: Client = {
    ask: (path, method = 'GET') =>
      page.evaluate(async ([url, how]) => (await fetch(url, { method: how })).status, [`/app${path}`, method] as const),
    kept: () => context.cookies(),
  };

  test.each(changesInTurn)('from %s to %s nobody is logged out', async (_, __, ...change) => {
    expect(await liveThrough(deployments, deploy, client, change)).toEqual(signedInToTheEnd);
  });

  describe('a change that no `previous` names', () => {
    test.each(changesOfOneName)(
      'from %j to %j logs nobody out, and leaves nobody locked out',
      async (before, after) => {
        await deploy(before);
        await client.ask('/login', 'POST');
        await deploy(after);
        deployments.clock.advance(HOUR);

        // Then the browser has both cookies, of one session.
        expect([await client.ask(''), await client.ask('')]).toEqual([200, 200]);
        expect((await client.kept()).map(({ value }) => decodePayload(value)['gen'])).toEqual(
          expect.arrayContaining([0, 1]),
        );
        deployments.clock.advance(HOUR);
        expect([await client.ask(''), await client.ask('')]).toEqual([200, 200]);

        // The earlier one stays, and its session has ended.
        expect([await client.ask('/logout', 'POST'), await client.ask('')]).toEqual([204, 401]);
        expect(await client.kept()).toHaveLength(1);
        expect([await client.ask('/login', 'POST'), await client.ask('')]).toEqual([201, 200]);
        expect([await client.ask('/logout', 'POST'), await client.ask('')]).toEqual([204, 401]);
      },
    );
  });

  /** A host of the same site, which is somebody else's, sets cookies. */
  async function plant(...lines: string[]): Promise<void> {
    front.answer('/plant', { 'set-cookie': lines });
    await foreign.goto(`https://${SIBLING}:${front.port}/plant`);
  }

  async function tokenOfAnother(): Promise<string> {
    return (await deployments.current.auth.issue({ sub: 'another' })).token;
  }

  const everywhere = `Domain=${DOMAIN}; Path=/; Secure; Max-Age=3600`;
  const inFront = `Domain=${DOMAIN}; Path=/app; Secure; Max-Age=3600`;

  describe('a cookie that another host of the site has planted under a plain name', () => {
    const forged = async (): Promise<string> => flipBit(await tokenOfAnother());

    test.each<[string, () => string | Promise<string>]>([
      ['garbage', () => 'x'],
      ['a forged token', forged],
    ])('locks nobody out: %s', async (_, make) => {
      await deploy({ name: 'authorization' });
      const value = await make();
      await client.ask('/login', 'POST');
      await plant(`authorization=${value}; ${everywhere}`, `authorization=${value}; ${inFront}`);

      expect([(await client.kept()).length, await client.ask('')]).toEqual([3, 200]);
      deployments.clock.advance(HOUR);
      expect([await client.ask(''), await client.ask('')]).toEqual([200, 200]);
      expect([await client.ask('/logout', 'POST'), await client.ask('')]).toEqual([204, 401]);
      expect([await client.ask('/login', 'POST'), await client.ask('')]).toEqual([201, 200]);
    });

    test('is removed at the next sign-in once `previous` names it', async () => {
      await deploy({ name: 'authorization', previous: [{ name: 'authorization', domain: DOMAIN }] });
      await plant(`authorization=${await tokenOfAnother()}; ${everywhere}`);

      expect([await client.ask('/login', 'POST'), await client.kept(), await client.ask('')]).toEqual([
        201,
        [expect.objectContaining({ name: 'authorization', domain: HOST })],
        200,
      ]);
    });

    test('is removed at a sign-out once `previous` names it', async () => {
      await deploy({ name: 'authorization', previous: [{ name: 'authorization', domain: DOMAIN }] });
      await client.ask('/login', 'POST');
      await plant(`authorization=x; ${everywhere}`);

      expect([await client.ask('/logout', 'POST'), await client.kept()]).toEqual([204, []]);
    });

    test('is answered with 401 if it is a live token, as SECURITY.md says', async () => {
      await deploy({ name: 'authorization' });
      await client.ask('/login', 'POST');
      await plant(`authorization=${await tokenOfAnother()}; ${everywhere}`);

      expect(await client.ask('')).toBe(401);
      // That ends the session of the planted token too.
      expect([await client.ask('/login', 'POST'), await client.ask('')]).toEqual([201, 200]);
    });
  });

  describe('under the default name', () => {
    test.each<[string, (token: string) => string]>([
      ['as it is', (token) => `__Host-authorization=${token}; ${everywhere}`],
      ['in another case', (token) => `__host-authorization=${token}; ${everywhere}`],
      ['without a name', (token) => `=__Host-authorization=${token}; ${everywhere}`],
      ['[F4] behind a space that is none', (token) => `\u00a0__Host-authorization=${token}; ${everywhere}`],
      [
        '[F4] without a name, behind a space that is none',
        (token) => `=\u00a0__Host-authorization=${token}; ${everywhere}`,
      ],
      ['by its plain name', (token) => `authorization=${token}; ${everywhere}`],
    ])('nothing can be planted: %s', async (_, line) => {
      await deploy({});
      const token = await tokenOfAnother();
      await plant(line(token));
      expect(await client.ask('')).toBe(401);

      await client.ask('/login', 'POST');
      await plant(line(token));
      expect(await client.ask('')).toBe(200);
      expect([await client.ask('/logout', 'POST'), await client.ask('')]).toEqual([204, 401]);
    });
  });
});
