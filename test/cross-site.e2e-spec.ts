// Requests of other origins: which are refused, and what they are told.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { All, Controller, type ExecutionContext, Get, Injectable, Post, Req, Res } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  getTokenState,
  type HttpRequest,
  type HttpResponse,
  OptionalAuth,
  Public,
  RefreshAuthGuard,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import methodOverride from 'method-override';
import type { IncomingMessage } from 'node:http';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, notRefreshedForOrigin, refusal } from './support/http-refusals.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TRUSTED = 'https://trusted.example';

const crossSite = {
  status: 403,
  body: {
    statusCode: 403,
    error: 'Forbidden',
    message: 'The request came from another origin',
    code: 'request_cross_site',
  },
  authenticate: undefined,
  retryAfter: undefined,
  setCookies: [],
};

const foreign: [name: string, headers: Record<string, string>][] = [
  ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
  ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
  ['another Origin', { origin: 'https://attacker.example' }],
  ['Origin: null', { origin: 'null' }],
];
const picture = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @All('state')
  state(@Req() request: HttpRequest): object {
    return { state: getTokenState(request) };
  }

  @OptionalAuth()
  @All('optional')
  optional(@Req() request: HttpRequest): object {
    return { state: getTokenState(request) ?? 'anonymous' };
  }

  @Public()
  @All('public')
  public(): object {
    return {};
  }

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '2' });
  }

  /** A sign-in as an identity provider posts it. The provider has already authenticated the user. */
  @Public()
  @Post('form-post')
  async formPost(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '2' }, { crossSite: true });
  }

  /** A sign-in after a redirect from an identity provider. */
  @Public()
  @Get('callback')
  async callback(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '2' });
  }

  @Public()
  @All('logout')
  async logout(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }
}

/** One request of several, merged. Without a body, and it says so: Fastify asks for the type of one that may follow. */
function withHeaders(headers: Record<string, string>, ...requests: RequestOptions[]): RequestOptions {
  const merged = Object.assign({}, ...requests.map((request) => request.headers), headers) as Record<string, string>;
  return { ...Object.assign({}, ...requests), headers: { 'content-length': '0', ...merged } };
}

/** One without the cookie. */
function post(headers: Record<string, string>): RequestOptions {
  return withHeaders(headers, { method: 'POST' });
}

describe.each(adapters)('requests of other origins on %s', (adapter) => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { csrf: { trustedOrigins: [TRUSTED] }, refreshAhead: '5m' },
      configure: (nest) => nest.enableCors({ origin: TRUSTED, credentials: true }),
    });
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
    app.events.length = 0;
  });

  const ask = (path: string, request: RequestOptions = {}): Promise<HttpAnswer> => send(`${app.url}/${path}`, request);
  const stateOf = async (presented: string): Promise<unknown> => (await app.auth.inspect(presented)).state;

  describe.each(foreign)('%s', (_, headers) => {
    test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('[C1] [C2] %s with the cookie is refused', async (method) => {
      expect(refusal(await ask('state', withHeaders(headers, cookie(token), { method })))).toEqual(crossSite);
    });

    test('[C4] is refused with an expired token as well, and refreshes nothing', async () => {
      app.clock.advance(HOUR);

      expect(refusal(await ask('state', withHeaders(headers, cookie(token), { method: 'POST' })))).toEqual(crossSite);
      expect(await stateOf(token)).toBe('refreshable');
    });

    test('is refused before the token is verified', async () => {
      const request = withHeaders(headers, cookie('no token'), { method: 'POST' });

      expect(refusal(await ask('state', request))).toEqual(crossSite);
    });

    test.each(['GET', 'HEAD'])('[C4] %s with a valid token passes, and is not refreshed ahead', async (method) => {
      app.clock.advance(14 * MINUTE);

      const answer = await ask('state', withHeaders(headers, cookie(token), { method }));

      expect([answer.status, delivered(answer)]).toEqual([200, nothing]);
      expect(app.events.filter(({ type }) => type === 'refreshed')).toEqual([]);
    });

    test('[C4] [F62] GET with an expired token is 401 that says so, and refreshes nothing', async () => {
      app.clock.advance(HOUR);

      expect(refusal(await ask('state', withHeaders(headers, cookie(token))))).toEqual(notRefreshedForOrigin);
      expect(await stateOf(token)).toBe('refreshable');
    });

    test('[C5] with a Bearer header is exempt, with any cookie', async () => {
      app.clock.advance(HOUR);
      const { token: other } = await app.auth.issue({ sub: '2' });

      const answer = await ask('state', withHeaders(headers, cookie(other), bearer(token), { method: 'POST' }));
      const both = await ask('state', withHeaders(headers, cookie(token), bearer(token), { method: 'POST' }));

      expect([answer.json(), both.json()]).toEqual([{ state: 'refreshable' }, { state: 'already-refreshed' }]);
    });

    test('[C5] with another scheme than Bearer is not exempt', async () => {
      const request = withHeaders({ ...headers, authorization: 'Basic dDp1' }, cookie(token), { method: 'POST' });

      expect(refusal(await ask('state', request))).toEqual(crossSite);
    });

    test('without a token gets token_missing', async () => {
      expect(refusal(await ask('state', post(headers)))).toEqual(dead('token_missing'));
    });

    test('is refused on optional routes, and not checked on public ones', async () => {
      const request = withHeaders(headers, cookie(token), { method: 'POST' });
      const answers = [await ask('optional', request), await ask('public', request)];

      expect(answers.map(({ status }) => status)).toEqual([403, 200]);
      expect((await ask('optional', post(headers))).json()).toEqual({ state: 'anonymous' });
    });

    test('may not open a WebSocket', async () => {
      const upgrade = { ...headers, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };

      expect(refusal(await ask('state', withHeaders(upgrade, cookie(token))))).toEqual(crossSite);
      expect((await ask('state', withHeaders(upgrade, bearer(token)))).status).toBe(200);
    });

    test.each(['GET', 'POST'])('[C5] cannot sign anybody out by %s', async (method) => {
      const request = withHeaders(headers, cookie(token), { method });

      expect(refusal(await ask('logout', request))).toEqual(crossSite);
      expect(await stateOf(token)).toBe('valid');
    });

    test('[C5] cannot have the cookie removed by a request without it, as SameSite sends it', async () => {
      expect(refusal(await ask('logout', post(headers)))).toEqual(crossSite);
    });

    test('[C5] can sign out by the header', async () => {
      const answer = await ask('logout', withHeaders(headers, bearer(token), { method: 'POST' }));

      expect(answer.status).toBe(200);
      expect(await stateOf(token)).toBe('dead');
    });

    test('[F3] cannot sign anybody in, and ends no session of the cookie', async () => {
      const answer = await ask('login', withHeaders(headers, cookie(token), { method: 'POST' }));

      expect(refusal(answer)).toEqual(crossSite);
      expect([delivered(answer), await stateOf(token)]).toEqual([nothing, 'valid']);
    });

    test('[F3] cannot sign in a user who has no cookie yet', async () => {
      expect(refusal(await ask('login', post(headers)))).toEqual(crossSite);
    });

    test('[F3] can sign in with a Bearer header, and ends its session', async () => {
      const answer = await ask('login', withHeaders(headers, bearer(token), { method: 'POST' }));

      expect([answer.status, delivered(answer).cookie, await stateOf(token)]).toEqual([
        201,
        expect.any(String),
        'dead',
      ]);
    });

    test('[F3] can sign in if the handler allows it, as for the form of an identity provider', async () => {
      const answer = await ask('form-post', withHeaders(headers, cookie(token), { method: 'POST' }));

      expect([answer.status, delivered(answer).cookie]).toEqual([201, expect.any(String)]);
      expect(await stateOf(token)).toBe('valid');
    });
  });

  test('[C4] of pictures on other sites do not refresh, but those of links that the user followed do', async () => {
    app.clock.advance(HOUR);

    expect(refusal(await ask('state', withHeaders(picture, cookie(token))))).toEqual(notRefreshedForOrigin);
    const answer = await ask('state', withHeaders(link, cookie(token)));
    expect([answer.json(), delivered(answer)]).toEqual([
      { state: 'refreshable' },
      { header: expect.any(String), cookie: expect.any(String) },
    ]);
  });

  test('[F3] a sign-in at the end of a link succeeds, and ends the previous session', async () => {
    const { status } = await ask('callback', withHeaders(link, cookie(token)));

    expect([status, await stateOf(token)]).toEqual([200, 'dead']);
  });

  test.each([
    ['a trusted one', { origin: TRUSTED, 'sec-fetch-site': 'cross-site' }],
    ['its own', { 'sec-fetch-site': 'same-origin' }],
    ['no browser', {}],
  ])('%s is accepted everywhere', async (_, headers: Record<string, string>) => {
    app.clock.advance(HOUR);
    const request = withHeaders(headers, cookie(token), { method: 'POST' });
    const answers = [await ask('state', request), await ask('login', post(headers)), await ask('logout', request)];

    expect(answers.map(({ status }) => status)).toEqual([200, 201, 200]);
    expect(answers.slice(0, 2).map(delivered)).toEqual([
      { header: expect.any(String), cookie: expect.any(String) },
      { header: expect.any(String), cookie: expect.any(String) },
    ]);
    expect(await stateOf(token)).toBe('dead');
  });

  test('[F3] a handler that sets crossSite to another value than true gets an error', async () => {
    await expect(
      app.auth.signIn({} as HttpResponse, { sub: '1' }, { crossSite: 'yes' as unknown as boolean }),
    ).rejects.toThrow(new TypeError('signIn: option `crossSite` is not a boolean. Write true or false.'));
  });

  test.each<[string, Record<string, string | string[]>]>([
    ['Origins', { origin: [TRUSTED, 'https://attacker.example'] }],
    ['Origins, the other way round', { origin: ['https://attacker.example', TRUSTED] }],
    ['Sec-Fetch-Sites', { 'sec-fetch-site': ['same-origin', 'cross-site'] }],
    ['Sec-Fetch-Sites, the other way round', { 'sec-fetch-site': ['cross-site', 'same-origin'] }],
    ['Hosts', { origin: 'https://a.example', host: ['a.example', 'b.example'] }],
    ['Hosts, the other way round', { origin: 'https://a.example', host: ['b.example', 'a.example'] }],
  ])('two different %s count as cross-site', async (_, headers) => {
    const request = withHeaders({}, { method: 'POST', headers }, cookie(token));

    expect(refusal(await ask('state', request))).toEqual(crossSite);
  });

  test.each([
    ['a picture', picture],
    ['a picture of the same site', { ...picture, 'sec-fetch-site': 'same-site' }],
    ['a video', { ...picture, 'sec-fetch-dest': 'video' }],
    ['a frame', { ...link, 'sec-fetch-dest': 'iframe' }],
  ])('[F60] %s on a page of a trusted origin is served after `exp`, and refreshes', async (_, headers) => {
    app.clock.advance(HOUR);
    const answer = await ask('state', withHeaders({ ...headers, referer: `${TRUSTED}/page` }, cookie(token)));

    expect([answer.json(), delivered(answer)]).toEqual([
      { state: 'refreshable' },
      { header: expect.any(String), cookie: expect.any(String) },
    ]);
  });

  test('[F60] a request of a trusted page with `no-referrer` gets 401', async () => {
    app.clock.advance(HOUR);

    expect(refusal(await ask('state', withHeaders(picture, cookie(token))))).toEqual(notRefreshedForOrigin);
  });

  test('[F60] a Referer does not make a request with an unsafe method pass', async () => {
    const headers = { ...picture, referer: `${TRUSTED}/page` };
    const answers = [
      await ask('state', withHeaders(headers, cookie(token), { method: 'POST' })),
      await ask('logout', withHeaders(headers, cookie(token))),
      await ask('login', withHeaders(headers, { method: 'POST' })),
    ];

    expect(answers.map((answer) => refusal(answer))).toEqual([crossSite, crossSite, crossSite]);
  });

  test('an Origin that equals the Host counts as same-origin', async () => {
    const request = withHeaders({ origin: app.url }, cookie(token), { method: 'POST' });

    expect((await ask('state', request)).status).toBe(200);
  });

  test('[D10] a preflight is answered by CORS, not with 401, and changes nothing', async () => {
    const headers = {
      origin: TRUSTED,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };

    const answer = await ask('state', { method: 'OPTIONS', headers });

    expect([answer.status, answer.headers['access-control-allow-origin'], delivered(answer)]).toEqual([
      204,
      TRUSTED,
      nothing,
    ]);
    expect(app.events).toEqual([]);
  });

  test('[D9] the library does not allow any origin by itself', async () => {
    app.clock.advance(HOUR);

    const { headers } = await ask('state', withHeaders({ origin: 'https://attacker.example' }, bearer(token)));

    expect(headers['access-control-expose-headers']).toBe('Authorization');
    expect(headers['access-control-allow-origin']).not.toBe('https://attacker.example');
  });
});

describe.each(adapters)('a preflight that reaches the guard on %s', (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [RoutesController] });
  });

  afterAll(() => app.close());

  test('[D10] is answered without credentials and without running the handler', async () => {
    const headers = { origin: 'https://a.example', 'access-control-request-method': 'POST' };

    expect((await send(`${app.url}/state`, { method: 'OPTIONS', headers })).status).toBe(204);
    expect((await send(`${app.url}/state`, { method: 'OPTIONS' })).status).toBe(401);
    expect(app.events).toEqual([]);
  });
});

describe.each(adapters)('without the check on %s', (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [RoutesController], options: { csrf: false } });
  });

  afterAll(() => app.close());

  test.each(foreign)('%s is accepted everywhere', async (_, headers) => {
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);
    const request = withHeaders(headers, cookie(token), { method: 'POST' });

    const refreshed = await send(`${app.url}/state`, request);

    expect([refreshed.status, delivered(refreshed).cookie]).toEqual([200, expect.any(String)]);
    expect((await send(`${app.url}/login`, post(headers))).status).toBe(201);
    expect((await send(`${app.url}/logout`, request)).status).toBe(200);
    expect((await app.auth.inspect(token)).state).toBe('dead');
    expect(app.logs.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});

test.each(adapters)('where no cookie is read, anybody may sign in and out on %s', async (adapter) => {
  const app = await startAuthApp(adapter, {
    controllers: [RoutesController],
    options: { delivery: { cookie: false } },
  });
  try {
    const request = post({ origin: 'https://a.example' });
    const answers = [await send(`${app.url}/login`, request), await send(`${app.url}/logout`, request)];
    expect(answers.map(({ status }) => status)).toEqual([201, 200]);
  } finally {
    await app.close();
  }
});

test.each(adapters)('[F3] a sign-in that another site asks for writes nothing, on %s', async (adapter) => {
  const app = await startAuthApp(adapter, { controllers: [RoutesController], options: { sessions: 'tracked' } });
  try {
    await send(`${app.url}/login`, post({ origin: 'https://attacker.example' }));
    expect(await app.auth.listSessions('2')).toEqual([]);
    await send(`${app.url}/login`, post({}));
    expect(await app.auth.listSessions('2')).toHaveLength(1);
  } finally {
    await app.close();
  }
});

describe.each(adapters)('[F62] the log on %s', (adapter) => {
  const FRONT_END = 'http://127.0.0.1:5173';
  let app: AuthApp;
  let token: string;

  beforeEach(async () => {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      configure: (nest) => nest.enableCors({ origin: FRONT_END, credentials: true }),
    });
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  afterEach(() => app.close());

  const spa = { origin: FRONT_END, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
  const ask = (headers: Record<string, string>, method = 'GET'): Promise<HttpAnswer> =>
    send(`${app.url}/state`, withHeaders(headers, cookie(token), { method }));
  const warnings = (): string[] => app.logs.filter((line) => line.startsWith('warn'));

  test('names a front end on another port and the option, once for all its requests', async () => {
    const statuses = [(await ask(spa)).status, (await ask(spa, 'POST')).status];
    app.clock.advance(HOUR);
    statuses.push((await ask(spa)).status, (await ask(spa, 'POST')).status);

    expect(statuses).toEqual([200, 403, 401, 403]);
    expect(warnings()).toEqual([
      `warn A request from ${FRONT_END} was refused: request_cross_site (by its header Sec-Fetch-Site). If that is your front end, list it in \`csrf.trustedOrigins\`. RefreshAuthModule`,
    ]);
  });

  test('names it even if it only reads, and so does the event', async () => {
    app.clock.advance(HOUR);
    await ask(spa);

    expect(warnings()).toEqual([
      `warn A request from ${FRONT_END} was refused: token_expired (by its header Sec-Fetch-Site). If that is your front end, list it in \`csrf.trustedOrigins\`. RefreshAuthModule`,
    ]);
    expect(app.events).toEqual([
      expect.objectContaining({
        type: 'token-rejected',
        code: 'token_expired',
        detail: 'by its header Sec-Fetch-Site',
        origin: FRONT_END,
        gen: 0,
      }),
    ]);
  });

  test('names an origin that signs in or out', async () => {
    await send(`${app.url}/login`, post(spa));
    await send(`${app.url}/logout`, post({ origin: 'https://other.example' }));

    expect(warnings()).toEqual([
      expect.stringContaining(`A request from ${FRONT_END} was refused: request_cross_site`),
      expect.stringContaining('A request from https://other.example was refused: request_cross_site'),
    ]);
  });

  test('names no origin whose token was valid, or past its refresh window', async () => {
    await ask(spa);
    app.clock.advance(8 * 24 * HOUR);
    await ask(spa);

    expect(warnings()).toEqual([]);
  });

  test('[G4] cannot be forged or flooded by clients', async () => {
    const origins = ['not an origin', 'https://a.example/\u00e9', '\u00e9', `https://${'a'.repeat(400)}.example`];
    for (const origin of origins) await ask({ origin }, 'POST');
    for (let index = 0; index < 300; index += 1) await ask({ origin: `https://${index}.example` }, 'POST');

    expect(warnings()).toHaveLength(100);
    expect(warnings().slice(0, 3)).toEqual([
      expect.stringMatching(/^warn A request from an origin that the browser did not name was refused/),
      expect.stringMatching(/^warn A request from https:\/\/a\.example was refused/),
      expect.stringMatching(/^warn A request from https:\/\/0\.example was refused/),
    ]);
    expect(warnings().at(-1)).toMatch(/ Further origins are not logged\. RefreshAuthModule$/);
  });
});

describe.each(adapters)('[F2] beside middleware that writes to requests, on %s', (adapter) => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { csrf: { trustedOrigins: [TRUSTED] } },
      configure: (nest) => {
        nest.use((request: IncomingMessage, _: unknown, next: () => void) => {
          const { 'x-written': written } = request.headers;
          if (written !== undefined) Object.assign(request.headers, JSON.parse(String(written)));
          next();
        });
        nest.use(methodOverride((request) => new URL(request.url ?? '', 'http://a').searchParams.get('_method') ?? ''));
      },
    });
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  const ask = (path: string, headers: Record<string, string>): Promise<HttpAnswer> =>
    send(`${app.url}/${path}`, withHeaders(headers, cookie(token), { method: 'POST' }));

  test.each([
    { 'sec-fetch-site': 'same-origin' },
    { origin: TRUSTED },
    { origin: '' },
    { host: 'attacker.example' },
    { origin: undefined },
  ])('a request of another site is refused even if other code has changed it: %j', async (written) => {
    const headers = { origin: 'http://attacker.example', 'x-written': JSON.stringify(written) };

    expect(refusal(await ask('state', headers))).toEqual(crossSite);
    expect(refusal(await ask('logout', headers))).toEqual(crossSite);
    expect(refusal(await ask('login', headers))).toEqual(crossSite);
  });

  test('a request of this site passes even if other code has changed it', async () => {
    const written = JSON.stringify({ 'sec-fetch-site': 'cross-site', origin: 'http://attacker.example' });

    expect((await ask('state', { origin: app.url, 'x-written': written })).status).toBe(200);
  });

  test.each(['GET', 'OPTIONS', 'DELETE'])('a POST of another site stays one as %s', async (method) => {
    const answer = await ask(`state?_method=${method}`, { origin: 'http://attacker.example' });

    expect(answer.status).toBe(403);
  });

  test('the method of a request of this site may be replaced', async () => {
    expect((await ask('state?_method=GET', { origin: app.url })).status).toBe(200);
  });
});

@Injectable()
class OwnTokenGuard extends RefreshAuthGuard {
  protected override getToken(request: HttpRequest, context: ExecutionContext): string {
    const { headers } = 'raw' in request ? request.raw : request;
    const own = /(?:^|; )own=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? headers['x-token'];
    return typeof own === 'string' ? own : super.getToken(request, context);
  }
}

describe.each(adapters)('a guard that finds the token itself on %s', (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      providers: [OwnTokenGuard, { provide: APP_GUARD, useExisting: OwnTokenGuard }],
    });
  });

  afterAll(() => app.close());

  test.each([
    ['in the cookie of the library is checked', cookie, 403],
    ['in a header of its own is not', (token: string) => ({ headers: { 'x-token': token } }), 200],
    ['in a cookie of its own is its own business', (token: string) => ({ headers: { cookie: `own=${token}` } }), 200],
  ])('%s', async (_, present: (token: string) => RequestOptions, status) => {
    const { token } = await app.auth.issue({ sub: '1' });
    const headers = { origin: 'https://attacker.example' };

    const answer = await send(`${app.url}/state`, withHeaders(headers, present(token), { method: 'POST' }));

    expect(answer.status).toBe(status);
  });
});

describe.each(adapters)('beside enableCsrfProtection() of NestJS 12 on %s', (adapter) => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { csrf: { trustedOrigins: [TRUSTED] } },
      configure: (nest) => nest.enableCsrfProtection({ trustedOrigins: [TRUSTED] }),
    });
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
    app.clock.advance(HOUR);
  });

  test.each([
    ['its own', { 'sec-fetch-site': 'same-origin' }],
    ['a trusted one', { origin: TRUSTED, 'sec-fetch-site': 'cross-site' }],
    ['no browser', {}],
  ])('%s passes both, and refreshes', async (_, headers: Record<string, string>) => {
    const answer = await send(`${app.url}/state`, withHeaders(headers, cookie(token), { method: 'POST' }));

    expect([answer.json(), delivered(answer).cookie]).toEqual([{ state: 'refreshable' }, expect.any(String)]);
  });

  test.each(foreign)('%s is refused once, and refreshes nothing', async (_, headers) => {
    const answer = await send(`${app.url}/state`, withHeaders(headers, cookie(token), { method: 'POST' }));

    expect([answer.status, delivered(answer)]).toEqual([403, nothing]);
    expect(await app.auth.inspect(token)).toMatchObject({ state: 'refreshable' });
  });

  test.each(foreign)('%s still refreshes nothing by GET', async (_, headers) => {
    const answer = await send(`${app.url}/state`, withHeaders(headers, cookie(token)));

    expect(refusal(answer)).toEqual(notRefreshedForOrigin);
  });
});
