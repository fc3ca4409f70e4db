// The demo as it is really run: its routes, and its settings by environment.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { IssuedToken } from 'nestjs-refresh-auth';
import { DAY, HOUR, issueAged, MINUTE, SECOND } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { type DemoProcess, OWN_CLOCK, startDemo } from './support/demo-process.js';
import { decodePayload, flipBit } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, refusal, storeUnavailable } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const JWT_SECRET = 'T2m1Yb0Xc9vRkq7nQ8hZ4dLw3sEfUgJp6aNiVxKoB5M';

const ada = { uid: 1, username: 'ada', type: 'admin', scope: 'read write' };
const alan = { uid: 2, username: 'alan', type: 'user', scope: 'read' };
const adasClaims = { sub: '1', type: 'admin', scope: 'read write' };
const alansClaims = { sub: '2', type: 'user', scope: 'read' };
const adasPassword = { username: 'ada', password: 'lovelace' };

/** The default lifetimes: 15 minutes, 7 days, 30 days. */
function issued(age: number, claims: { sub: string } = adasClaims): IssuedToken {
  return issueAged(age, { secret: JWT_SECRET }, claims);
}

function login({ url }: DemoProcess, body: object | string, headers = {}): Promise<HttpAnswer> {
  return send(`${url}/auth/login`, { method: 'POST', body, headers });
}

function logout({ url }: DemoProcess, options: RequestOptions = {}): Promise<HttpAnswer> {
  return send(`${url}/auth/logout`, { method: 'POST', body: '', ...options });
}

function get({ url }: DemoProcess, path: string, options?: RequestOptions): Promise<HttpAnswer> {
  return send(`${url}${path}`, options);
}

/** Status, state and body: what somebody with curl looks at. */
function summary({ status, headers, ...answer }: HttpAnswer): unknown[] {
  return [status, headers['x-token-state'], answer.json()];
}

describe.each(adapters.flatMap((adapter) => [[adapter, 'in memory'] as const, [adapter, 'in Redis'] as const]))(
  'the demo on %s, sessions %s',
  (HTTP_ADAPTER, where) => {
    let redis: RedisServer | undefined;
    let demo: DemoProcess;

    beforeAll(async () => {
      redis = where === 'in Redis' ? await startRedis() : undefined;
      demo = await startDemo({ JWT_SECRET, HTTP_ADAPTER, ...(redis && { REDIS_URL: redis.url }) });
    });

    afterAll(async () => {
      await demo.stop();
      await redis?.stop();
    });

    test('prints its URL in one line', () => {
      expect(demo.output()).toBe(`nestjs-refresh-auth demo: ${demo.url}\n`);
    });

    test('runs on the configured adapter, and without CORS by default', async () => {
      const { headers } = await get(demo, '/public', { headers: { origin: 'https://app.example.com' } });

      expect(headers['x-powered-by']).toBe(HTTP_ADAPTER === 'express' ? 'Express' : undefined);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    });

    describe('POST /auth/login', () => {
      test.each([
        ['ada', 'lovelace', ada],
        ['alan', 'turing', alan],
      ])('lets %s in, with a token in header and cookie', async (username, password, user) => {
        const answer = await login(demo, { username, password });

        const { header: token = '' } = delivered(answer);
        const claims = decodePayload(token);
        expect([answer.status, answer.json()]).toEqual([
          200,
          { user, expiresAt: claims['exp'], refreshableUntil: claims['refresh_exp'] },
        ]);
        // Less what is gone of the present second.
        expect(answer.setCookies).toEqual([
          expect.stringMatching(
            `^__Host-authorization=${token}; Max-Age=(604800|60479\\d); Path=/; HttpOnly; Secure; SameSite=Lax$`,
          ),
        ]);
        expect(claims).toEqual({
          sub: String(user.uid),
          type: user.type,
          scope: user.scope,
          sid: expect.stringMatching(/^[\w-]{30}$/),
          jti: expect.stringMatching(/^[\w-]{22}$/),
          gen: 0,
          rev: 0,
          auth_time: claims['iat'],
          iat: expect.any(Number),
          exp: Number(claims['iat']) + (15 * MINUTE) / SECOND,
          refresh_exp: Number(claims['iat']) + (7 * DAY) / SECOND,
        });
        expect(answer.headers['x-token-state']).toBeUndefined();
        expect(summary(await get(demo, '/me', bearer(token)))).toEqual([
          200,
          'valid',
          { uid: user.uid, type: user.type, scope: user.scope },
        ]);
      });

      test.each<[body: object | string, status: number]>([
        [{ username: 'ada', password: 'turing' }, 401],
        [{ username: 'ada', password: '' }, 401],
        [{ username: 'ada' }, 401],
        [{ username: 'eve', password: 'lovelace' }, 401],
        [{ username: 'ADA', password: 'lovelace' }, 401],
        [{ username: ['ada'], password: 'lovelace' }, 401],
        [{ username: 'ada', password: { length: 8 } }, 401],
        [{ username: '__proto__', password: 'lovelace' }, 401],
        [[], 401],
        [{}, 401],
      ])('refuses %j', async (body, status) => {
        const answer = await login(demo, body);

        expect(answer.status).toBe(status);
        expect(delivered(answer)).toEqual(nothing);
      });

      test.each(['null', '"ada"', '1', 'true', ''])('refuses the body %j, of type JSON', async (body) => {
        expect((await login(demo, body, { 'content-type': 'application/json' })).status).toBe(401);
      });

      test('refuses a body that is not JSON, and a missing body', async () => {
        const json = { 'content-type': 'application/json' };

        expect((await login(demo, '{"username":', json)).status).toBe(400);
        expect((await login(demo, '')).status).toBe(401);
      });
    });

    test('an expired token is refreshed, and presenting it again gives the same answer', async () => {
      const { token } = issued(HOUR);

      const [first, again] = [await get(demo, '/me', bearer(token)), await get(demo, '/me', bearer(token))];

      const me = { uid: 1, type: 'admin', scope: 'read write' };
      expect([summary(first), summary(again)]).toEqual([
        [200, 'refreshable', me],
        [200, 'already-refreshed', me],
      ]);
      const { header: successor = '' } = delivered(first);
      expect([delivered(first), delivered(again)]).toEqual([
        { header: successor, cookie: successor },
        { header: successor, cookie: successor },
      ]);
      expect(summary(await get(demo, '/me', bearer(successor)))).toEqual([200, 'valid', me]);
    });

    test('a token past its refresh window is dead, and so is one of a session past its lifetime', async () => {
      const answers = [
        await get(demo, '/me', bearer(issued(7 * DAY).token)),
        await get(demo, '/me', bearer(issued(30 * DAY).token)),
        await get(demo, '/me', bearer(flipBit(issued(0).token))),
        await get(demo, '/me'),
      ];

      expect(answers.map(refusal)).toEqual([
        dead('token_expired'),
        dead('session_expired'),
        dead('token_invalid'),
        dead('token_missing'),
      ]);
      expect(answers.map(({ headers }) => headers['x-token-state'])).toEqual(answers.map(() => undefined));
    });

    describe.each<[state: string, makeToken: () => Promise<string>]>([
      ['valid', async () => issued(0, alansClaims).token],
      ['refreshable', async () => issued(HOUR, alansClaims).token],
      [
        'already-refreshed',
        async () => {
          const { token } = issued(HOUR, alansClaims);
          await get(demo, '/me', bearer(token));
          return token;
        },
      ],
    ])('with a token that is %s', (state, makeToken) => {
      test.each([
        ['/me', 200, { uid: 2, type: 'user', scope: 'read' }],
        ['/users/1', 200, ada],
        ['/users/2', 200, alan],
        ['/users/3', 404, { message: 'Not Found', statusCode: 404 }],
        ['/users/01', 404, { message: 'Not Found', statusCode: 404 }],
        ['/users/__proto__', 404, { message: 'Not Found', statusCode: 404 }],
        ['/admin/report', 403, { message: 'Forbidden resource', error: 'Forbidden', statusCode: 403 }],
      ])('%s answers %i, with the token state', async (path, status, body) => {
        const answer = await get(demo, path, bearer(await makeToken()));

        expect(summary(answer)).toEqual([status, state, body]);
        expect(delivered(answer).header === undefined).toBe(state === 'valid');
        expect(delivered(answer).cookie).toBe(delivered(answer).header);
      });
    });

    test('GET /admin/report is for administrators', async () => {
      expect(summary(await get(demo, '/admin/report', bearer(issued(0).token)))).toEqual([200, 'valid', { users: 2 }]);
    });

    test.each(['/me', '/users/1', '/admin/report'])('%s needs a token', async (path) => {
      expect(refusal(await get(demo, path))).toEqual(dead('token_missing'));
    });

    test('GET /public needs no token, and refreshes none', async () => {
      const answers = [await get(demo, '/public'), await get(demo, '/public', bearer(issued(HOUR).token))];

      expect(answers.map(summary)).toEqual(answers.map(() => [200, undefined, { message: expect.any(String) }]));
      expect(answers.map(delivered)).toEqual([nothing, nothing]);
    });

    describe('GET /auth/session shows', () => {
      const session = async (options?: RequestOptions): Promise<unknown> => {
        const answer = await get(demo, '/auth/session', options);
        expect([answer.status, answer.headers['x-token-state'], delivered(answer)]).toEqual([200, undefined, nothing]);
        return answer.json();
      };

      test('the state of a token, and never refreshes it', async () => {
        const [valid, expired] = [issued(0), issued(HOUR)];

        expect(await session(bearer(valid.token))).toEqual({ state: 'valid', claims: valid.claims });
        expect(await session(cookie(expired.token))).toEqual({ state: 'refreshable', claims: expired.claims });
        expect(await session(bearer(expired.token))).toEqual({ state: 'refreshable', claims: expired.claims });
        await get(demo, '/me', bearer(expired.token));
        expect(await session(bearer(expired.token))).toEqual({ state: 'already-refreshed', claims: expired.claims });
      });

      test('the reason why it is dead', async () => {
        const signedOut = issued(HOUR).token;
        await logout(demo, bearer(signedOut));

        expect([
          await session(),
          await session(bearer('no.token.atall')),
          await session({ headers: { authorization: 'Bearer' } }),
          await session(bearer(flipBit(issued(0).token))),
          await session(bearer(issued(7 * DAY).token)),
          await session(bearer(issued(30 * DAY).token)),
          await session(bearer(signedOut)),
        ]).toEqual(
          [
            'token_missing',
            'token_malformed',
            'token_malformed',
            'token_invalid',
            'token_expired',
            'session_expired',
            'session_revoked',
          ].map((reason) => ({ state: 'dead', reason })),
        );
      });
    });

    describe('POST /auth/logout', () => {
      test.each<[name: string, makeToken: () => string | undefined]>([
        ['a valid token', () => issued(0).token],
        ['an expired one', () => issued(HOUR).token],
        ['one past its refresh window', () => issued(7 * DAY).token],
        ['one that is none', () => 'no.token.atall'],
        ['none', () => undefined],
      ])('answers 204 with %s, and removes the cookie', async (_, makeToken) => {
        const token = makeToken();

        const answer = await logout(demo, token === undefined ? {} : bearer(token));

        expect([answer.status, answer.body, answer.setCookies, answer.headers.authorization]).toEqual([
          204,
          '',
          ['__Host-authorization=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax'],
          undefined,
        ]);
      });

      test('takes an empty body of type JSON, as clients send it', async () => {
        expect((await logout(demo, { headers: { 'content-type': 'application/json' } })).status).toBe(204);
      });

      test('ends the session: all its tokens are rejected', async () => {
        const { header: token = '' } = delivered(await login(demo, adasPassword));

        await logout(demo, cookie(token));

        expect(refusal(await get(demo, '/me', bearer(token)))).toEqual(dead('session_revoked'));
      });
    });

    describe('POST /auth/logout-everywhere', () => {
      const logoutEverywhere = (options: RequestOptions = {}): Promise<HttpAnswer> =>
        send(`${demo.url}/auth/logout-everywhere`, { method: 'POST', body: '', ...options });

      test('ends all sessions of that user and of nobody else, and removes the cookie', async () => {
        const [adas, alsoAdas] = [await login(demo, adasPassword), await login(demo, adasPassword)];
        const alans = await login(demo, { username: 'alan', password: 'turing' });
        const [token, other, foreign] = [adas, alsoAdas, alans].map((answer) => String(delivered(answer).header));

        const answer = await logoutEverywhere(bearer(token!));

        expect([answer.status, answer.body, answer.setCookies, answer.headers.authorization]).toEqual([
          204,
          '',
          ['__Host-authorization=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax'],
          undefined,
        ]);
        for (const ended of [token!, other!]) {
          expect(refusal(await get(demo, '/me', bearer(ended)))).toEqual(dead('session_revoked'));
        }
        expect((await get(demo, '/me', bearer(foreign!))).status).toBe(200);
        const { header: next = '' } = delivered(await login(demo, adasPassword));
        expect((await get(demo, '/me', bearer(next))).status).toBe(200);
      });

      test('is guarded', async () => {
        expect(refusal(await logoutEverywhere())).toEqual(dead('token_missing'));
      });

      test('takes an expired token, and hands over none', async () => {
        const answer = await logoutEverywhere(bearer(issued(HOUR, { ...alansClaims, sub: '3' }).token));

        expect([answer.status, answer.headers.authorization, delivered(answer).cookie]).toEqual([204, undefined, '']);
      });
    });

    test.each(['GET', 'DELETE'])('%s of sessions is unknown where they are not tracked', async (method) => {
      const path = method === 'GET' ? '/auth/sessions' : '/auth/sessions/some-session';

      expect((await get(demo, path, { method, ...bearer(issued(0, alansClaims).token) })).status).toBe(404);
    });

    test('a login with a token of another session ends that one', async () => {
      const { header: old = '' } = delivered(await login(demo, adasPassword));

      await login(demo, adasPassword, cookie(old).headers);

      expect(refusal(await get(demo, '/me', bearer(old)))).toEqual(dead('session_revoked'));
    });
  },
);

describe.each(adapters)('the demo on %s, behind TRUSTED_ORIGINS', (HTTP_ADAPTER) => {
  const app = 'https://app.example.com';
  const granted = { 'access-control-allow-origin': app, 'access-control-allow-credentials': 'true' };
  let redis: RedisServer;
  let demo: DemoProcess;

  beforeAll(async () => {
    redis = await startRedis();
    demo = await startDemo({
      JWT_SECRET,
      HTTP_ADAPTER,
      TRUSTED_ORIGINS: `${app},http://localhost:5173`,
      REDIS_URL: redis.url,
    });
  });

  afterAll(async () => {
    await demo.stop();
    await redis.stop();
  });

  function getFrom(origin: string, token?: string): Promise<HttpAnswer> {
    return get(demo, '/me', { headers: { origin, ...(token !== undefined && bearer(token).headers) } });
  }

  function exposed({ headers }: HttpAnswer): Set<string> {
    return new Set(headers['access-control-expose-headers']?.toLowerCase().split(/ *, */));
  }

  test('[D10] a preflight passes', async () => {
    const answer = await get(demo, '/me', {
      method: 'OPTIONS',
      headers: {
        origin: app,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization',
      },
    });

    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      ...granted,
      'access-control-allow-headers': expect.stringMatching(/authorization/i),
    });
  });

  test('[D9] scripts of that origin can read the new token and its state', async () => {
    const answer = await getFrom(app, issued(HOUR).token);

    expect(answer.headers).toMatchObject({ ...granted, 'x-token-state': 'refreshable' });
    expect(exposed(answer)).toEqual(new Set(['x-token-state', 'authorization']));
  });

  test('scripts of that origin can read an error, and those of another origin nothing', async () => {
    const [refused, foreign] = [await getFrom(app), await getFrom('https://evil.example', issued(0).token)];

    expect(refusal(refused)).toEqual(dead('token_missing'));
    expect(refused.headers).toMatchObject(granted);
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
  });

  /** The last test: from here on there is no Redis. */
  test('while Redis is down, requests that need it get 503 with a readable Retry-After, and nobody is logged out', async () => {
    await redis.kill();

    const answers = [
      await getFrom(app, issued(HOUR).token),
      await get(demo, '/auth/session', bearer(issued(HOUR).token)),
      await logout(demo, cookie(issued(0).token)),
    ];

    expect(answers.map(refusal)).toEqual(answers.map(() => storeUnavailable));
    expect(exposed(answers[0]!)).toEqual(new Set(['x-token-state', 'retry-after']));
    expect((await getFrom(app, issued(0).token)).headers['x-token-state']).toBe('valid');
    expect((await login(demo, adasPassword)).status).toBe(200);
    expect(demo.output()).toMatch(/WARN.*The session store failed/);
  });
});

describe.each(adapters)('the demo on %s, with SESSIONS=tracked', (HTTP_ADAPTER) => {
  let redis: RedisServer;
  let demo: DemoProcess;

  beforeAll(async () => {
    redis = await startRedis();
    demo = await startDemo({ JWT_SECRET, HTTP_ADAPTER, SESSIONS: 'tracked', REDIS_URL: redis.url });
  });

  afterAll(async () => {
    await demo.stop();
    await redis.stop();
  });

  async function loginFrom(device: string | undefined, username = 'ada', password = 'lovelace') {
    const answer = await login(demo, { username, password }, device === undefined ? {} : { 'user-agent': device });
    const { header: token = '' } = delivered(answer);
    return { token, claims: decodePayload(token) as unknown as IssuedToken['claims'] };
  }

  function end(sid: string, token?: string): Promise<HttpAnswer> {
    const options = token === undefined ? {} : bearer(token);
    return get(demo, `/auth/sessions/${sid}`, { method: 'DELETE', ...options });
  }

  test('GET /auth/sessions lists the sessions of the user and of nobody else', async () => {
    const [phone, nameless] = [await loginFrom('a phone'), await loginFrom(undefined)];
    const alans = await loginFrom('x'.repeat(300), 'alan', 'turing');
    const described = ({ claims: { sid, auth_time, iat, refresh_exp } }: typeof phone) => ({
      sid,
      createdAt: auth_time,
      refreshedAt: iat,
      expiresAt: refresh_exp,
    });

    const answers = [
      await get(demo, '/auth/sessions', bearer(phone.token)),
      await get(demo, '/auth/sessions', bearer(alans.token)),
      await get(demo, '/auth/sessions'),
    ];

    expect(answers[0]?.status).toBe(200);
    expect(answers[0]?.json()).toHaveLength(2);
    expect(answers[0]?.json()).toEqual(
      expect.arrayContaining([{ ...described(phone), device: 'a phone' }, described(nameless)]),
    );
    expect(answers[1]?.json()).toEqual([{ ...described(alans), device: 'x'.repeat(200) }]);
    expect(refusal(answers[2]!)).toEqual(dead('token_missing'));
  });

  test('DELETE /auth/sessions/:sid ends one of them, and none of somebody else', async () => {
    const [own, other, alans] = [
      await loginFrom('one'),
      await loginFrom('other'),
      await loginFrom('his', 'alan', 'turing'),
    ];
    const unknown = { message: 'Not Found', statusCode: 404 };

    expect((await end(alans.claims.sid, own.token)).json()).toEqual(unknown);
    expect((await end('unknown', own.token)).json()).toEqual(unknown);
    expect(refusal(await end(own.claims.sid))).toEqual(dead('token_missing'));
    const ended = await end(other.claims.sid, own.token);

    expect([ended.status, ended.body]).toEqual([204, '']);
    expect((await end(other.claims.sid, own.token)).json()).toEqual(unknown);
    expect(refusal(await get(demo, '/me', bearer(other.token)))).toEqual(dead('session_revoked'));
    for (const { token } of [own, alans]) expect((await get(demo, '/me', bearer(token))).status).toBe(200);
    expect(JSON.stringify((await get(demo, '/auth/sessions', bearer(own.token))).json())).not.toContain(
      other.claims.sid,
    );
  });

  test('a session without a record has ended, though its token would be refreshable', async () => {
    expect(refusal(await get(demo, '/me', bearer(issued(HOUR).token)))).toEqual(dead('session_revoked'));
  });

  /** The last test: from here on there is no Redis. */
  test('without Redis there is no login and no list', async () => {
    const { token } = await loginFrom('a phone');
    await redis.kill();

    const answers = [await login(demo, adasPassword), await get(demo, '/auth/sessions', bearer(token))];

    expect(answers.map(refusal)).toEqual([storeUnavailable, storeUnavailable]);
    expect((await get(demo, '/me', bearer(token))).status).toBe(200);
  });
});

describe('the settings of the demo', () => {
  const demos: DemoProcess[] = [];

  async function start(env: Record<string, string>): Promise<DemoProcess> {
    const demo = await startDemo({ JWT_SECRET, ...env });
    demos.push(demo);
    return demo;
  }

  afterEach(() => Promise.all(demos.splice(0).map((demo) => demo.stop())));

  test('lifetimes: digits alone are seconds', async () => {
    const demo = await start({ TOKEN_EXPIRES_IN: '60', TOKEN_REFRESH_WINDOW: '2h', SESSION_LIFETIME: '1 day' });

    const { header: token = '' } = delivered(await login(demo, adasPassword));

    const { iat, exp, refresh_exp } = decodePayload(token) as { iat: number; exp: number; refresh_exp: number };
    expect([exp - iat, refresh_exp - iat]).toEqual([60, 7200]);
    expect(refusal(await get(demo, '/me', bearer(issued(DAY).token)))).toEqual(dead('session_expired'));
    expect(refusal(await get(demo, '/me', bearer(issued(2 * HOUR).token)))).toEqual(dead('token_expired'));
    expect((await get(demo, '/me', bearer(issued(HOUR).token))).headers['x-token-state']).toBe('refreshable');
  });

  test('SESSION_LIFETIME=false: no end', async () => {
    const demo = await start({ TOKEN_REFRESH_WINDOW: '60d', SESSION_LIFETIME: 'false' });
    const options = { secret: JWT_SECRET, refreshWindow: '60d', sessionLifetime: false } as const;

    const answer = await get(demo, '/me', bearer(issueAged(50 * DAY, options, adasClaims).token));

    expect(answer.headers['x-token-state']).toBe('refreshable');
  });

  test.each([
    ['revoke', 'session_revoked' as const],
    ['reject', undefined],
  ])('REUSE_GRACE, REUSE_REVOKE_AFTER and ON_REUSE=%s', async (ON_REUSE, endsWith) => {
    const demo = await start({
      REUSE_GRACE: '30',
      REUSE_REVOKE_AFTER: '60',
      ON_REUSE,
      ...OWN_CLOCK,
      CLOCK_STEP: '1000',
    });
    const { token } = issued(HOUR);
    const { header: successor = '' } = delivered(await get(demo, '/me', bearer(token)));
    expect((await get(demo, '/me', bearer(successor))).status).toBe(200);

    let seconds = 0;
    /** Presents the old token each second until it is not answered like this any more. */
    const whileAnswered = async (status: number, code?: string): Promise<HttpAnswer> => {
      for (;;) {
        const answer = await get(demo, '/me', bearer(token));
        if (answer.status !== status || (answer.json() as { code?: string }).code !== code) return answer;
        demo.passTime();
        seconds += 1;
      }
    };

    expect(refusal(await whileAnswered(200))).toEqual(dead('token_superseded'));
    expect(seconds).toBeGreaterThanOrEqual(25);
    seconds = 0;
    expect(refusal(await whileAnswered(401, 'token_superseded'))).toEqual(dead('token_reused'));
    // Half a minute later, but for the seconds that really went by.
    expect(seconds).toBeLessThanOrEqual(31);
    const afterwards = await get(demo, '/me', bearer(successor));
    expect([afterwards.status, (afterwards.json() as { code?: string }).code]).toEqual([
      endsWith ? 401 : 200,
      endsWith,
    ]);
  });

  test('ON_STORE_FAILURE=tolerate: an expired token passes without Redis, and is not refreshed', async () => {
    const redis = await startRedis();
    const demo = await start({ ON_STORE_FAILURE: 'tolerate', REDIS_URL: redis.url });
    await redis.kill();

    const answer = await get(demo, '/me', bearer(issued(HOUR).token));
    await redis.stop();

    expect([answer.status, answer.headers['x-token-state'], delivered(answer)]).toEqual([200, 'refreshable', nothing]);
  });

  test('REFRESH_AHEAD: the successor comes while the token is still valid, at the latest with the next answer', async () => {
    const demo = await start({ REFRESH_AHEAD: '0.9' });
    const { token } = issued(10 * MINUTE);

    let answer = await get(demo, '/me', bearer(token));
    for (let requests = 1; delivered(answer).header === undefined && requests < 100; requests += 1) {
      answer = await get(demo, '/me', bearer(token));
    }

    const { header: successor = '' } = delivered(answer);
    expect(summary(answer).slice(0, 2)).toEqual([200, 'valid']);
    expect(decodePayload(successor)).toMatchObject({ gen: 1 });
    expect((await get(demo, '/me', bearer(token))).headers['x-token-state']).toBe('valid');
  });

  test('TOKEN_DELIVERY and COOKIE_SECURE', async () => {
    const [inHeader, inCookie, insecure] = [
      await start({ TOKEN_DELIVERY: 'header' }),
      await start({ TOKEN_DELIVERY: 'cookie', HTTP_ADAPTER: 'fastify' }),
      await start({ COOKIE_SECURE: 'false' }),
    ];

    const answers = await Promise.all(
      [inHeader, inCookie, insecure].map((demo) => get(demo, '/me', bearer(issued(HOUR).token))),
    );

    expect(answers.map(({ headers }) => headers['x-token-state'])).toEqual(answers.map(() => 'refreshable'));
    expect(answers.map(({ headers }) => headers.authorization !== undefined)).toEqual([true, false, true]);
    expect(
      answers.map(({ setCookies }) => setCookies.map((line) => [line.split('=')[0], /; Secure/.test(line)])),
    ).toEqual([[], [['__Host-authorization', true]], [['authorization', false]]]);
    expect((await get(inHeader, '/me', cookie(issued(0).token))).json()).toMatchObject({ code: 'token_missing' });
  });

  test('JWT_SECRET absent: a new one at each start', async () => {
    const [one, other] = await Promise.all([startDemo(), startDemo()]);
    demos.push(one, other);
    const { header: token = '' } = delivered(await login(one, adasPassword));

    expect((await get(one, '/me', bearer(token))).status).toBe(200);
    expect(refusal(await get(other, '/me', bearer(token)))).toEqual(dead('token_invalid'));
  });

  test('PORT that is taken', async () => {
    const { port } = await start({});

    await expect(startDemo({ JWT_SECRET, PORT: String(port) })).rejects.toThrow(
      new RegExp(String.raw`ended too early \(exit code 1\)\. Its output:\nHOST or PORT .*EADDRINUSE.*\n$`),
    );
  });

  // A few values; apps/demo/src/settings.spec.ts has all others that are refused before the application starts.
  test.each<[env: Record<string, string>, line: string]>([
    [{ JWT_SECRET: 'short' }, 'JWT_SECRET is shorter than 32 bytes: write at least 32 random bytes'],
    [{ JWT_SECRET: '', NODE_ENV: 'production' }, 'JWT_SECRET is not set, but production needs it: write'],
    [{ TOKEN_EXPIRES_IN: '8d' }, 'TOKEN_EXPIRES_IN was refused: '],
    [
      { REUSE_GRACE: '2m' },
      'REUSE_GRACE was refused: RefreshAuthModule: option `reuseDetection.grace` is 120 s. Write at most 60',
    ],
    [
      { REUSE_GRACE: '30s', REUSE_REVOKE_AFTER: '10s' },
      'REUSE_REVOKE_AFTER was refused: RefreshAuthModule: option `reuseDetection.revokeAfter` is 10 s. Write a time from',
    ],
    [
      { REUSE_REVOKE_AFTER: '30m' },
      'REUSE_REVOKE_AFTER is set without REUSE_GRACE, and without that reuse is not detected',
    ],
    [{ ON_REUSE: 'revoke' }, 'ON_REUSE is set without REUSE_GRACE, and without that reuse is not detected'],
    [{ REVOCATION: 'sometimes' }, 'REVOCATION is "sometimes": write pushed or every-request'],
    [{ ON_STORE_FAILURE: 'ignore' }, 'ON_STORE_FAILURE is "ignore": write reject or tolerate'],
    [
      { REFRESH_AHEAD: '15m' },
      'REFRESH_AHEAD was refused: RefreshAuthModule: option `refreshAhead` is 900 s, not shorter than',
    ],
  ])('%j stops the start, with one line that says what to write', async (env, line) => {
    const error: unknown = await startDemo({ JWT_SECRET, ...env }).catch((reason: unknown) => reason);

    const [, ...output] = String(error).split('ended too early (exit code 1). Its output:\n');
    expect(output).toEqual([expect.stringMatching(/^[^\n]+\n$/)]);
    expect(output.join('').startsWith(line)).toBe(true);
  });

  test('starts with a secret in production, and warns that memory is not shared', async () => {
    const demo = await start({ NODE_ENV: 'production' });

    expect(demo.output()).toMatch(/WARN.*Sessions are kept in memory/);
    expect((await login(demo, adasPassword)).status).toBe(200);
  });

  test('stops on SIGTERM', async () => {
    const demo = await startDemo({ JWT_SECRET });

    expect([0, null]).toContain(await demo.stop());
    await expect(get(demo, '/public')).rejects.toThrow('ECONNREFUSED');
  });
});
