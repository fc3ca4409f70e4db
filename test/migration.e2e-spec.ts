// The guides in docs/migration: their blocks compile, and their applications replace each other while users are signed in.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { Balancer, GuideApp, type GuideProcess, STEPS, type Step } from './support/guide-app.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { watchOutFor } from './support/leak-watch.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { checkOrders } from './support/migration/passport-jwt/orders/orders.check.js';

const SECRETS = {
  JWT_SECRET: watchOutFor('pQ7wZk3RtY9uVbXsN2mLcJfH8gDaE5xK'),
  ACCESS_SECRET: watchOutFor('Hn4vTq8WcZr2YxPmLk6JdSgFb9AeUo3I'),
  REFRESH_SECRET: watchOutFor('eR5tYv7UiO2pLkJ8hGfDsA4zXcVbNmQ1'),
  SESSION_SECRET: watchOutFor('mN8bVcXz3LkJhGf5DsAq2WeRtYu7IoPy'),
  REFRESH_AUTH_SECRET: watchOutFor('Zx9cVb2NmLq4WeRt7YuIoPa6SdFgHj1KkL3zXcVbQw5eRt8y'),
};
const PASSWORDS = { ada: 'lovelace', alan: 'turing', grace: 'hopper' } as const;
type Name = keyof typeof PASSWORDS;

/** The data that a browser keeps for a site. All its tabs share it. */
interface Storage {
  name?: Name;
  token?: string;
  refreshToken?: string;
  cookies: Map<string, string>;
}

/** Somebody's page, which was loaded before the change, or after it. */
abstract class Page {
  constructor(
    protected readonly site: string,
    readonly storage: Storage = { cookies: new Map() },
  ) {}

  abstract signIn(name: Name): Promise<void>;
  abstract orders(): Promise<HttpAnswer>;

  protected post(path: string, body: object, options: RequestOptions = {}): Promise<HttpAnswer> {
    return send(`${this.site}${path}`, { method: 'POST', body, ...options });
  }

  protected get credentials(): { name: string; password: string } {
    const name = this.storage.name ?? 'ada';
    return { name, password: PASSWORDS[name] };
  }
}

const bearer = (token: string | undefined): RequestOptions => ({ headers: { authorization: `Bearer ${token}` } });

/** Keeps the token of the sign-in. Once the front end is new, also those of later responses. */
class JwtPage extends Page {
  static isNew = false;

  async signIn(name: Name): Promise<void> {
    this.storage.name = name;
    const answer = await this.post('/auth/login', this.credentials);
    this.storage.token = (answer.json() as { access_token: string }).access_token;
  }

  async orders(): Promise<HttpAnswer> {
    return this.store(await send(`${this.site}/orders`, bearer(this.storage.token)));
  }

  signOut(): Promise<HttpAnswer> {
    return this.post('/auth/logout', {}, bearer(this.storage.token));
  }

  protected store(answer: HttpAnswer): HttpAnswer {
    const [, token] = /^Bearer (.+)$/.exec(answer.headers.authorization ?? '') ?? [];
    if (JwtPage.isNew && token !== undefined) this.storage.token = token;
    return answer;
  }
}

/** Keeps two tokens, and asks for the next access token before it expires, and after a 401. */
class PairsPage extends JwtPage {
  override async signIn(name: Name): Promise<void> {
    this.storage.name = name;
    const answer = await this.post('/auth/login', this.credentials);
    const { accessToken, refreshToken } = answer.json() as { accessToken: string; refreshToken: string };
    Object.assign(this.storage, { token: accessToken, refreshToken });
  }

  override async orders(): Promise<HttpAnswer> {
    const answer = await super.orders();
    if (answer.status !== 401) return answer;
    await this.refresh();
    return super.orders();
  }

  async refresh(): Promise<HttpAnswer> {
    const answer = await this.post('/auth/refresh', { refreshToken: this.storage.refreshToken });
    if (answer.status === 200) this.storage.token = (answer.json() as { accessToken: string }).accessToken;
    return answer;
  }

  override signOut(): Promise<HttpAnswer> {
    const { refreshToken, token } = this.storage;
    return this.post('/auth/logout', { refreshToken }, bearer(token));
  }
}

/** A browser with its cookies. */
class CookiePage extends Page {
  async signIn(name: Name): Promise<void> {
    this.storage.name = name;
    const { status } = await this.withCookies('/auth/login', { method: 'POST', body: this.credentials });
    assert.equal(status, 204);
  }

  orders(): Promise<HttpAnswer> {
    return this.withCookies('/orders');
  }

  signOut(): Promise<HttpAnswer> {
    return this.withCookies('/auth/logout', { method: 'POST', body: '' });
  }

  async withCookies(path: string, options: RequestOptions = {}): Promise<HttpAnswer> {
    const { cookies } = this.storage;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await send(`${this.site}${path}`, { ...options, headers: cookie === '' ? {} : { cookie } });
    for (const line of answer.setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  }
}

/** A guide's application in all its versions behind one port, and everybody who is signed in. */
class Site<P extends Page> {
  readonly #balancer = new Balancer();
  readonly #app: GuideApp;
  readonly tabs: P[] = [];
  readonly versions = new Map<Step, GuideProcess>();
  #processes: GuideProcess[] = [];
  #redis: RedisServer | undefined;
  url = '';

  constructor(
    guide: string,
    private readonly page: new (site: string, storage?: Storage) => P,
  ) {
    this.#app = new GuideApp(guide);
  }

  async open(): Promise<void> {
    this.#app.write();
    this.#redis = await startRedis();
    const env = { ...SECRETS, REDIS_URL: this.#redis.url, SWITCHED_AT: String(Math.floor(Date.now() / 1000)) };
    this.#processes = await Promise.all([...STEPS, 'step-2' as const].map((step) => this.#app.start(step, env)));
    STEPS.forEach((step, index) => this.versions.set(step, this.#processes[index]!));
    this.url = await this.#balancer.open();
  }

  /** The second process of step 2. */
  get another(): GuideProcess {
    return this.#processes.at(-1)!;
  }

  version(step: Step): GuideProcess {
    return this.versions.get(step)!;
  }

  /** From now on these versions are behind the port. Everybody goes on. */
  async deploy(...steps: Step[]): Promise<void> {
    this.#balancer.deploy(...steps.map((step) => this.version(step)));
    await this.everybodyGoesOn(steps.join(' and '));
  }

  /** Somebody signs in, and opens a second tab. */
  async signIn(name: Name): Promise<P> {
    const [first, second] = this.#open();
    await first.signIn(name);
    this.tabs.push(first, second);
    await this.everybodyGoesOn(`after the sign-in of ${name}`);
    return first;
  }

  /** Every tab asks each process, and one of them ten times at once. */
  async everybodyGoesOn(when: string): Promise<void> {
    const racing = this.tabs[0];
    const racers = racing ? await Promise.all(Array.from({ length: 10 }, () => racing.orders())) : [];
    const answers = [...racers];
    for (const tab of [...this.tabs, ...this.tabs]) answers.push(await tab.orders());
    const statuses = [...new Set(answers.map(({ status }) => status))];
    assert.deepEqual({ when, statuses }, { when, statuses: this.tabs.length > 0 ? [200] : [] });
  }

  async close(): Promise<void> {
    await this.#balancer.close();
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.#redis?.stop();
    this.#app.remove();
  }

  #open(): [P, P] {
    const { page: OpenPage } = this;
    const first = new OpenPage(this.url);
    return [first, new OpenPage(this.url, first.storage)];
  }
}

/** The steps of all guides, with a rollback wherever one is promised. */
async function migrate<P extends Page>(site: Site<P>, newFrontEnd: () => unknown = () => undefined): Promise<void> {
  await site.deploy('before');
  await site.signIn('ada');
  await site.deploy('before', 'step-1');
  await site.signIn('alan');
  await site.deploy('step-1');
  await site.signIn('grace');
  await site.deploy('before');
  await site.deploy('step-1', 'before');
  await site.deploy('step-1');
  await site.deploy('step-1', 'step-2');
  await site.signIn('alan');
  await site.signIn('grace');
  await site.deploy('step-2');
  await site.signIn('ada');
  await site.deploy('step-1');
  await site.signIn('ada');
  await site.deploy('step-2', 'step-1');
  await site.deploy('step-2');
  newFrontEnd();
  await site.everybodyGoesOn('with the new front end');
  await site.deploy('step-2', 'step-3');
  await site.deploy('step-3');
}

const sidOf = (token: string | undefined): unknown => decodePayload(token ?? '')['sid'];
const START_LIMIT_MS = 180_000;

test(
  'The blocks of all guides compile, fully strict',
  () => {
    const apps = ['passport-jwt', 'token-pairs', 'express-session'].map((guide) => new GuideApp(guide));
    for (const app of apps) app.write();
    const problems = GuideApp.problems(apps);
    for (const app of apps) app.remove();
    expect(problems).toEqual([]);
  },
  START_LIMIT_MS,
);

describe('[F83] from-passport-jwt.md', () => {
  const site = new Site('passport-jwt', JwtPage);

  beforeAll(() => site.open(), START_LIMIT_MS);
  afterAll(async () => {
    JwtPage.isNew = false;
    await site.close();
  });

  test.each(['before', 'step-1', 'step-2', 'step-3'] as const)("%s passes the application's own test", async (step) => {
    await checkOrders(site.version(step).url);
    const documentation = await send(`${site.version(step).url}/docs-json`);
    expect((documentation.json() as { components: object }).components).toMatchObject({
      securitySchemes: { bearer: { scheme: 'bearer' } },
    });
  });

  test(
    'logs nobody out, whichever version runs and goes back',
    async () => {
      await migrate(site, () => (JwtPage.isNew = true));
      const [tab, other] = site.tabs;
      expect((await tab!.signOut()).status).toBe(204);
      expect((await other!.orders()).status).toBe(401);
    },
    START_LIMIT_MS,
  );

  test('gives all who bring one old token the same session, in two processes', async () => {
    const page = new JwtPage(site.version('step-1').url);
    await page.signIn('ada');
    const old = page.storage.token;
    const processes = [site.version('step-2'), site.another];

    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => send(`${processes[index % 2]!.url}/orders`, bearer(old))),
    );

    expect(new Set(answers.map(({ headers }) => headers.authorization)).size).toBe(1);
    expect(sidOf(old)).toBeUndefined();
    await send(`${site.another.url}/auth/logout`, { method: 'POST', body: '', ...bearer(old) });
    for (const { url } of [...processes, site.version('step-1')])
      expect((await send(`${url}/orders`, bearer(old))).status).toBe(401);
  });

  test('ends a session of step 2 with a sign-out after a rollback to step 1', async () => {
    const page = new JwtPage(site.version('step-2').url);
    await page.signIn('ada');
    const rolledBack = new JwtPage(site.version('step-1').url, page.storage);
    expect((await rolledBack.orders()).status).toBe(200);

    expect((await rolledBack.signOut()).status).toBe(204);

    expect((await rolledBack.orders()).status).toBe(401);
  });
});

describe('[F83] from-token-pairs.md', () => {
  const site = new Site('token-pairs', PairsPage);

  beforeAll(() => site.open(), START_LIMIT_MS);
  afterAll(async () => {
    JwtPage.isNew = false;
    await site.close();
  });

  test(
    'logs nobody out, whichever version runs and goes back, and the refresh endpoint goes on',
    async () => {
      const goOn = site.everybodyGoesOn.bind(site);
      // Clients of today refresh by a timer, too.
      site.everybodyGoesOn = async (when) => {
        await goOn(when);
        if (JwtPage.isNew) return;
        const refreshed = await Promise.all(site.tabs.map((tab) => tab.refresh()));
        expect({ when, statuses: refreshed.map(({ status }) => status) }).toEqual({
          when,
          statuses: site.tabs.map(() => 200),
        });
        await goOn(`${when}, refreshed`);
      };
      await migrate(site, () => (JwtPage.isNew = true));
      const [tab, other] = site.tabs;
      expect((await tab!.signOut()).status).toBe(204);
      other!.storage.refreshToken = 'forgotten';
      expect((await other!.orders()).status).toBe(401);
    },
    START_LIMIT_MS,
  );

  test('gives all who bring one old refresh token the same session, which ends with the sign-out', async () => {
    const page = new PairsPage(site.version('step-1').url);
    await page.signIn('ada');
    const { refreshToken } = page.storage;
    const refresh = (url: string) => send(`${url}/auth/refresh`, { method: 'POST', body: { refreshToken } });

    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => refresh([site.version('step-2'), site.another][index % 2]!.url)),
    );

    const tokens = answers.map((answer) => (answer.json() as { accessToken: string }).accessToken);
    expect(new Set(tokens).size).toBe(1);
    // A refresh token is accepted by the endpoint alone.
    expect((await send(`${site.another.url}/orders`, bearer(refreshToken))).status).toBe(401);
    page.storage.token = tokens[0]!;
    expect((await page.signOut()).status).toBe(204);
    expect((await refresh(site.another.url)).status).toBe(401);
    expect((await send(`${site.another.url}/orders`, bearer(tokens[0]))).status).toBe(401);
  });

  describe('a sign-out', () => {
    const tokensOf = async (step: Step): Promise<Required<Pick<Storage, 'token' | 'refreshToken'>>> => {
      const page = new PairsPage(site.version(step).url);
      await page.signIn('ada');
      const { token = '', refreshToken = '' } = page.storage;
      return { token, refreshToken };
    };
    const post = (step: Step, path: string, body?: object, options: RequestOptions = {}) =>
      send(`${site.version(step).url}/auth/${path}`, { method: 'POST', body: body ?? '', ...options });
    const orders = async (step: Step, token: string) =>
      (await send(`${site.version(step).url}/orders`, bearer(token))).status;

    test.each(['step-1', 'step-2', 'step-3'] as const)(
      'of %s with nothing but the refresh token in the body ends the session, as it did before',
      async (step) => {
        const { token, refreshToken } = await tokensOf('step-2');
        expect(await orders(step, token)).toBe(200);

        expect((await post(step, 'logout', { refreshToken })).status).toBe(204);

        expect(await orders(step, token)).toBe(401);
        expect((await post(step, 'refresh', { refreshToken })).status).toBe(401);
      },
    );

    test.each(['step-1', 'step-2'] as const)(
      'of %s with the old tokens ends the session of a tab that has exchanged the refresh token',
      async (step) => {
        const { token, refreshToken } = await tokensOf('step-1');
        const exchanged = await post('step-2', 'refresh', { refreshToken });
        const { accessToken } = exchanged.json() as { accessToken: string };
        expect(await orders(step, accessToken)).toBe(200);

        expect((await post(step, 'logout', { refreshToken }, bearer(token))).status).toBe(204);

        expect(await orders(step, accessToken)).toBe(401);
        for (const version of ['step-1', 'step-2'] as const)
          expect((await post(version, 'refresh', { refreshToken })).status).toBe(401);
      },
    );

    test('with the new token alone ends the old refresh token too, also after a rollback', async () => {
      const { refreshToken } = await tokensOf('step-1');
      const exchanged = await post('step-2', 'refresh', { refreshToken });
      const { accessToken } = exchanged.json() as { accessToken: string };

      expect((await post('step-2', 'logout', {}, bearer(accessToken))).status).toBe(204);

      for (const version of ['step-1', 'step-2'] as const)
        expect((await post(version, 'refresh', { refreshToken })).status).toBe(401);
    });

    test.each(['step-1', 'step-2', 'step-3'] as const)('of %s needs no body, and no token', async (step) => {
      const { token } = await tokensOf('step-2');

      for (const options of [bearer(token), {}])
        expect((await post(step, 'logout', undefined, options)).status).toBe(204);

      expect(await orders(step, token)).toBe(401);
    });
  });
});

describe('[F83] from-express-session.md', () => {
  const site = new Site('express-session', CookiePage);

  beforeAll(() => site.open(), START_LIMIT_MS);
  afterAll(() => site.close());

  test(
    'logs nobody out, whichever version runs and goes back',
    async () => {
      await migrate(site);
      const [tab, other] = site.tabs;
      expect((await tab!.signOut()).status).toBe(204);
      expect((await other!.orders()).status).toBe(401);
    },
    START_LIMIT_MS,
  );

  test('gives browsers nothing of ours in step 1, so that a sign-out at an old process is one', async () => {
    const browser = new CookiePage(site.version('before').url);
    await browser.signIn('ada');
    const at = (step: Step) => new CookiePage(site.version(step).url, browser.storage);
    expect((await at('step-1').orders()).status).toBe(200);
    expect([...browser.storage.cookies.keys()]).toEqual(['connect.sid']);

    await at('before').signOut();

    for (const step of ['before', 'step-1', 'step-2'] as const) expect((await at(step).orders()).status).toBe(401);
  });

  test.each(['step-1', 'step-2'] as const)('ends both logins with a sign-out of %s, also for a thief', async (step) => {
    const owner = new CookiePage(site.version('before').url);
    await owner.signIn('ada');
    const at = (version: Step, storage: Storage) => new CookiePage(site.version(version).url, storage);
    const old = new Map(owner.storage.cookies);
    // The thief has exchanged a copy of the old cookie. Its owner has not.
    const thief: Storage = { cookies: new Map(old) };
    await at('step-2', thief).orders();
    expect([...thief.cookies.keys()]).toContain('__Host-authorization');

    expect((await at(step, owner.storage).signOut()).status).toBe(204);

    expect((await at(step, thief).orders()).status).toBe(401);
    for (const version of ['before', 'step-1', 'step-2'] as const)
      expect((await at(version, { cookies: new Map(old) }).orders()).status).toBe(401);
  });

  test('signs in the user who signs in, in a browser that had a new cookie before a rollback', async () => {
    const browser = new CookiePage(site.version('step-2').url);
    await browser.signIn('ada');
    const rolledBack = new CookiePage(site.version('step-1').url, browser.storage);
    await rolledBack.signIn('alan');

    expect((await rolledBack.orders()).json()).toEqual({ of: '2', orders: [] });
  });
});
