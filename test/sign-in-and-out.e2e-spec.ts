// signIn and signOut over HTTP.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  CurrentUser,
  type DeliveryOptions,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { CookieJar } from 'tough-cookie';
import { DAY, HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { decodePayload, flipBit } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

@Controller()
class SessionsController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Post('sign-in')
  async signIn(@Body() claims: { sub: string }, @Res({ passthrough: true }) response: HttpResponse): Promise<unknown> {
    try {
      return await this.auth.signIn(response, claims);
    } catch (error) {
      return { refused: String(error) };
    }
  }

  @Public()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }

  @Get('me')
  me(@CurrentUser('sub') sub: unknown): unknown {
    return { sub };
  }
}

const post = (app: AuthApp, path: string, options: RequestOptions = {}): Promise<HttpAnswer> =>
  send(`${app.url}/${path}`, { method: 'POST', body: '', ...options });
const signIn = (app: AuthApp, claims: object, options?: RequestOptions): Promise<HttpAnswer> =>
  post(app, 'sign-in', { ...options, body: claims });
const me = (app: AuthApp, token: string): Promise<HttpAnswer> => send(`${app.url}/me`, bearer(token));

async function newSession(app: AuthApp, sub = '1'): Promise<string> {
  return (await app.auth.issue({ sub })).token;
}

describe.each(adapters)('sign-in and sign-out on %s', (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [SessionsController] });
  });

  afterAll(() => app.close());

  beforeEach(() => {
    app.events.length = 0;
  });

  function afterAnHour(token: string): RequestOptions {
    app.clock.advance(HOUR);
    return bearer(token);
  }

  function inBoth(header: string, inCookie: string): RequestOptions {
    return { headers: { ...bearer(header).headers, ...cookie(inCookie).headers } };
  }

  describe('signIn', () => {
    test('delivers the first token of a session, and gives it to the handler', async () => {
      const answer = await signIn(app, { sub: '1', roles: ['admin'] });

      const { token, claims } = answer.json() as { token: string; claims: TokenClaims };
      expect(answer.status).toBe(201);
      expect(delivered(answer)).toEqual({ header: token, cookie: token });
      expect(answer.headers['cache-control']).toBe('private, no-store');
      expect(answer.headers['access-control-expose-headers']).toBe('Authorization');
      expect(decodePayload(token)).toEqual(claims);
      expect(claims).toMatchObject({ sub: '1', roles: ['admin'], gen: 0 });
      expect((await me(app, token)).json()).toEqual({ sub: '1' });
    });

    test('starts a new session each time', async () => {
      const answers = [await signIn(app, { sub: '1' }), await signIn(app, { sub: '1' })];

      const claims = answers.map((answer) => decodePayload(String(delivered(answer).header)));
      expect(new Set(claims.map(({ sid }) => sid)).size).toBe(2);
      expect(new Set(claims.map(({ jti }) => jti)).size).toBe(2);
    });

    test.each([
      ['in the header', (token: string) => bearer(token)],
      ['in the cookie', (token: string) => cookie(token)],
      ['expired', afterAnHour],
    ])('ends the session that the same request presents %s, and no other', async (_, present) => {
      const [presented, other] = [await newSession(app), await newSession(app)];

      const { header: token = '' } = delivered(await signIn(app, { sub: '2' }, present(presented)));

      expect(refusal(await me(app, presented))).toEqual(dead('session_revoked'));
      expect((await me(app, other)).json()).toEqual({ sub: '1' });
      expect((await me(app, token)).json()).toEqual({ sub: '2' });
    });

    test('ends both sessions where header and cookie present two', async () => {
      const [inHeader, inCookie] = [await newSession(app), await newSession(app)];

      await signIn(app, { sub: '2' }, inBoth(inHeader, inCookie));

      expect([await me(app, inHeader), await me(app, inCookie)].map(refusal)).toEqual([
        dead('session_revoked'),
        dead('session_revoked'),
      ]);
    });

    test.each([
      ['malformed', () => 'no.token.atall'],
      ['forged', async () => flipBit(await newSession(app))],
    ])('ignores a token that is %s', async (_, makeToken) => {
      const answer = await signIn(app, { sub: '1' }, bearer(await makeToken()));

      expect(answer.status).toBe(201);
      expect(app.events).toEqual([]);
    });

    test('refuses a token that no browser would keep, names its size, delivers nothing and ends nothing', async () => {
      const presented = await newSession(app);
      const sizeOf = (token: string): number => '__Host-authorization'.length + token.length;
      const { token } = await app.auth.issue({ sub: '1', notes: 'x'.repeat(3000) } as { sub: string });

      const answer = await signIn(app, { sub: '1', notes: 'x'.repeat(3000) }, bearer(presented));

      expect(answer.json()).toEqual({
        refused: `RangeError: The token makes a cookie of ${sizeOf(token)} bytes, more than the limit of 4080. Browsers keep at most 4096, and tokens grow by a few bytes when they are refreshed. Sign fewer claims, or set delivery.cookie to false`,
      });
      expect(delivered(answer)).toEqual(nothing);
      expect(answer.headers['cache-control']).toBeUndefined();
      expect((await me(app, presented)).status).toBe(200);
    });

    test.each([
      [{}, 'TypeError: Claim `sub` must be a non-empty string: the id of the user who signs in'],
      [{ sub: '1', sid: 'mine' }, 'TypeError: Claim `sid` is reserved: choose another name for it'],
      [{ sub: '1', exp: 4e9 }, 'TypeError: Claim `exp` is reserved: choose another name for it'],
      [{ sub: '1', toString: 1 }, 'TypeError: Claim `toString` is reserved: choose another name for it'],
    ])('refuses the claims %j', async (claims, refused) => {
      const answer = await signIn(app, claims);

      expect(answer.json()).toEqual({ refused });
      expect(delivered(answer)).toEqual(nothing);
    });
  });

  describe('[L4] signOut', () => {
    test.each([
      ['valid, in the header', (token: string) => bearer(token)],
      ['valid, in the cookie', (token: string) => cookie(token)],
      ['expired', afterAnHour],
      ['presented twice, header and cookie', (token: string) => inBoth(token, token)],
      [
        'in the cookie, beside a header that is no token',
        (token: string) => ({ headers: { authorization: 'Bearer', ...cookie(token).headers } }),
      ],
      [
        'in the cookie, twice with different values',
        (token: string) => ({ headers: { cookie: `__Host-authorization=x; __Host-authorization=${token}` } }),
      ],
    ])('ends the session of a token that is %s, without refreshing it', async (_, present) => {
      const token = await newSession(app);

      const answer = await post(app, 'sign-out', present(token));

      expect(answer.status).toBe(204);
      expect(delivered(answer)).toEqual({ header: undefined, cookie: '' });
      expect(app.events.map(({ type }) => type)).toEqual(['session-revoked']);
      expect(refusal(await me(app, token))).toEqual(dead('session_revoked'));
    });

    test('[L1] ends every token of the session: superseded, latest, and the sealed one in the store', async () => {
      const superseded = await newSession(app);
      app.clock.advance(HOUR);
      const { header: newest = '' } = delivered(await me(app, superseded));

      await post(app, 'sign-out', bearer(superseded));

      const answers = [await me(app, superseded), await me(app, newest)];
      app.clock.advance(HOUR);
      answers.push(await me(app, superseded), await me(app, newest));
      expect(answers.map(refusal)).toEqual(answers.map(() => dead('session_revoked')));
    });

    test('ends both sessions where header and cookie present two', async () => {
      const [inHeader, inCookie] = [await newSession(app), await newSession(app)];

      await post(app, 'sign-out', inBoth(inHeader, inCookie));

      expect([await me(app, inHeader), await me(app, inCookie)].map(refusal)).toEqual([
        dead('session_revoked'),
        dead('session_revoked'),
      ]);
    });

    test('may be repeated', async () => {
      const token = await newSession(app);

      const answers = [await post(app, 'sign-out', bearer(token)), await post(app, 'sign-out', bearer(token))];

      expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    });

    test.each([
      ['no token', () => undefined],
      ['a malformed one', () => 'no.token.atall'],
      ['a forged one', async () => flipBit(await newSession(app))],
      [
        'one past its refresh window',
        async () => {
          const token = await newSession(app);
          app.clock.advance(7 * DAY);
          return token;
        },
      ],
    ])('clears the cookie with %s as well, and ends nothing', async (_, makeToken) => {
      const token = await makeToken();

      const answer = await post(app, 'sign-out', token === undefined ? {} : cookie(token));

      expect([answer.status, delivered(answer)]).toEqual([204, { header: undefined, cookie: '' }]);
      expect(app.events).toEqual([]);
    });
  });
});

describe.each(adapters)('[L1] a sign-out on %s, in other processes', (adapter) => {
  let redis: RedisServer;
  let apps: AuthApp[];

  beforeAll(async () => {
    redis = await startRedis();
    const clock = new TestClock();
    const options = { redis: redis.url };
    apps = await Promise.all(
      [1, 2].map(() => startAuthApp(adapter, { controllers: [SessionsController], clock, options })),
    );
  });

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await redis.stop();
  });

  test('takes effect at the next refresh, and no successor is handed over', async () => {
    const [here, there] = apps as [AuthApp, AuthApp];
    const superseded = await newSession(here);
    here.clock.advance(HOUR);
    const { header: newest = '' } = delivered(await me(there, superseded));
    await post(here, 'sign-out', bearer(newest));

    const handedOver = await me(there, superseded);
    here.clock.advance(HOUR);
    const refreshed = await me(there, newest);

    expect([handedOver, refreshed].map(refusal)).toEqual([dead('session_revoked'), dead('session_revoked')]);
    expect([handedOver, refreshed].map(delivered)).toEqual([nothing, nothing]);
  });
});

describe.each(adapters)('[L7] the cookie in a browser, with %s', (adapter) => {
  const site = 'https://www.example.com/app/page';

  test.each<[DeliveryOptions['cookie'] & object, stored: object]>([
    [{}, { key: '__Host-authorization', domain: 'www.example.com', hostOnly: true, path: '/', sameSite: 'lax' }],
    [{ name: '__Host-token' }, { key: '__Host-token', domain: 'www.example.com', hostOnly: true, path: '/' }],
    [
      { name: '__Secure-token', path: '/app' },
      { key: '__Secure-token', hostOnly: true, path: '/app' },
    ],
    [{ domain: 'example.com' }, { key: 'authorization', domain: 'example.com', hostOnly: false, path: '/' }],
    [
      { sameSite: 'none', partitioned: true },
      { key: '__Host-authorization', sameSite: 'none', extensions: ['Partitioned'] },
    ],
    [
      { sameSite: 'strict', path: '/app', domain: 'example.com' },
      { sameSite: 'strict', path: '/app' },
    ],
  ])('%j is kept after sign-in, and gone after sign-out', async (options, stored) => {
    const app = await startAuthApp(adapter, {
      controllers: [SessionsController],
      options: { delivery: { cookie: options } },
    });
    const jar = new CookieJar(undefined, { prefixSecurity: 'strict' });
    const keep = (answer: HttpAnswer): unknown =>
      Promise.all(answer.setCookies.map((line) => jar.setCookie(line, site)));

    const signedIn = await signIn(app, { sub: '1' });
    await keep(signedIn);
    const kept = await jar.getCookies(site);
    const signedOut = await post(app, 'sign-out', { headers: { cookie: await jar.getCookieString(site) } });
    await keep(signedOut);
    await app.close();

    const { token } = signedIn.json() as { token: string };
    expect(kept).toEqual([
      expect.objectContaining({ ...stored, value: token, secure: true, httpOnly: true, maxAge: 7 * 86_400 }),
    ]);
    expect(app.events.map(({ type }) => type)).toEqual(['session-revoked']);
    expect(await jar.getCookies(site)).toEqual([]);
    expect(attributesOf(signedOut)).toEqual(attributesOf(signedIn));
  });

  /** Browsers delete a cookie only if it is set again as it was (RFC 6265bis sections 5.6 and 5.7). */
  function attributesOf({ setCookies }: HttpAnswer): Set<string>[] {
    return setCookies.map((line) => {
      const [, ...attributes] = line.split('; ');
      return new Set(attributes.filter((attribute) => !attribute.startsWith('Max-Age=')));
    });
  }
});

describe.each(adapters)('without a cookie, on %s', (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [SessionsController], options: { delivery: { cookie: false } } });
  });

  afterAll(() => app.close());

  test('signIn delivers a token that no cookie could hold, and signOut clears nothing', async () => {
    const signedIn = await signIn(app, { sub: '1', notes: 'x'.repeat(5000) });
    const { header: token = '' } = delivered(signedIn);
    const signedOut = await post(app, 'sign-out', bearer(token));

    expect(decodePayload(token)).toMatchObject({ sub: '1', gen: 0 });
    expect([signedIn, signedOut].map(({ setCookies }) => setCookies)).toEqual([[], []]);
    expect(refusal(await me(app, token))).toEqual(dead('session_revoked'));
  });

  test('[F32] signIn refuses a token that would later be rejected, and names its size', async () => {
    const refused = (await signIn(app, { sub: '1', notes: 'x'.repeat(6600) })).json();
    const answer = await signIn(app, { sub: '1', notes: 'x'.repeat(5800) });
    const { header: token = '' } = delivered(answer);

    expect(refused).toEqual({
      refused: expect.stringMatching(
        /^RangeError: The token has 9\d{3} bytes, more than the limit of 8176\. .* Sign fewer claims$/,
      ),
    });
    expect([answer.status, token.length > 8000, (await me(app, token)).status]).toEqual([201, true, 200]);
    await expect(app.auth.issue({ sub: '1', notes: 'x'.repeat(6600) } as { sub: string })).rejects.toThrow(RangeError);
  });
});
