import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TestClock } from '../../../../test/support/clock.js';
import {
  authenticate,
  EXPIRES_IN,
  issue,
  makeCore,
  never,
  recordEvents,
  REFRESH_WINDOW,
  refusal,
  SESSION_LIFETIME,
  TEST_SECRET,
  waitsOnce,
  setUp,
} from '../../../../test/support/core.js';
import { flipBit, type SegmentValue, signRaw } from '../../../../test/support/hostile-tokens.js';
import type { InterceptedStore } from '../../../../test/support/intercepted-store.js';
import { sessionOf } from '../../../../test/support/session-of.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { RefreshAuthOptions } from '../options/refresh-auth-options.js';
import type { IssuedToken } from '../tokens/claims.js';
import type { Inspection } from './authenticator.js';
import { sessionName } from '../tokens/session-id.js';
import type { Revocation } from '../store/session-store.js';

const EXPIRED = { code: 'token_expired', statusCode: 401, message: 'The token has expired' };
const SESSION_EXPIRED = { code: 'session_expired', statusCode: 401, message: 'The session has expired' };
const REVOKED = { code: 'session_revoked', statusCode: 401, message: 'The session was revoked' };
const malformed = (detail: string) => ({
  code: 'token_malformed',
  statusCode: 401,
  message: 'The token is malformed',
  detail,
});
const invalid = (detail: string) => ({
  code: 'token_invalid',
  statusCode: 401,
  message: 'The token is invalid',
  detail,
});
const FORGED = invalid('the signature, the issuer or the audience is wrong');

let clock: TestClock;
let store: InterceptedStore;
let core: RefreshAuthCore;
let elsewhere: RefreshAuthCore;
let first: IssuedToken;

beforeEach(() => {
  ({ clock, store, core, elsewhere } = setUp());
  first = issue(core, { sub: '1', role: 'admin' });
});

const pass = (seconds: number): void => clock.advance(seconds * 1000);
const inspect = (token: string): Promise<Inspection> => core.authenticator.inspect(token);

/** The same token with other claims or another header, and a good signature. */
function resign(claims: object, header: SegmentValue = { alg: 'HS256', typ: 'JWT' }): string {
  return signRaw({ header, payload: { ...first.claims, ...claims }, algorithm: 'HS256', secret: TEST_SECRET });
}

describe('authenticate', () => {
  test('a valid token passes with its claims, and the store is not asked', async () => {
    expect(await authenticate(core, first.token)).toEqual({ state: 'valid', claims: first.claims });
    pass(EXPIRES_IN - 0.001);
    expect(await authenticate(core, first.token)).toEqual({ state: 'valid', claims: first.claims });
    expect(store.requests).toEqual([]);
  });

  test('a token is refreshable from the moment of its exp on, until its refresh_exp [T1]', async () => {
    pass(EXPIRES_IN);
    expect((await authenticate(core, first.token)).state).toBe('refreshable');

    clock.set(first.claims.refresh_exp * 1000 - 1);
    expect((await authenticate(core, first.token)).state).toBe('already-refreshed');

    clock.set(first.claims.refresh_exp * 1000);
    store.requests.length = 0;
    expect(await refusal(authenticate(core, first.token))).toEqual(EXPIRED);
    expect(store.requests).toEqual([]);
  });

  test('the claims are frozen, those of a refresh too: requests share them', async () => {
    pass(EXPIRES_IN);
    const answers = [await authenticate(core, first.token), await authenticate(elsewhere, first.token)];

    for (const { claims } of answers) expect(() => Object.assign(claims, { role: 'owner' })).toThrow(TypeError);
  });

  describe('with refresh: false', () => {
    test('passes a valid token', async () => {
      expect(await authenticate(core, first.token, { expired: 'reject' })).toEqual({
        state: 'valid',
        claims: first.claims,
      });
    });

    test('refuses an expired one without asking the store, and it stays refreshable', async () => {
      pass(EXPIRES_IN);

      expect(await refusal(authenticate(core, first.token, { expired: 'reject' }))).toEqual(EXPIRED);
      expect(store.requests).toEqual([]);
      expect((await authenticate(core, first.token)).state).toBe('refreshable');
    });

    test('refuses one that was refreshed, and hands no successor over', async () => {
      pass(EXPIRES_IN);
      await authenticate(core, first.token);
      store.requests.length = 0;

      expect(await refusal(authenticate(core, first.token, { expired: 'reject' }))).toEqual(EXPIRED);
      expect(store.requests).toEqual([]);
    });
  });

  // In the recipe the handler for bad signatures stood in front of the one for expiry, and swallowed it.
  describe('tells an expired token from a forged one', () => {
    test.each([
      ['expired', EXPIRES_IN],
      ['past its refresh window', REFRESH_WINDOW],
      ['past the end of its session', SESSION_LIFETIME],
    ])('%s, with another signature: invalid, and the store is not asked [V16]', async (_, age) => {
      pass(age);

      expect(await refusal(authenticate(core, flipBit(first.token)))).toEqual(FORGED);
      expect(store.requests).toEqual([]);
    });

    test('expired, with a good signature: refreshed', async () => {
      pass(EXPIRES_IN);

      expect((await authenticate(core, first.token)).state).toBe('refreshable');
    });

    test.each([
      [REFRESH_WINDOW, EXPIRED],
      [SESSION_LIFETIME, SESSION_EXPIRED],
    ])('%i seconds old, with a good signature: expired, not invalid', async (age, expected) => {
      pass(age);

      expect(await refusal(authenticate(core, first.token))).toEqual(expected);
    });

    test.each([{ issuer: 'us' }, { audience: 'us' }])(
      'expired, for somebody else: invalid under %j [V15]',
      async (parties) => {
        const strict = makeCore(parties, { store, clock });
        pass(EXPIRES_IN);

        expect(await refusal(authenticate(strict, first.token))).toEqual(FORGED);
        expect(store.requests).toEqual([]);
      },
    );
  });
});

describe('When several reasons apply', () => {
  const revoke = () => core.revocations.revokeSession(first.claims.sid);

  test.each<[string, () => string, object]>([
    ['malformed before invalid', () => `${flipBit(first.token)}=`, malformed('not three base64url segments')],
    [
      'an extension before a wrong algorithm',
      () => resign({}, { alg: 'HS512', crit: ['exp'] }),
      malformed('the header has crit'),
    ],
    ['a bad signature before all that time and state say', () => flipBit(first.token), FORGED],
    ['a missing claim', () => resign({ sub: '' }), invalid('claim sub is not a non-empty string')],
    ['signed in the future', () => resign({ iat: first.claims.iat + 86_400 }), invalid('iat or nbf is in the future')],
    ['the end of the session before that of the token', () => first.token, SESSION_EXPIRED],
  ])('%s, before session_expired and session_revoked', async (_, token, expected) => {
    await revoke();
    pass(SESSION_LIFETIME);

    const presented = token();
    expect(await refusal(authenticate(core, presented))).toEqual(expected);
    expect(await inspect(presented)).toEqual({ state: 'dead', reason: Reflect.get(expected, 'code') });
  });

  test('token_expired before session_revoked', async () => {
    pass(REFRESH_WINDOW);
    await revoke();

    expect(await refusal(authenticate(core, first.token))).toEqual(EXPIRED);
    expect(await inspect(first.token)).toEqual({ state: 'dead', reason: 'token_expired' });
  });

  test('session_revoked before anything that the store could say', async () => {
    await revoke();
    pass(EXPIRES_IN);

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
    expect(store.requests).toEqual([]);
  });
});

describe('inspect', () => {
  test('a valid token, without asking the store', async () => {
    expect(await inspect(first.token)).toEqual({ state: 'valid', claims: first.claims });
    expect(store.requests).toEqual([]);
  });

  test('a refreshable token, which it leaves so', async () => {
    pass(EXPIRES_IN);

    expect(await inspect(first.token)).toEqual({ state: 'refreshable', claims: first.claims });
    expect(await inspect(first.token)).toEqual({ state: 'refreshable', claims: first.claims });
    expect((await authenticate(core, first.token)).state).toBe('refreshable');
  });

  test.each(['is valid', 'has itself expired'])(
    'a superseded token whose successor %s: its own claims, no successor',
    async (successor) => {
      pass(EXPIRES_IN);
      await authenticate(elsewhere, first.token);
      if (successor !== 'is valid') pass(EXPIRES_IN);

      expect(await inspect(first.token)).toEqual({ state: 'already-refreshed', claims: first.claims });
    },
  );

  test('never writes: no candidate, whatever the state', async () => {
    await inspect(first.token);
    pass(EXPIRES_IN);
    await inspect(first.token);
    await authenticate(elsewhere, first.token);
    store.requests.length = 0;
    await inspect(first.token);
    pass(EXPIRES_IN);
    await inspect(first.token);
    pass(SESSION_LIFETIME);
    await inspect(first.token);

    expect(store.requests).toEqual([
      { ...sessionOf(first.claims), tracked: false, generation: 0 },
      { ...sessionOf(first.claims), tracked: false, generation: 0 },
    ]);
    expect(store.revocations).toEqual([]);
  });

  test.each<[string, () => string | Promise<string>, string]>([
    ['garbage', () => 'garbage', 'token_malformed'],
    ['a forged token', () => flipBit(first.token), 'token_invalid'],
    ['a token signed in the future', () => resign({ nbf: first.claims.iat + 1 }), 'token_invalid'],
    [
      'a token past its refresh window',
      () => {
        pass(REFRESH_WINDOW);
        return first.token;
      },
      'token_expired',
    ],
    [
      'a token past the end of its session',
      () => {
        pass(SESSION_LIFETIME);
        return first.token;
      },
      'session_expired',
    ],
    [
      'a token of a session that was ended here',
      async () => {
        await core.revocations.revokeSession(first.claims.sid);
        return first.token;
      },
      'session_revoked',
    ],
    [
      'an expired token of a session that was ended elsewhere',
      async () => {
        await elsewhere.revocations.revokeSession(first.claims.sid);
        pass(EXPIRES_IN);
        return first.token;
      },
      'session_revoked',
    ],
  ])('%s: dead, with the reason and without claims', async (_, token, reason) => {
    expect(await inspect(await token())).toEqual({ state: 'dead', reason });
  });

  test('with the store out: tells what can be told without it, and throws otherwise', async () => {
    store.rotate = () => Promise.reject(new Error('connection lost'));

    expect((await inspect(first.token)).state).toBe('valid');
    expect((await inspect('garbage')).state).toBe('dead');
    pass(EXPIRES_IN);
    expect(await refusal(inspect(first.token))).toEqual({
      code: 'store_unavailable',
      statusCode: 503,
      message: 'The session store is unavailable, try again',
      detail: 'connection lost',
    });
    core.revocations.learn(first.claims.sid);
    expect(await inspect(first.token)).toEqual({ state: 'dead', reason: 'session_revoked' });
    pass(REFRESH_WINDOW);
    expect((await inspect(first.token)).state).toBe('dead');
  });
});

describe('liveSession', () => {
  const live = (token: string): string | undefined => core.authenticator.liveSession(token)?.sid;

  test('of a token that is valid, expired, superseded or revoked', async () => {
    expect(live(first.token)).toBe(first.claims.sid);
    pass(EXPIRES_IN);
    expect(live(first.token)).toBe(first.claims.sid);
    await authenticate(core, first.token);
    expect(live(first.token)).toBe(first.claims.sid);
    await core.revocations.revokeSession(first.claims.sid);
    expect(live(first.token)).toBe(first.claims.sid);
  });

  test('of none that can no longer be used, or that nobody signed', () => {
    expect(['', 'garbage', flipBit(first.token), resign({ sub: '' })].map(live)).toEqual(Array(4).fill(undefined));
    pass(REFRESH_WINDOW);
    expect(live(first.token)).toBeUndefined();
  });
});

describe('[F21] liveClaims', () => {
  const live = (token: string): number | undefined => core.authenticator.liveClaims(token)?.gen;

  test.each([0, EXPIRES_IN - 1, EXPIRES_IN, REFRESH_WINDOW - 1])('has the claims after %i s', (age) => {
    pass(age);

    expect(live(first.token)).toBe(0);
  });

  test('has the claims of a token that has a successor', async () => {
    pass(EXPIRES_IN);
    const { refreshed } = await authenticate(core, first.token);

    expect([live(first.token), live(refreshed?.token ?? '')]).toEqual([0, 1]);
  });

  test.each<[string, act: () => unknown]>([
    ['its refresh window has passed', () => pass(REFRESH_WINDOW)],
    ['its session has ended here', () => core.revocations.revokeSession(first.claims.sid)],
    ['all sessions of its user have ended here', () => core.revocations.revokeUser('1')],
  ])('has nothing once %s', async (_, act) => {
    await act();

    expect(live(first.token)).toBeUndefined();
  });

  test.each([
    ['a forged token', () => flipBit(first.token)],
    [
      'a token from the future',
      () => resign({ ...first.claims, iat: first.claims.iat + 3600, exp: first.claims.exp + 3600 }),
    ],
    ['no token', () => 'x'],
    ['nothing', () => ''],
  ])('has nothing of %s', (_, make) => {
    expect(live(make())).toBeUndefined();
  });

  test('asks the store for nothing, and tells no event', () => {
    const events = recordEvents(core);
    pass(EXPIRES_IN);

    live(first.token);
    live(flipBit(first.token));

    expect([store.requests, store.reads, store.uses, events]).toEqual([[], [], [], []]);
  });
});

describe('refreshAhead', () => {
  const ahead = (refreshAhead: number | string, options: RefreshAuthOptions = {}) =>
    makeCore({ refreshAhead, ...options }, { store, clock });

  test.each([
    [0.2, 48],
    [0.5, 30],
    [15, 45],
    ['20s', 40],
  ])('%p refreshes from the %i. second on, and not before', async (refreshAhead, moment) => {
    const refreshing = ahead(refreshAhead);
    pass(moment - 0.001);
    expect(await refreshing.refreshAhead?.refresh(first.claims)).toBeUndefined();
    expect(store.requests).toEqual([]);

    pass(0.001);
    const refreshed = await refreshing.refreshAhead?.refresh(first.claims);
    expect(refreshed?.claims).toMatchObject({ sid: first.claims.sid, gen: 1, iat: Math.floor(clock.now() / 1000) });
  });

  test('leaves a token alone for half of its life, however much longer the last part is to be', async () => {
    const refreshing = ahead('50s');
    const { token, claims } = await refreshing.signIns.start({ sub: '1' }, { limits: { expires_in: 20 } });
    pass(9.999);
    expect(await refreshing.refreshAhead?.refresh(claims)).toBeUndefined();

    pass(0.001);
    const refreshed = await refreshing.refreshAhead?.refresh(claims);
    expect(refreshed?.claims).toMatchObject({ gen: 1, exp: clock.now() / 1000 + 20 });
    expect(await refreshing.refreshAhead?.refresh(refreshed?.claims ?? claims)).toBeUndefined();
    expect((await authenticate(refreshing, token)).state).toBe('valid');
  });

  test('counts from the end that the session sets', async () => {
    const refreshing = ahead(10, { refreshWindow: 120, sessionLifetime: 120 });
    const { refreshed } = await (async () => {
      const { token } = issue(refreshing);
      pass(90);
      return authenticate(refreshing, token);
    })();
    pass(19.999);
    expect(await refreshing.refreshAhead?.refresh(refreshed?.claims ?? first.claims)).toBeUndefined();
    pass(0.001);
    expect((await refreshing.refreshAhead?.refresh(refreshed?.claims ?? first.claims))?.claims.gen).toBe(2);
  });

  test('is later by the clock tolerance, as the end of the token is', async () => {
    const refreshing = ahead(10, { clockTolerance: 5 });
    pass(54.999);
    expect(await refreshing.refreshAhead?.refresh(first.claims)).toBeUndefined();
    pass(0.001);
    expect((await refreshing.refreshAhead?.refresh(first.claims))?.claims.gen).toBe(1);
  });

  test('is off by default', async () => {
    pass(EXPIRES_IN - 1);

    expect(await core.refreshAhead?.refresh(first.claims)).toBeUndefined();
    expect(store.requests).toEqual([]);
  });

  test('gives racers one token, and leaves the presented one valid until its exp', async () => {
    pass(55);
    const processes = [ahead(10), ahead(10), ahead(10)];
    const refreshed = await Promise.all(
      [...processes, ...processes].map(async ({ refreshAhead }) => refreshAhead?.refresh(first.claims)),
    );

    expect(new Set(refreshed.map((issued) => issued?.token)).size).toBe(1);
    expect(await authenticate(core, first.token)).toEqual({ state: 'valid', claims: first.claims });
    pass(5);
    expect(await authenticate(core, first.token)).toMatchObject({
      state: 'already-refreshed',
      refreshed: refreshed[0],
    });
  });

  test('never reports reuse, however often the superseded token comes back before its exp', async () => {
    const refreshing = ahead(30, { reuseDetection: { grace: 1 } });
    const events = recordEvents(refreshing);
    pass(30);
    const refreshed = await refreshing.refreshAhead?.refresh(first.claims);
    await authenticate(refreshing, refreshed?.token ?? '');
    await refreshing.usedGenerations?.flush();

    pass(29);
    await refreshing.start();
    expect(await authenticate(refreshing, first.token)).toEqual({ state: 'valid', claims: first.claims });
    expect(await refreshing.refreshAhead?.refresh(first.claims)).toEqual(refreshed);
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
    await refreshing.stop();
  });

  test('[F8] hands over nothing from memory once a revocation may have been missed', async () => {
    const refreshing = ahead(30);
    await refreshing.start();
    pass(30);
    expect((await refreshing.refreshAhead?.refresh(first.claims))?.claims.gen).toBe(1);
    store.revocationsAfter = never;
    store.intercept(() => Promise.reject(new Error('connection lost')));
    await elsewhere.revocations.revokeSession(first.claims.sid);
    pass(5);

    expect(await refreshing.refreshAhead?.refresh(first.claims)).toBeUndefined();
    await refreshing.stop();
  });

  test.each<[string, () => unknown]>([
    ['the store fails', () => store.intercept(() => Promise.reject(new Error('connection lost')))],
    ['the session has ended', () => elsewhere.revocations.revokeSession(first.claims.sid)],
  ])('is left for later where %s', async (_, prepare) => {
    await prepare();
    pass(55);

    expect(await ahead(10).refreshAhead?.refresh(first.claims)).toBeUndefined();
  });
});

describe("onStoreFailure: 'tolerate'", () => {
  let tolerant: RefreshAuthCore;
  const lose = (): void => void (store.rotate = () => Promise.reject(new Error('connection lost')));

  beforeEach(() => {
    tolerant = makeCore({ onStoreFailure: 'tolerate' }, { store, clock });
  });

  test('a refreshable token passes with its own claims, nothing is refreshed, and an event says so', async () => {
    const events = recordEvents(tolerant);
    lose();
    pass(EXPIRES_IN);

    expect(await authenticate(tolerant, first.token)).toEqual({ state: 'refreshable', claims: first.claims });
    expect(events.map(({ type }) => type)).toContain('store-failed');
  });

  test('racers with a refreshable token have the claims of one verification', async () => {
    lose();
    pass(EXPIRES_IN);

    const [one, other] = await Promise.all([1, 2].map(() => authenticate(tolerant, first.token)));

    expect([one?.state, other?.state]).toEqual(['refreshable', 'refreshable']);
    expect(other?.claims).toBe(one?.claims);
  });

  test('one past its refresh window does not', async () => {
    lose();
    pass(REFRESH_WINDOW);

    expect(await refusal(authenticate(tolerant, first.token))).toEqual(EXPIRED);
  });

  test.each<[string, () => Promise<void>]>([
    ['session', () => tolerant.revocations.revokeSession(first.claims.sid)],
    ['user', () => tolerant.revocations.revokeUser('1')],
  ])('one whose %s is known to be revoked does not, until the end of its window', async (_, revoke) => {
    await revoke();
    lose();
    pass(EXPIRES_IN);
    expect(await refusal(authenticate(tolerant, first.token))).toEqual(REVOKED);
    clock.set(first.claims.refresh_exp * 1000 - 1);
    expect(await refusal(authenticate(tolerant, first.token))).toEqual(REVOKED);
  });

  test('one whose end is learned of while the store is waited for does not', async () => {
    pass(EXPIRES_IN);
    store.intercept(async () => {
      tolerant.revocations.learn(first.claims.sid);
      throw new Error('connection lost');
    });

    expect(await refusal(authenticate(tolerant, first.token))).toEqual(REVOKED);
  });

  test('nor does a valid one', async () => {
    const asking = makeCore({ onStoreFailure: 'tolerate', revocation: 'every-request' }, { store, clock });
    store.isRevoked = async () => {
      asking.revocations.learn(first.claims.sid);
      throw new Error('connection lost');
    };

    expect(await refusal(authenticate(asking, first.token))).toEqual(REVOKED);
  });

  test('what the store decides counts as ever', async () => {
    await elsewhere.revocations.revokeSession(first.claims.sid);
    pass(EXPIRES_IN);

    expect(await refusal(authenticate(tolerant, first.token))).toEqual(REVOKED);
  });
});

describe('Reuse detection', () => {
  const GRACE = 30;
  const REVOKE_AFTER = 300;
  const REUSED = { code: 'token_reused', statusCode: 401, message: 'The token was used again after it was refreshed' };
  let policed: RefreshAuthCore;
  let second: IssuedToken;

  /** A client has used the second token, and the first one comes back when both expiry and grace are over. */
  async function supersede(onReuse?: 'revoke' | 'reject'): Promise<void> {
    policed = makeCore({ reuseDetection: { grace: GRACE, revokeAfter: REVOKE_AFTER, onReuse } }, { store, clock });
    pass(EXPIRES_IN);
    const { refreshed } = await authenticate(policed, first.token);
    if (!refreshed) throw new Error('was not refreshed');
    second = refreshed;
  }

  async function use({ token }: IssuedToken): Promise<void> {
    await authenticate(policed, token);
    await policed.usedGenerations?.flush();
  }

  test('hands over the latest token within the grace', async () => {
    await supersede();
    await use(second);
    pass(GRACE - 0.001);

    expect(await authenticate(policed, first.token)).toMatchObject({ state: 'already-refreshed', refreshed: second });
  });

  test('hands over it for as long as nothing newer was presented: the response was lost [U2]', async () => {
    await supersede();
    pass(REFRESH_WINDOW - EXPIRES_IN - 1);

    expect((await authenticate(policed, first.token)).state).toBe('already-refreshed');
  });

  test('rejects it after the grace, and the session goes on [F22]', async () => {
    await supersede();
    await use(second);
    pass(GRACE);
    const events = recordEvents(policed);

    expect(await refusal(authenticate(policed, first.token))).toMatchObject({
      code: 'token_superseded',
      statusCode: 401,
    });

    const about = { at: clock.now(), session: sessionName(first.claims.sid), gen: 0 };
    expect(events).toEqual([
      { type: 'reuse-suspected', ...about, latest: 1 },
      { type: 'token-rejected', ...about, code: 'token_superseded' },
    ]);
    expect((await authenticate(policed, second.token)).state).toBe('valid');
    expect(store.revocations).toEqual([]);
  });

  test('judges a request by when it arrived, also beside one that arrived later [F22] [F23]', async () => {
    await supersede();
    await use(second);
    pass(GRACE + 60);

    const [late, waiting] = await Promise.allSettled([
      authenticate(policed, first.token),
      authenticate(policed, first.token, { waited: 61_000 }),
    ]);

    expect(late).toMatchObject({ reason: { code: 'token_superseded' } });
    expect(waiting).toMatchObject({ value: { state: 'already-refreshed' } });
  });

  test('hands over to a token that has just expired, even if the clock of the store is a minute ahead', async () => {
    const ahead = { now: () => clock.now() + 60_000, monotonic: () => clock.monotonic() };
    const policy = { reuseDetection: { grace: GRACE, revokeAfter: GRACE }, refreshAhead: 30 };
    policed = makeCore(policy, { store: new InMemorySessionStore(ahead), clock });
    pass(EXPIRES_IN - 30);
    const refreshed = await policed.refreshAhead?.refresh(first.claims);
    if (!refreshed) throw new Error('was not refreshed ahead');
    await use(refreshed);
    pass(31);

    expect((await authenticate(policed, first.token)).state).toBe('already-refreshed');
  });

  test('learns of a use that shares its refresh with a request that is none', async () => {
    await supersede();
    pass(EXPIRES_IN);

    await Promise.all([
      authenticate(policed, second.token, { isUse: false }),
      authenticate(policed, second.token, { isUse: true }),
    ]);
    pass(GRACE);

    expect(await refusal(authenticate(policed, first.token))).toMatchObject({ code: 'token_superseded' });
  });

  test('a token that is served without a refresh is in use by nobody, and its reuse ends nothing [F24] [F25]', async () => {
    await supersede();
    await authenticate(policed, second.token, { isUse: false });
    await policed.usedGenerations?.flush();
    pass(60);
    const serve = () => authenticate(policed, first.token, { expired: 'serve', isUse: false });
    expect(await serve()).toEqual({ state: 'already-refreshed', claims: first.claims });

    await policed.store.recordUse([{ sid: first.claims.sid, gen: 1 }], REVOKE_AFTER * 1000);
    const events = recordEvents(policed);
    pass(GRACE);
    expect(await refusal(serve())).toMatchObject({ code: 'token_superseded' });
    pass(REVOKE_AFTER);
    expect(await refusal(serve())).toMatchObject({ code: 'token_reused' });
    expect(events.filter(({ type }) => type !== 'token-rejected')).toMatchObject([
      { type: 'reuse-suspected', gen: 0, latest: 1 },
      { type: 'reuse-detected', gen: 0, latest: 1, revoked: false },
    ]);
    expect(store.revocations).toEqual([]);
  });

  test('ends the session on reuse: thief and victim alike [U1] [U3] [G2]', async () => {
    await supersede();
    await use(second);
    pass(REVOKE_AFTER);
    const events = recordEvents(policed);

    const refused = await refusal(authenticate(policed, first.token));

    expect(refused).toEqual({ ...REUSED, message: expect.any(String) });
    expect(await refusal(authenticate(policed, second.token))).toEqual(REVOKED);
    expect(await refusal(authenticate(elsewhere, second.token))).toEqual(REVOKED);
    const about = { at: clock.now(), session: sessionName(first.claims.sid) };
    expect(events.slice(0, 3)).toEqual([
      { type: 'reuse-detected', ...about, gen: 0, latest: 1, kind: 'predecessor', revoked: true },
      { type: 'session-revoked', ...about },
      { type: 'token-rejected', ...about, gen: 0, code: 'token_reused' },
    ]);
    expect((await store.revocationsAfter(0, 0)).entries).toEqual([{ session: about.session, at: 1000 * clock.now() }]);
  });

  test("with onReuse: 'reject' refuses the one request, and the session goes on [U1]", async () => {
    await supersede('reject');
    await use(second);
    pass(REVOKE_AFTER);
    const { refreshed: third } = await authenticate(policed, second.token);
    const events = recordEvents(policed);

    expect(await refusal(authenticate(policed, first.token))).toMatchObject({ code: 'token_reused', statusCode: 401 });

    expect((await authenticate(policed, third?.token ?? '')).state).toBe('valid');
    expect(events[0]).toEqual({
      type: 'reuse-detected',
      at: clock.now(),
      session: sessionName(first.claims.sid),
      gen: 0,
      latest: 2,
      kind: 'ancestor',
      revoked: false,
    });
    expect(store.revocations).toEqual([]);
  });

  test('waits once for the store, and not again for the log that hangs [U1] [S2]', async () => {
    await supersede();
    await use(second);
    pass(REVOKE_AFTER);
    const storeTimeout = '200ms';
    const impatient = makeCore(
      { reuseDetection: { grace: GRACE, revokeAfter: REVOKE_AFTER }, storeTimeout },
      { store, clock },
    );
    const events = recordEvents(impatient);
    store.revoke = never;

    const reuse = refusal(authenticate(impatient, first.token));

    expect(await waitsOnce(reuse, storeTimeout)).toBe(true);
    expect(await reuse).toMatchObject({ code: 'token_reused' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'reuse-detected', latest: 1, revoked: true }));
    expect(await store.isRevoked(first.claims)).toBe(true);
  });

  test('inspect tells reuse, and ends nothing', async () => {
    await supersede();
    await use(second);
    pass(REVOKE_AFTER);

    expect(await policed.authenticator.inspect(first.token)).toEqual({ state: 'dead', reason: 'token_reused' });
    expect((await authenticate(policed, second.token)).state).toBe('refreshable');
    expect(store.revocations).toEqual([]);
  });

  test('whose revocation could not be told to the log: what is known here tells it', async () => {
    await supersede();
    await use(second);
    pass(REVOKE_AFTER);
    const told: Revocation[] = [];
    store.revoke = () => Promise.reject(new Error('connection lost'));
    Object.assign(store, { restoreRevocations: async (missing: Revocation[]) => told.push(...missing) });
    expect(await refusal(authenticate(policed, first.token))).toMatchObject({ code: 'token_reused' });

    await policed.start();
    await policed.stop();
    expect(told).toMatchObject([{ session: sessionName(first.claims.sid) }]);
  });
});

describe('A token that was seen before', () => {
  beforeEach(async () => {
    await core.start();
    await authenticate(core, first.token);
  });

  afterEach(() => core.stop());

  test('is answered at once, while all revocations are known here', () => {
    expect(core.authenticator.acceptKnown(first.token, true)).toEqual({ state: 'valid', claims: first.claims });
    expect(store.reads).toEqual([]);
  });

  test('is refused once its session has ended, here or elsewhere', async () => {
    await elsewhere.revocations.revokeSession(first.claims.sid);

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
  });

  test('is refused once all sessions of its user have ended', async () => {
    clock.advance(1);
    await elsewhere.revocations.revokeUser(first.claims.sub);

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
  });

  test('is refreshed once it has expired', async () => {
    pass(EXPIRES_IN);

    expect((await authenticate(core, first.token)).state).toBe('refreshable');
  });

  test('is from the future when the clock goes back by more than a minute, and valid again when it has caught up [F20]', async () => {
    pass(-60.001);
    expect(await refusal(authenticate(core, first.token))).toEqual(invalid('iat or nbf is in the future'));

    pass(0.001);
    expect((await authenticate(core, first.token)).state).toBe('valid');
  });

  test.each<[string, (now: number) => object]>([
    ['nbf', (now) => ({ nbf: now + 30 })],
    ['iat', (now) => ({ iat: now + 120, exp: now + 180 })],
  ])('is rejected for an %s in the future as often as it comes', async (_, claims) => {
    const token = resign(claims(first.claims.iat));

    const answers = [await refusal(authenticate(core, token)), await refusal(authenticate(core, token))];

    expect(answers).toEqual([invalid('iat or nbf is in the future'), invalid('iat or nbf is in the future')]);
  });
});
