// The options that decide how sessions live, over HTTP: reuseDetection, reloadClaims, refreshAhead, limits of one sign-in, tracked sessions.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import { firstValueFrom, filter } from 'rxjs';
import {
  CurrentUser,
  type HttpResponse,
  type IssuedToken,
  OptionalAuth,
  Public,
  type RefreshAuthEvent,
  type RefreshAuthOptions,
  RefreshAuthService,
  type SignInOptions,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { sessionName } from '../libs/refresh-auth/src/tokens/session-id.js';
import { HOUR, MINUTE, SECOND } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered, nothing } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal, reloadFailed } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { StoppableStore } from './support/stoppable-store.js';

/** One minute, ten minutes, an hour. */
const LIFETIMES = { expiresIn: '1m', refreshWindow: '10m', sessionLifetime: '1h' } as const;

/** The gate for which the handler of a slow route waits. */
let slowness = (): Promise<unknown> => Promise.resolve();

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('me')
  me(@CurrentUser() user: unknown, @TokenState() state: unknown): unknown {
    const { sub, role, gen } = user as { sub: string; role?: string; gen: number };
    return { state, sub, role, gen };
  }

  @Get('slow')
  async slow(@CurrentUser() user: unknown, @TokenState() state: unknown): Promise<unknown> {
    await slowness();
    return this.me(user, state);
  }

  @OptionalAuth()
  @Get('optional')
  optional(@CurrentUser() user: unknown): unknown {
    return { user: user ?? null };
  }

  @Public()
  @Post('sign-in')
  async signIn(@Body() options: SignInOptions, @Res({ passthrough: true }) response: HttpResponse): Promise<unknown> {
    return this.auth.signIn(response, { sub: '1', role: 'old' }, options);
  }
}

describe.each(adapters)('on %s', (adapter) => {
  const apps: AuthApp[] = [];

  async function start(options: RefreshAuthOptions, clock = new TestClock()): Promise<AuthApp> {
    const app = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { ...LIFETIMES, ...options },
      clock,
    });
    apps.push(app);
    return app;
  }

  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  const get = ({ url }: AuthApp, token: string, path = 'me'): Promise<HttpAnswer> =>
    send(`${url}/${path}`, bearer(token));

  async function signIn(app: AuthApp, options: SignInOptions = {}): Promise<IssuedToken> {
    const answer = await send(`${app.url}/sign-in`, { method: 'POST', body: options });
    expect(answer.status).toBe(201);
    return answer.json() as IssuedToken;
  }

  /** A client presents a token, and keeps what it is handed; which generation it used is recorded. */
  async function use(app: AuthApp, token: string, state: string): Promise<string> {
    const answer = await get(app, token);
    expect([answer.status, answer.json()]).toEqual([200, expect.objectContaining({ state })]);
    await app.app.get(RefreshAuthCore).usedGenerations?.flush();
    return delivered(answer).header ?? token;
  }

  const of = (app: AuthApp, ...types: RefreshAuthEvent['type'][]): RefreshAuthEvent[] =>
    app.events.filter(({ type }) => types.includes(type));

  describe('reuseDetection', () => {
    const reuseDetection = { grace: '30s', revokeAfter: '10m' } as const;
    const startDetecting = (more: RefreshAuthOptions = {}): Promise<AuthApp> =>
      start({ reuseDetection, refreshWindow: '2h', sessionLifetime: '1d', ...more });

    /** A session whose first token a client has refreshed, and whose second it has used. */
    async function supersede(app: AuthApp) {
      const { token, claims } = await signIn(app);
      app.clock.advance(MINUTE);
      const successor = await use(app, token, 'refreshable');
      await use(app, successor, 'valid');
      return { token, successor, facts: { session: sessionName(claims.sid), gen: 0 } };
    }

    test('[R4] [U2] hands a superseded token over within the grace, and changes nothing', async () => {
      const app = await startDetecting();
      const { token, successor } = await supersede(app);

      app.clock.advance(30 * SECOND - 1);
      expect(await use(app, token, 'already-refreshed')).toBe(successor);
      expect(await use(app, token, 'already-refreshed')).toBe(successor);

      await use(app, successor, 'valid');
      app.clock.advance(MINUTE);
      const next = await use(app, successor, 'refreshable');
      expect(decodePayload(next)).toMatchObject({ gen: 2 });
      expect(of(app, 'reuse-suspected', 'reuse-detected', 'session-revoked')).toEqual([]);
    });

    test('[F22] [U2] rejects it after the grace, reports it, and the session lives', async () => {
      const app = await startDetecting();
      const { token, successor, facts } = await supersede(app);

      app.clock.advance(30 * SECOND);
      const first = await get(app, token);
      const at = app.clock.now();
      app.clock.advance(9 * MINUTE + 30 * SECOND - 1);
      const last = await get(app, token);

      expect([first, last].map(refusal)).toEqual([dead('token_superseded'), dead('token_superseded')]);
      expect([first, last].map(delivered)).toEqual([nothing, nothing]);
      expect(of(app, 'reuse-suspected', 'reuse-detected', 'session-revoked', 'token-rejected').slice(0, 2)).toEqual([
        { type: 'reuse-suspected', at, ...facts, latest: 1 },
        { type: 'token-rejected', at, ...facts, code: 'token_superseded' },
      ]);
      expect(of(app, 'reuse-detected', 'session-revoked')).toEqual([]);
      await use(app, successor, 'refreshable');
    });

    test('[U1] takes it for reuse after `revokeAfter`: rejects it, ends the session, and reports it', async () => {
      const app = await startDetecting();
      const { token, successor, facts } = await supersede(app);

      app.clock.advance(10 * MINUTE);
      const reused = await get(app, token);

      const { gen, ...session } = { at: app.clock.now(), ...facts };
      expect([refusal(reused), delivered(reused)]).toEqual([dead('token_reused'), nothing]);
      expect(of(app, 'reuse-suspected', 'reuse-detected', 'session-revoked', 'token-rejected')).toEqual([
        { type: 'reuse-detected', ...session, gen, latest: 1, kind: 'predecessor', revoked: true },
        { type: 'session-revoked', ...session },
        { type: 'token-rejected', ...session, gen, code: 'token_reused' },
      ]);
      expect(refusal(await get(app, successor))).toEqual(dead('session_revoked'));
      expect(refusal(await get(app, token))).toEqual(dead('session_revoked'));
    });

    test('[U1] counts the age of an older token from when anything newer was in use', async () => {
      const app = await startDetecting();
      const { token, successor } = await supersede(app);
      app.clock.advance(5 * MINUTE);
      const third = await use(app, successor, 'refreshable');
      await use(app, third, 'valid');

      app.clock.advance(5 * MINUTE - 1);
      expect(refusal(await get(app, token))).toEqual(dead('token_superseded'));
      app.clock.advance(1);
      expect(refusal(await get(app, token))).toEqual(dead('token_reused'));

      expect(of(app, 'reuse-detected')).toEqual([
        expect.objectContaining({ gen: 0, latest: 2, kind: 'ancestor', revoked: true }),
      ]);
    });

    test('[U1] revokes right after the grace where `revokeAfter` is the same', async () => {
      const app = await startDetecting({ reuseDetection: { grace: '30s', revokeAfter: '30s' } });
      const { token, successor } = await supersede(app);

      app.clock.advance(30 * SECOND - 1);
      await use(app, token, 'already-refreshed');
      app.clock.advance(1);

      expect(refusal(await get(app, token))).toEqual(dead('token_reused'));
      expect(refusal(await get(app, successor))).toEqual(dead('session_revoked'));
    });

    test("onReuse: 'reject' rejects it, reports it, and the session lives", async () => {
      const app = await startDetecting({ reuseDetection: { ...reuseDetection, onReuse: 'reject' } });
      const { token, successor } = await supersede(app);
      app.clock.advance(10 * MINUTE);

      const answers = [await get(app, token), await get(app, token)];

      expect(answers.map(refusal)).toEqual([dead('token_reused'), dead('token_reused')]);
      expect(of(app, 'reuse-detected', 'session-revoked')).toEqual(
        [1, 2].map(() => expect.objectContaining({ type: 'reuse-detected', kind: 'predecessor', revoked: false })),
      );
      await use(app, successor, 'refreshable');
    });

    test('[F22b] [U2] serves who lost the response, hours later, and every tab that wakes with them', async () => {
      const app = await startDetecting({ refreshWindow: '1d', sessionLifetime: '7d' });
      const { token } = await signIn(app);
      app.clock.advance(MINUTE);
      await use(app, token, 'refreshable');

      app.clock.advance(12 * HOUR);
      const latest = await use(app, token, 'already-refreshed');
      await use(app, latest, 'valid');
      app.clock.advance(478);

      expect(await use(app, token, 'already-refreshed')).toBe(latest);
      expect(of(app, 'reuse-suspected', 'reuse-detected')).toEqual([]);
    });

    test('[U3] knows until its refresh_exp that a token was superseded', async () => {
      const app = await startDetecting({ reuseDetection: { ...reuseDetection, onReuse: 'reject' } });
      const { token } = await supersede(app);

      app.clock.advance(2 * HOUR - MINUTE - 1);
      expect(refusal(await get(app, token))).toEqual(dead('token_reused'));
      app.clock.advance(1);
      expect(refusal(await get(app, token))).toEqual(dead('token_expired'));
    });

    test.each([
      ['superseded', 30 * SECOND, 'token_superseded'],
      ['reused', 10 * MINUTE, 'token_reused'],
    ])('a %s token is no user on routes with @OptionalAuth()', async (_, age, code) => {
      const app = await startDetecting();
      const { token } = await supersede(app);
      app.clock.advance(age);

      const answer = await get(app, token, 'optional');

      expect([answer.status, answer.json(), delivered(answer)]).toEqual([200, { user: null }, nothing]);
      expect(of(app, 'token-rejected')).toEqual([expect.objectContaining({ code })]);
    });

    test.each([
      ['rejected as superseded', 5 * MINUTE],
      ['still handed over', SECOND],
      ['too old, and ends the session anyway', 30 * MINUTE],
    ])('a sign-in ends the session of the token that it presents, where that is %s', async (_, age) => {
      const app = await startDetecting();
      const { token, successor } = await supersede(app);
      const thiefs = successor;
      app.clock.advance(age);

      const answer = await send(`${app.url}/sign-in`, { method: 'POST', body: {}, ...bearer(token) });

      expect(answer.status).toBe(201);
      expect(refusal(await get(app, thiefs))).toEqual(dead('session_revoked'));
      const { token: own } = answer.json() as IssuedToken;
      await use(app, own, 'valid');
      expect(of(app, 'reuse-suspected', 'reuse-detected')).toEqual([]);
    });
  });

  describe('[R9] reloadClaims', () => {
    test('shows new rights in the request that refreshed, and all requests get the stored successor', async () => {
      const asked: TokenClaims[] = [];
      const app = await start({
        reloadClaims: async (claims: TokenClaims) => {
          asked.push(claims);
          return { sub: claims.sub, role: `new ${asked.length}` };
        },
      });
      const { token, claims } = await signIn(app);
      expect((await get(app, token)).json()).toMatchObject({ state: 'valid', role: 'old' });
      app.clock.advance(MINUTE);

      const answers = [await get(app, token), await get(app, token)];

      expect(answers.map((answer) => answer.json())).toEqual([
        { state: 'refreshable', sub: '1', role: 'new 1', gen: 1 },
        { state: 'already-refreshed', sub: '1', role: 'new 1', gen: 1 },
      ]);
      expect(delivered(answers[1]!)).toEqual(delivered(answers[0]!));
      const { iat, exp, refresh_exp, jti, ...kept } = decodePayload(String(delivered(answers[0]!).header));
      expect(kept).toEqual({ sub: '1', role: 'new 1', sid: claims.sid, gen: 1, rev: 0, auth_time: claims.auth_time });
      expect([iat, exp, refresh_exp, jti]).toEqual([claims.exp, claims.exp + 60, claims.exp + 600, expect.any(String)]);
      expect(asked).toEqual([claims]);
    });

    test('null ends the session', async () => {
      const app = await start({ reloadClaims: () => null });
      const { token, claims } = await signIn(app);
      app.clock.advance(MINUTE);

      const answers = [await get(app, token), await get(app, token)];

      expect(answers.map(refusal)).toEqual([dead('session_revoked'), dead('session_revoked')]);
      expect(answers.map(delivered)).toEqual([nothing, nothing]);
      expect(of(app, 'session-revoked')).toEqual([
        { type: 'session-revoked', at: app.clock.now(), session: sessionName(claims.sid) },
      ]);
    });

    test.each<[what: string, reloadClaims: (claims: TokenClaims) => unknown]>([
      ['never answers', () => new Promise(() => undefined)],
      ['rejects', () => Promise.reject(new Error('the database is out'))],
      [
        'throws',
        () => {
          throw new Error('a mistake');
        },
      ],
      ['returns undefined', () => undefined],
      ['returns text', () => 'admin'],
      ['returns no sub', () => ({ role: 'new' })],
      ['returns another sub', () => ({ sub: '2' })],
      ['returns a reserved claim', () => ({ sub: '1', exp: 9_999_999_999 })],
      ['returns what is no JSON', () => ({ sub: '1', since: 1n })],
    ])(
      '[F39] that %s: 503, nothing is issued, the client keeps its token, and it is logged once',
      async (_, reloadClaims) => {
        let isBroken = true;
        const app = await start({
          reloadTimeout: '50ms',
          reloadClaims: (claims: TokenClaims) =>
            isBroken ? (reloadClaims(claims) as object) : { sub: '1', role: 'new' },
        });
        const { token } = await signIn(app);
        app.clock.advance(MINUTE);

        const answer = await get(app, token);

        expect([refusal(answer), delivered(answer)]).toEqual([reloadFailed, nothing]);
        expect(of(app, 'refreshed', 'session-revoked', 'token-rejected', 'store-failed')).toEqual([
          expect.objectContaining({ code: 'reload_failed', detail: 'reloadClaims failed: the log says why' }),
        ]);
        expect(app.logs.filter((line) => !/^(?:log|debug) /.test(line))).toEqual([
          expect.stringMatching(/^error reloadClaims failed.*\n +at .* RefreshAuthModule$/s),
        ]);
        isBroken = false;
        expect((await get(app, token)).json()).toEqual({ state: 'refreshable', sub: '1', role: 'new', gen: 1 });
      },
    );
  });

  describe('refreshAhead', () => {
    const nextRotation = (app: AuthApp) => (): Promise<unknown> =>
      firstValueFrom(app.auth.events.pipe(filter(({ type }) => type === 'refreshed')));

    test.each([
      ['a fraction', 0.2, 48],
      ['a duration', '10s', 50],
      ['seconds', 10, 50],
    ])(
      '%s: refreshes in parallel with the handler, only in the last part of the life',
      async (_, refreshAhead, from) => {
        const app = await start({ refreshAhead });
        const { token } = await signIn(app);

        app.clock.advance(from * SECOND - 1);
        slowness = () => Promise.resolve();
        const early = await get(app, token, 'slow');
        app.clock.advance(1);
        slowness = nextRotation(app);
        const late = await get(app, token, 'slow');

        expect([early.json(), delivered(early)]).toEqual([{ state: 'valid', sub: '1', role: 'old', gen: 0 }, nothing]);
        expect(late.json()).toEqual({ state: 'valid', sub: '1', role: 'old', gen: 0 });
        const { header: successor = '', cookie } = delivered(late);
        expect([cookie, decodePayload(successor)]).toEqual([
          successor,
          expect.objectContaining({ gen: 1, role: 'old' }),
        ]);
        expect(of(app, 'refreshed')).toHaveLength(1);
        expect((await get(app, successor)).json()).toMatchObject({ state: 'valid', gen: 1 });
      },
    );

    test('delivers nothing after the headers were sent; the next response carries the token', async () => {
      const clock = new TestClock();
      const way = new StoppableStore(new InMemorySessionStore(clock));
      const app = await start({ refreshAhead: 0.5, store: way.store, storeTimeout: '1m' }, clock);
      const { token } = await mintToken(app.app, { sub: '1', role: 'old' }, { age: '40s' });
      void way.stopAt({ call: 0, before: 'answer' });

      const early = await get(app, token);
      expect([early.json(), delivered(early)]).toEqual([{ state: 'valid', sub: '1', role: 'old', gen: 0 }, nothing]);
      const rotation = nextRotation(app)();
      way.goOn();
      await rotation;
      const late = await get(app, token);

      expect(decodePayload(String(delivered(late).header))).toMatchObject({ gen: 1 });
      expect(of(app, 'refreshed')).toHaveLength(1);
    });

    test('simultaneous requests keep the valid token, and one successor is made', async () => {
      const app = await start({ refreshAhead: 0.5 });
      const { token } = await signIn(app);
      app.clock.advance(40 * SECOND);

      const answers = await Promise.all(Array.from({ length: 10 }, () => get(app, token)));
      const again = await get(app, token);

      expect([...answers, again].map(({ status }) => status)).toEqual(Array(11).fill(200));
      expect([...answers, again].map((answer) => answer.json())).toEqual(
        Array.from({ length: 11 }, () => ({ state: 'valid', sub: '1', role: 'old', gen: 0 })),
      );
      const successors = [...answers, again].flatMap((answer) => delivered(answer).header ?? []);
      expect(new Set(successors).size).toBeLessThanOrEqual(1);
      expect(of(app, 'refreshed')).toHaveLength(1);
    });

    test('a superseded token is valid until its exp, and its grace counts from there', async () => {
      const app = await start({ refreshAhead: 0.5, reuseDetection: { grace: '1s', revokeAfter: '2s' } });
      const { token } = await signIn(app);
      app.clock.advance(40 * SECOND);
      slowness = nextRotation(app);
      const { header: successor = '' } = delivered(await get(app, token, 'slow'));
      await use(app, successor, 'valid');

      app.clock.advance(20 * SECOND - 1);
      await use(app, token, 'valid');
      app.clock.advance(1);
      await use(app, token, 'already-refreshed');
      app.clock.advance(SECOND);
      expect(refusal(await get(app, token))).toEqual(dead('token_superseded'));
      app.clock.advance(SECOND);
      expect(refusal(await get(app, token))).toEqual(dead('token_reused'));
    });

    test('a valid token is accepted while the store is down', async () => {
      const app = await start({ refreshAhead: 0.9, redis: 'redis://127.0.0.1:1' });
      const { token } = await signIn(app);
      app.clock.advance(40 * SECOND);

      const answer = await get(app, token);

      expect([answer.json(), delivered(answer)]).toEqual([{ state: 'valid', sub: '1', role: 'old', gen: 0 }, nothing]);
    });
  });

  describe('[T7] [T8] limits of a single sign-in', () => {
    test('are kept by every successor: the session ends with its own lifetime', async () => {
      const app = await start({});
      const signedIn = await signIn(app, { refreshWindow: '2m', sessionLifetime: '150s' });
      const usual = await signIn(app);
      const end = signedIn.claims.auth_time + 150;
      expect(signedIn.claims).toMatchObject({ refresh_window: 120, session_lifetime: 150 });

      let { token } = signedIn;
      for (const gen of [1, 2]) {
        app.clock.advance(MINUTE);
        token = await use(app, token, 'refreshable');
        const { iat } = decodePayload(token) as { iat: number };
        expect(decodePayload(token)).toMatchObject({
          gen,
          refresh_window: 120,
          session_lifetime: 150,
          exp: Math.min(iat + 60, end),
          refresh_exp: end,
        });
      }
      app.clock.advance(30 * SECOND - 1);
      await use(app, token, 'valid');
      app.clock.advance(1);

      expect(refusal(await get(app, token))).toEqual(dead('session_expired'));
      await use(app, usual.token, 'refreshable');
    });

    test('are kept by every successor: unused for its own window, the session has ended', async () => {
      const app = await start({});
      const { token, claims } = await signIn(app, { refreshWindow: '2m' });
      expect(claims.refresh_exp).toBe(claims.iat + 120);
      app.clock.advance(2 * MINUTE - 1);
      const successor = await use(app, token, 'refreshable');

      app.clock.advance(2 * MINUTE);

      expect(refusal(await get(app, token))).toEqual(dead('token_expired'));
      expect(refusal(await get(app, successor))).toEqual(dead('token_expired'));
    });

    test.each<[options: object, says: string]>([
      [{ refreshWindow: '11m' }, "`refreshWindow` is 660 s, longer than the module's 600 s"],
      [{ refreshWindow: '1m' }, '`refreshWindow` is 60 s, not longer than expiresIn (60 s)'],
      [{ sessionLifetime: '2h' }, "`sessionLifetime` is 7200 s, longer than the module's 3600 s"],
      [{ device: 'x'.repeat(201) }, '`device` is not a string of at most 200 characters'],
    ])('%j is refused', async (options, says) => {
      const app = await start({});

      await expect(app.auth.issue({ sub: '1' }, options)).rejects.toThrow(`issue: option ${says}. Write a `);
    });
  });

  describe('with Redis', () => {
    let redis: RedisServer;

    beforeAll(async () => {
      redis = await startRedis();
    });

    afterEach(() => redis.restart());

    afterAll(() => redis.stop());

    describe("sessions: 'tracked'", () => {
      const tracked = (): RefreshAuthOptions => ({ sessions: 'tracked', redis: redis.url });

      test('a session ends with its record, and never comes back', async () => {
        const app = await start(tracked());
        const [lost, kept, ended] = [await signIn(app), await signIn(app), await signIn(app)];
        await app.auth.revokeSession(ended.claims.sid);
        app.clock.advance(MINUTE);
        const successor = await use(app, kept.token, 'refreshable');

        await redis.restart();
        let answer = await get(app, lost.token);
        while (answer.status === 503) answer = await get(app, lost.token);
        app.clock.advance(MINUTE);

        expect(refusal(answer)).toEqual(dead('session_revoked'));
        for (const token of [lost.token, kept.token, successor, ended.token]) {
          expect(refusal(await get(app, token))).toEqual(dead('session_revoked'));
        }
      });

      test('are listed from their sign-in until their end', async () => {
        const app = await start(tracked());
        const [phone, nameless, ended] = [
          await signIn(app, { device: 'phone' }),
          await signIn(app, { refreshWindow: '2m' }),
          await signIn(app),
        ];
        const start1 = phone.claims.auth_time;
        await app.auth.revokeSession(ended.claims.sid);
        app.clock.advance(MINUTE);
        await use(app, phone.token, 'refreshable');

        expect(await app.auth.listSessions('1')).toHaveLength(2);
        expect(await app.auth.listSessions('1')).toEqual(
          expect.arrayContaining([
            {
              sid: phone.claims.sid,
              device: 'phone',
              createdAt: start1,
              refreshedAt: start1 + 60,
              expiresAt: start1 + 660,
            },
            { sid: nameless.claims.sid, createdAt: start1, refreshedAt: start1, expiresAt: start1 + 120 },
          ]),
        );
        expect(await app.auth.listSessions('2')).toEqual([]);
        app.clock.advance(MINUTE);
        expect((await app.auth.listSessions('1')).map(({ sid }) => sid)).toEqual([phone.claims.sid]);
        await app.auth.revokeUser('1');
        expect(await app.auth.listSessions('1')).toEqual([]);
      });

      test('revokeUser with except spares that session', async () => {
        const app = await start(tracked());
        const [one, other] = [await signIn(app), await signIn(app)];

        await app.auth.revokeUser('1', { except: other.claims.sid });

        expect((await app.auth.listSessions('1')).map(({ sid }) => sid)).toEqual([other.claims.sid]);
        expect(refusal(await get(app, one.token))).toEqual(dead('session_revoked'));
        app.clock.advance(MINUTE);
        await use(app, other.token, 'refreshable');
      });

      test('untracked ones are not listed', async () => {
        const app = await start({ redis: redis.url });

        await expect(app.auth.listSessions('1')).rejects.toThrow(
          new TypeError("listSessions needs the option sessions: 'tracked'"),
        );
      });
    });

    describe('while it is gone', () => {
      test("onStoreFailure: 'tolerate': an expired token passes, nothing is refreshed, and what is known to have ended has", async () => {
        const app = await start({ redis: redis.url, onStoreFailure: 'tolerate' });
        const [token, ended] = [(await signIn(app)).token, await signIn(app)];
        await app.auth.revokeSession(ended.claims.sid);
        app.clock.advance(10 * MINUTE - 1);
        await redis.kill();

        const answer = await get(app, token);

        expect([answer.status, answer.json()]).toEqual([200, { state: 'refreshable', sub: '1', role: 'old', gen: 0 }]);
        expect(delivered(answer)).toEqual(nothing);
        expect(refusal(await get(app, ended.token))).toEqual(dead('session_revoked'));
        app.clock.advance(1);
        expect(refusal(await get(app, token))).toEqual(dead('token_expired'));
      });

      test.each<[onStoreFailure: 'reject' | 'tolerate', status: number]>([
        ['reject', 503],
        ['tolerate', 200],
      ])("'%s' under revocation: 'every-request': a valid token gets %i", async (onStoreFailure, status) => {
        const app = await start({ redis: redis.url, revocation: 'every-request', onStoreFailure });
        const { token } = await signIn(app);
        expect((await get(app, token)).status).toBe(200);
        await redis.kill();

        const answer = await get(app, token);

        expect(answer.status).toBe(status);
        expect(delivered(answer)).toEqual(nothing);
      });
    });
  });
});
