// Tokens of the login that an application had before: they start one session each, which ends like any other.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, type ExecutionContext, Get, HttpCode, Injectable, Post, Req, Res } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Redis } from 'ioredis';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthGuard,
  type RefreshAuthOptions,
  RefreshAuthService,
  type SignInOptions,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { sessionName, tagOf } from '../libs/refresh-auth/src/tokens/session-id.js';
import { DAY, HOUR, MINUTE } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, type AuthAppOptions, globalGuard, SECRET, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { connect, KINDS, NewsGateway, withGateways } from './support/gateways.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { decodePayload, respell } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, notRefreshedForOrigin, refusal, reloadFailed, storeUnavailable } from './support/http-refusals.js';
import { watchOutFor } from './support/leak-watch.js';
import { OldLogin, otherSignature } from './support/old-login.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { type RedisWatch, watchRedis } from './support/redis-watch.js';

const NEXT_SECRET = watchOutFor('kJd0vQ2mT7yXc9LrWb4NfHs6GzPe1UaV-8oRiYtE3KqMxCjD');

@Controller()
class AccountController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('me')
  me(@CurrentUser() { sub, ...rest }: TokenClaims, @TokenState() state: string): object {
    return { sub, role: (rest as { role?: unknown }).role, state };
  }

  @Post('me')
  change(@CurrentUser('sub') sub: string): object {
    return { sub };
  }

  @Public()
  @Post('sign-in')
  async signIn(@Req() request: { body: SignInOptions }, @Res({ passthrough: true }) response: HttpResponse) {
    await this.auth.signIn(response, { sub: '1' }, request.body);
  }

  @Public()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }

  @Post('leave')
  @HttpCode(204)
  async leave(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }
}

/** Finds the token where the old login had it. */
@Injectable()
class OldCookieGuard extends RefreshAuthGuard {
  protected override getToken(
    request: HttpRequest & { headers: { cookie?: string; 'x-token'?: string } },
    context: ExecutionContext,
  ): string {
    const [, inCookie] = /old-token=([^;]+)/.exec(request.headers.cookie ?? '') ?? [];
    return inCookie ?? request.headers['x-token'] ?? super.getToken(request, context);
  }
}

const oldCookieGuard = [OldCookieGuard, { provide: APP_GUARD, useExisting: OldCookieGuard }];

let clock: TestClock;
let old: OldLogin;
let server: RedisServer;
let client: Redis;
let watch: RedisWatch;
const running: AuthApp[] = [];

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.port);
  watch = await watchRedis(client);
});
beforeEach(async () => {
  await client.flushdb();
  // The clock of Redis stamps cutoffs.
  clock = new TestClock(Date.now());
  old = new OldLogin(clock);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});
afterAll(async () => {
  watch.stop();
  client.disconnect();
  await server.stop();
});

async function start(options: RefreshAuthOptions = {}, rest: AuthAppOptions & { adapter?: 'fastify' } = {}) {
  const { adapter = 'express', ...others } = rest;
  const app = await startAuthApp(adapter, {
    controllers: [AccountController],
    clock,
    options: { redis: server.url, legacy: old.legacy, ...options },
    ...others,
  });
  running.push(app);
  return app;
}

/** Starts a process that keeps its sessions in memory, where they expire by the clock of the test. */
const startInMemory = (options: RefreshAuthOptions = {}) => start({ redis: undefined, ...options });

const me = (app: AuthApp, options: RequestOptions): Promise<HttpAnswer> => send(`${app.url}/me`, options);
const post = (app: AuthApp, path: string, options: RequestOptions = {}): Promise<HttpAnswer> =>
  send(`${app.url}/${path}`, { method: 'POST', body: '', ...options });
const newTokenOf = (answer: HttpAnswer): string => delivered(answer).header ?? 'none';
const claimsOf = (answer: HttpAnswer): TokenClaims => decodePayload(newTokenOf(answer)) as unknown as TokenClaims;

describe.each(adapters)('a token of the login before, on %s', (adapter) => {
  const begin = (options: RefreshAuthOptions = {}) => start(options, adapter === 'fastify' ? { adapter } : {});

  test('is served, and the response carries the first token of its session', async () => {
    const app = await begin();
    const signedAt = Math.floor(clock.now() / 1000);
    const token = old.token({ jti: 'x', iss: 'before', aud: 'all' });
    clock.advance(DAY);

    const answer = await me(app, bearer(token));

    expect([answer.status, answer.json()]).toEqual([200, { sub: '1', role: 'member', state: 'refreshable' }]);
    const { sid, gen, rev, auth_time, iat, exp, role, iss } = claimsOf(answer) as TokenClaims & Record<string, unknown>;
    expect(sid).toMatch(new RegExp(`^${tagOf('1')}[\\w-]{22}$`));
    expect({ gen, rev, auth_time, iat, exp, role, iss }).toEqual({
      gen: 0,
      rev: signedAt * 1000,
      auth_time: signedAt,
      iat: signedAt + DAY / 1000,
      exp: signedAt + DAY / 1000 + 900,
      role: 'member',
      iss: undefined,
    });
    const next = await me(app, bearer(newTokenOf(answer)));
    expect([next.status, (next.json() as { state: string }).state, delivered(next)]).toEqual([200, 'valid', nothing]);
  });

  test('[F83] shares one session with everybody who brings it: ten racers in two processes get the same token', async () => {
    const processes = [await begin(), await begin()];
    const token = old.token();

    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => me(processes[i % 2]!, bearer(token))));

    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(new Set(answers.map(newTokenOf)).size).toBe(1);
    const states = answers.map((answer) => (answer.json() as { state: string }).state);
    expect(states.filter((state) => state === 'refreshable')).toHaveLength(1);
    expect(states.filter((state) => state === 'already-refreshed')).toHaveLength(9);
  });

  test('[F83] goes on in one tab while another tab has the new token', async () => {
    // In memory, where a use grows old by the clock of the test.
    const app = await begin({ redis: undefined, reuseDetection: { grace: '1s', revokeAfter: '1s' } });
    const token = old.token();
    let fresh = newTokenOf(await me(app, bearer(token)));
    for (let hours = 0; hours < 5; hours++) {
      clock.advance(HOUR);
      const [stale, renewed] = [await me(app, bearer(token)), await me(app, bearer(fresh))];
      expect([stale.status, renewed.status]).toEqual([200, 200]);
      fresh = delivered(renewed).header ?? fresh;
      expect((await me(app, bearer(fresh))).status).toBe(200);
    }
  });
});

describe('one request with it', () => {
  test('costs one store call, the first one and every later one', async () => {
    const app = await start();
    const token = old.token();
    // Redis knows the script from then on: otherwise it would be sent twice.
    await me(app, bearer(old.token({ sub: '2' })));

    expect(await watch.sessionCommandsSentDuring(() => me(app, bearer(token)))).toEqual(['evalsha']);
    expect(await watch.sessionCommandsSentDuring(() => me(app, bearer(token)))).toEqual(['evalsha']);
  });

  test('runs reloadClaims for the first token, and not to hand it over', async () => {
    const seen: unknown[] = [];
    const app = await start({
      reloadClaims: ({ role, ...claims }: TokenClaims & { role: string }) => (
        seen.push(role),
        { ...claims, role: 'demoted' }
      ),
    });
    const token = old.token();

    expect([await me(app, bearer(token)), await me(app, bearer(token))].map((answer) => answer.json())).toEqual([
      { sub: '1', role: 'demoted', state: 'refreshable' },
      { sub: '1', role: 'demoted', state: 'already-refreshed' },
    ]);
    expect(seen).toEqual(['member']);
  });

  test('that asks for no refresh gets none, and writes nothing', async () => {
    const app = await start();
    const options = bearer(old.token());
    const answer = await me(app, { headers: { ...options.headers, 'refresh-auth': 'no-refresh' } });

    expect([answer.status, answer.json()]).toEqual([200, { sub: '1', role: 'member', state: 'refreshable' }]);
    expect(delivered(answer)).toEqual(nothing);
    expect(await client.keys('*:session:*')).toEqual([]);
  });

  test('begins the record of a tracked session, which is listed, and whose loss does not end the old token', async () => {
    const app = await start({ sessions: 'tracked' });
    const token = old.token();
    const { sid, auth_time } = claimsOf(await me(app, bearer(token)));

    expect(await app.auth.listSessions('1')).toEqual([expect.objectContaining({ sid, createdAt: auth_time })]);
    await client.flushdb();
    expect((await me(app, bearer(token))).status).toBe(200);
    expect(await app.auth.listSessions('1')).toEqual([expect.objectContaining({ sid })]);
  });

  test('passes while the store is down and outages are tolerated, and is 503 otherwise', async () => {
    const redis = await startRedis();
    const token = old.token();
    const [tolerant, strict] = [
      await start({ redis: redis.url, onStoreFailure: 'tolerate', storeTimeout: '300ms' }),
      await start({ redis: redis.url, storeTimeout: '300ms' }),
    ];
    await redis.stop();

    const answer = await me(tolerant, bearer(token));
    expect([answer.status, delivered(answer)]).toEqual([200, nothing]);
    expect(refusal(await me(strict, bearer(token)))).toEqual(storeUnavailable);
  });
});

describe.each(KINDS)('a socket of %s', (kind) => {
  test('is admitted with an old token in its handshake, and closed when the session ends', async () => {
    const app = await start(
      { legacy: (token, request: unknown) => (request ? old.legacy(token, request) : undefined) },
      { providers: [globalGuard, NewsGateway], configure: withGateways(kind) },
    );
    const request = bearer(old.token());
    const socket = await connect(kind, app.url, { headers: request.headers as Record<string, string> });

    const answer = await socket.ask('news');
    expect(answer).toEqual({ event: 'news', data: { sub: '1', role: 'member', state: 'valid' } });
    await post(app, 'sign-out', request);
    await socket.closed;
  });
});

describe('without HTTP', () => {
  test('authenticate and inspect accept it, write nothing, and call the hook without a request', async () => {
    const requests: unknown[] = [];
    const app = await start({ legacy: (token, request) => (requests.push(request), old.legacy(token, request)) });
    const token = old.token();

    const [authentication, inspection] = [await app.auth.authenticate(token), await app.auth.inspect(token)];

    expect([authentication.state, authentication.claims.sub, authentication.refreshed]).toEqual([
      'refreshable',
      '1',
      undefined,
    ]);
    expect([inspection.state, inspection.claims?.sid]).toEqual(['refreshable', authentication.claims.sid]);
    expect(requests).toEqual([undefined, undefined]);
    expect(await client.keys('*:session:*')).toEqual([]);
    expect((await app.auth.authenticate(token, { refresh: true })).refreshed?.claims.gen).toBe(0);
    expect((await app.auth.inspect(token)).state).toBe('already-refreshed');
  });
});

describe('an attacker', () => {
  test('with an old token after sign-out gets 401, also with another encoding of its signature, in every process', async () => {
    const [app, elsewhere] = [await start(), await start()];
    const token = old.token();
    const fresh = newTokenOf(await me(app, bearer(token)));

    expect((await post(app, 'sign-out', bearer(token))).status).toBe(204);

    const spellings = [token, ...respell(token), otherSignature(token)];
    expect(spellings.every((spelling) => old.verify(spelling))).toBe(true);
    expect(spellings.length).toBeGreaterThan(10);
    for (const process of [app, elsewhere]) {
      for (const spelling of [...spellings, fresh])
        expect(refusal(await me(process, bearer(spelling)))).toEqual(dead('session_revoked'));
    }
  });

  test('with an old token that was never used gets 401 after sign-out with it', async () => {
    const app = await start();
    const token = old.token();
    await post(app, 'sign-out', bearer(token));

    expect(refusal(await me(app, bearer(token)))).toEqual(dead('session_revoked'));
  });

  test('with an old token whose session another encoding has begun and the new token has ended gets 401', async () => {
    const app = await start();
    const token = old.token();
    const fresh = newTokenOf(await me(app, bearer(otherSignature(token))));
    await post(app, 'sign-out', cookie(fresh));

    expect(refusal(await me(app, bearer(token)))).toEqual(dead('session_revoked'));
  });

  test('with an old token after sign-out gets 401 after the keys were replaced', async () => {
    const app = await start();
    const token = old.token();
    await me(app, bearer(token));
    await post(app, 'sign-out', bearer(token));
    const rotated = await start({ keys: [{ kid: 'next', algorithm: 'HS256', secret: NEXT_SECRET }] });

    expect(refusal(await me(rotated, bearer(token)))).toEqual(dead('session_revoked'));
  });

  test.each(['sign-out', 'revokeUser'])(
    'with an old token after %s gets 401 until the session could last no longer',
    async (end) => {
      const app = await startInMemory();
      const token = old.token();
      const { sub } = claimsOf(await me(app, bearer(token)));
      clock.advance(DAY);
      await (end === 'sign-out' ? post(app, 'sign-out', bearer(token)) : app.auth.revokeUser(sub));

      clock.advance(7 * DAY + HOUR);

      expect(old.verify(token)).toBeDefined();
      expect(refusal(await me(app, bearer(token)))).toEqual(dead('session_revoked'));
    },
  );

  test('with a token of ours, of a retired key or after its end, does not reach the hook', async () => {
    const app = await start({ keys: [{ kid: 'next', algorithm: 'HS256', secret: NEXT_SECRET }] });
    const earlier = await start({ secret: SECRET });
    const { token } = await earlier.auth.issue({ sub: '1' });
    const current = await app.auth.issue({ sub: '1' });
    await app.auth.revokeSession(current.claims.sid);

    expect(refusal(await me(app, bearer(token)))).toEqual(dead('token_invalid'));
    expect(refusal(await me(app, bearer(`${token}.x`)))).toEqual(dead('token_malformed'));
    expect(refusal(await me(app, bearer(current.token)))).toEqual(dead('session_revoked'));
    clock.advance(40 * DAY);
    expect(refusal(await me(app, bearer(current.token)))).toEqual(dead('session_expired'));
    expect(old.calls).toBe(0);
  });

  test('with an old token after revokeUser gets 401; a later sign-in with the old login goes on', async () => {
    const app = await start();
    const token = old.token();
    const fresh = newTokenOf(await me(app, bearer(token)));
    await app.auth.revokeUser('1');

    for (const presented of [token, fresh])
      expect(refusal(await me(app, bearer(presented)))).toEqual(dead('session_revoked'));
    clock.advance(2_000);
    expect((await me(app, bearer(old.token()))).status).toBe(200);
  });

  test('with an expired or forged old token gets 401, and asks the store nothing', async () => {
    const app = await start();
    const token = old.token({}, 60);
    const forged = `${token.slice(0, -20)}${'A'.repeat(20)}`;
    clock.advance(MINUTE);

    const sent = await watch.sessionCommandsSentDuring(async () => {
      for (const presented of [token, forged])
        expect(refusal(await me(app, bearer(presented)))).toEqual(dead('token_invalid'));
    });
    expect(sent).toEqual([]);
    expect(old.calls).toBe(2);
  });

  test("with an old token of another user gets that user's session, which does not touch the first one's", async () => {
    const app = await start();
    const [mine, other] = [old.token(), old.token({ sub: '2' })];
    const answers = [await me(app, bearer(mine)), await me(app, bearer(other))];
    const [first, second] = answers.map(claimsOf);
    expect([first?.sub, second?.sub]).toEqual(['1', '2']);
    expect(first?.sid.slice(0, 8)).not.toBe(second?.sid.slice(0, 8));

    await post(app, 'sign-out', bearer(other));

    expect((await me(app, bearer(mine))).status).toBe(200);
  });

  test('who plants an old token of their own in a cookie moves nobody out of their session, and nobody is locked out', async () => {
    const app = await start({ delivery: { cookie: { name: 'session', secure: false } } });
    const { token } = await app.auth.issue({ sub: '1' });
    const planted = old.token({ sub: 'attacker' });

    for (const line of [`session=${planted}; session=${token}`, `session=${token}; session=${planted}`]) {
      const answer = await me(app, { headers: { cookie: line } });
      expect([answer.status, (answer.json() as { sub: string }).sub]).toEqual([200, '1']);
    }
    // Neither is known to be live before the application is asked, so their order must not decide.
    for (const tokens of [
      [planted, old.token()],
      [old.token(), planted],
    ]) {
      const line = tokens.map((value) => `session=${value}`).join('; ');
      expect(refusal(await me(app, { headers: { cookie: line } }))).toEqual(dead('token_malformed'));
    }
  });

  test('on another site makes no browser act with an old token of any cookie', async () => {
    const app = await start({ delivery: { cookie: false } }, { providers: oldCookieGuard });
    const headers = {
      cookie: `old-token=${old.token()}`,
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site',
    };

    const unsafe = await post(app, 'me', { headers });
    expect([unsafe.status, (unsafe.json() as { code: string }).code]).toEqual([403, 'request_cross_site']);
    expect(refusal(await me(app, { headers }))).toEqual(notRefreshedForOrigin);
    expect([old.calls, await client.keys('*:session:*')]).toEqual([1, []]);
    const own = { ...headers, origin: app.url, 'sec-fetch-site': 'same-origin' };
    expect((await post(app, 'me', { headers: own })).status).toBe(201);
    // No other site can make a browser send any other header, so what these carry needs no check.
    const inHeader = { ...headers, cookie: 'theme=dark', 'x-token': old.token() };
    expect((await post(app, 'me', { headers: inHeader })).status).toBe(201);
    const trusted = await start(
      { delivery: { cookie: false }, csrf: { trustedOrigins: ['https://evil.example'] } },
      { providers: oldCookieGuard },
    );
    expect((await post(trusted, 'me', { headers })).status).toBe(201);
  });

  test("with a copy of an old token has its bearer's session, until the bearer leaves it or it ends", async () => {
    const app = await start({ sessionLifetime: '20d', refreshWindow: '7d' });
    const token = old.token();
    const victim = claimsOf(await me(app, bearer(token)));
    let stolen = await me(app, bearer(token));
    const { sid, sub, auth_time } = claimsOf(stolen);
    expect({ sid, sub, auth_time }).toEqual({ sid: victim.sid, sub: victim.sub, auth_time: victim.auth_time });
    const signedAt = victim.auth_time;
    while (clock.now() / 1000 < signedAt + (20 * DAY) / 1000) {
      expect(claimsOf(stolen).refresh_exp).toBeLessThanOrEqual(signedAt + (20 * DAY) / 1000);
      clock.advance(2 * DAY);
      const answer = await me(app, bearer(newTokenOf(stolen)));
      if (answer.status !== 200) break;
      stolen = answer;
    }
    expect(Math.floor(clock.now() / 1000)).toBe(signedAt + (20 * DAY) / 1000);
    expect(refusal(await me(app, bearer(newTokenOf(stolen))))).toEqual(dead('session_expired'));
  });

  test('with a copy of an old token whose exp the hook returns cannot stay longer than it', async () => {
    const app = await start({ legacy: (token) => old.verify(token) });
    const token = old.token({}, HOUR / 1000);
    const fresh = newTokenOf(await me(app, bearer(token)));

    clock.advance(HOUR - 1000);
    const last = await me(app, bearer(fresh));
    expect(last.status).toBe(200);
    clock.advance(1000);
    for (const presented of [fresh, newTokenOf(last)])
      expect(refusal(await me(app, bearer(presented)))).toEqual(dead('session_expired'));
    expect(refusal(await me(app, bearer(token)))).toEqual(dead('token_invalid'));
  });
});

describe('the end of a session that an old token began', () => {
  test('is kept in Redis for one sessionLifetime, and so is what processes without the option end', async () => {
    const app = await start();
    const plain = await start({ legacy: undefined });
    const token = old.token();
    const { sid } = claimsOf(await me(app, bearer(token)));
    await post(app, 'sign-out', bearer(token));
    await app.auth.revokeUser('1');
    const other = claimsOf(await me(app, bearer(old.token({ sub: '2' }))));
    await plain.app.get(RefreshAuthService).inspect('x');
    await plain.auth.revokeSession(other.sid);

    const keys = [
      ...(await client.keys('*:session:*')),
      ...(await client.keys('*:user:*')),
      'refresh-auth:revocations',
    ];
    const kept = await Promise.all(keys.map(async (key) => client.pttl(key)));
    expect(keys).toHaveLength(4);
    expect(Math.min(...kept)).toBeGreaterThan(30 * DAY);
    expect(keys.join()).toContain(sessionName(sid).split('.')[1]);
  });

  test('comes with a sign-in that presents the old token, unless replace is false', async () => {
    const app = await start();
    const [kept, replaced] = [old.token(), old.token({ role: 'admin' })];

    const answers = [
      await post(app, 'sign-in', { ...bearer(kept), body: { replace: false } }),
      await post(app, 'sign-in', { ...bearer(replaced), body: {} }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect((await me(app, bearer(kept))).status).toBe(200);
    expect(refusal(await me(app, bearer(replaced)))).toEqual(dead('session_revoked'));
  });

  test('comes with a sign-out on a guarded route, wherever the guard has found the old token', async () => {
    const app = await start({}, { providers: oldCookieGuard });
    const headers = { cookie: `old-token=${old.token()}` };

    expect((await post(app, 'leave', { headers })).status).toBe(204);

    expect(refusal(await me(app, { headers }))).toEqual(dead('session_revoked'));
  });
});

describe('replace: false', () => {
  test('keeps a session of ours that the request presents', async () => {
    const app = await start();
    const { token } = await app.auth.issue({ sub: '1' });
    const answer = await post(app, 'sign-in', { ...bearer(token), body: { replace: false } });

    expect([answer.status, (await me(app, bearer(token))).status]).toEqual([201, 200]);
  });

  test('is a boolean', async () => {
    const app = await start({}, { providers: [globalGuard] });
    const attempt = app.auth.signIn({} as HttpResponse, { sub: '1' }, { replace: 'no' as unknown as boolean });

    await expect(attempt).rejects.toThrow('signIn: option `replace` is not a boolean');
  });
});

describe('a hook', () => {
  test.each<[string, RefreshAuthOptions['legacy'], says: string]>([
    [
      'that throws',
      () => {
        throw new Error('the user database is down');
      },
      'the user database is down',
    ],
    ['that hangs', () => new Promise(() => undefined), 'no answer within reloadTimeout'],
    [
      'that returns null',
      () => null as unknown as undefined,
      'it returned null: return the claims of the token, with its iat, or undefined',
    ],
    [
      'that returns a sub that is no string',
      () => ({ sub: 1, iat: 1_700_000_000 }),
      'Claim `sub` must be a non-empty string',
    ],
    [
      'that returns no iat',
      () => ({ sub: '1' }),
      'Claim `iat` must be the time when the old token was signed, in seconds',
    ],
    ['that returns an iat in milliseconds', () => ({ sub: '1', iat: 1_700_000_000_000 }), 'Claim `iat` must be'],
    [
      'that returns an exp before its iat',
      () => ({ sub: '1', iat: 1_700_000_000, exp: 1_600_000_000 }),
      'Claim `exp` must be later than `iat`',
    ],
    ['that returns a reserved claim', () => ({ sub: '1', iat: 1_700_000_000, gen: 4 }), 'Claim `gen` is reserved'],
  ])('%s gives 503 and a line in the log, and a sign-out ends nothing', async (_, legacy, says) => {
    const app = await start({ legacy, reloadTimeout: '50ms' });
    const request = bearer(old.token());

    const answers = [
      await me(app, request),
      await post(app, 'sign-out', request),
      await post(app, 'sign-in', { ...request, body: {} }),
    ];

    for (const answer of answers) expect(refusal(answer)).toEqual(reloadFailed);
    expect(app.logs.filter((line) => line.includes('legacy failed') && line.includes(says))).toHaveLength(3);
    expect(await client.keys('*:session:*')).toEqual([]);
  });

  test('that returns an iat in the future gives 401', async () => {
    const iat = Math.floor(clock.now() / 1000) + 61;
    const app = await start({ legacy: () => ({ sub: '1', iat }) });

    expect(refusal(await me(app, bearer(old.token())))).toEqual(dead('token_invalid'));
  });

  test('that accepts a token older than sessionLifetime gives 401 session_expired', async () => {
    const app = await start({ sessionLifetime: '10d' });
    const token = old.token();
    clock.advance(10 * DAY);

    expect(refusal(await me(app, bearer(token)))).toEqual(dead('session_expired'));
  });

  test('may know tokens that are no JWT: the whole text names the session', async () => {
    const iat = Math.floor(clock.now() / 1000);
    const app = await start({ legacy: (token) => (token.startsWith('opaque-') ? { sub: '1', iat } : undefined) });
    const answers = [];
    for (const token of ['opaque-1', 'opaque-1', 'opaque-2', 'opaque-a.b.c', 'opaque-a.b.d'])
      answers.push(claimsOf(await me(app, bearer(token))).sid);

    expect(answers[0]).toBe(answers[1]);
    expect(new Set(answers).size).toBe(4);
  });

  test('is asked for nothing that is too long for a token', async () => {
    const app = await start();
    const answer = await me(app, bearer('x'.repeat(8193)));

    expect([refusal(answer), old.calls]).toEqual([dead('token_malformed'), 0]);
  });
});

describe('after a whole refreshWindow in which nobody came', () => {
  test.each(['untracked', 'tracked'] as const)(
    'an old token that the application still accepts is served, sessions %s',
    async (sessions) => {
      const app = await start({ sessions });
      const memory = await startInMemory({ sessions });
      const token = old.token();
      for (const process of [app, memory]) await me(process, bearer(token));
      // In Redis the record is still there, with a token that can no longer be refreshed; in memory it is gone.
      clock.advance(8 * DAY);

      for (const process of [app, memory]) {
        const answer = await me(process, bearer(token));
        expect([answer.status, (await me(process, bearer(newTokenOf(answer)))).status]).toEqual([200, 200]);
      }
    },
  );
});
