import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { TestClock } from '../../../../test/support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents, refusal } from '../../../../test/support/core.js';
import { type InterceptedStore, interceptedStore } from '../../../../test/support/intercepted-store.js';
import { WatchedLogger } from '../../../../test/support/watched-logger.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { RefreshAuthOptions } from '../options/refresh-auth-options.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { ReloadClaims } from './claims-reloader.js';
import { sessionName } from '../tokens/session-id.js';

const REVOKED = { code: 'session_revoked', statusCode: 401, message: 'The session was revoked' };
const failed = {
  code: 'reload_failed',
  statusCode: 503,
  message: 'The claims could not be reloaded, try again',
  detail: 'reloadClaims failed: the log says why',
};
const LOGGED = 'error reloadClaims failed, so the token was not refreshed (503 reload_failed): ';

let clock: TestClock;
let store: InterceptedStore;
let asked: TokenClaims[];
let logger: WatchedLogger;

beforeEach(() => {
  logger = new WatchedLogger();
  Logger.overrideLogger(logger);
  clock = new TestClock();
  store = interceptedStore(clock);
  asked = [];
});

afterEach(() => Logger.overrideLogger(new ConsoleLogger()));

function raise(): never {
  throw new Error('looked at');
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function coreWith(reload: ReloadClaims, options: RefreshAuthOptions = {}): RefreshAuthCore {
  const reloadClaims: ReloadClaims = (claims: TokenClaims) => {
    asked.push(claims);
    return reload(claims);
  };
  return makeCore({ reloadClaims, ...options }, { store, clock });
}

const promoted = (claims: TokenClaims): object => ({ sub: claims.sub, role: 'owner' });
const expire = (): void => clock.advance(EXPIRES_IN * 1000);

/** A token that has expired by now. */
function expired(core: RefreshAuthCore): IssuedToken {
  const issued = issue(core, { sub: '1', role: 'admin', department: 'x' });
  expire();
  return issued;
}

describe('reloadClaims [R9]', () => {
  test('what it returns replaces the application’s claims, on the very request that refreshed', async () => {
    const core = coreWith(promoted);
    const first = expired(core);

    const { state, claims, refreshed } = await authenticate(core, first.token);

    const { department: _, ...kept } = first.claims as TokenClaims & { department: string };
    expect(state).toBe('refreshable');
    expect(claims).toEqual({
      ...kept,
      role: 'owner',
      gen: 1,
      jti: expect.not.stringMatching(first.claims.jti),
      iat: clock.now() / 1000,
      exp: clock.now() / 1000 + EXPIRES_IN,
      refresh_exp: expect.any(Number),
    });
    expect(await authenticate(core, refreshed?.token ?? '')).toEqual({ state: 'valid', claims });
    expect(asked).toEqual([first.claims]);
  });

  test('is asked only once the presented generation is known to be the latest token, and never at sign-in or for valid tokens', async () => {
    const core = coreWith(promoted);
    const first = issue(core);
    await authenticate(core, first.token);
    expect(asked).toEqual([]);

    expire();
    const { refreshed } = await authenticate(core, first.token);
    expect(store.requests.map(({ generation, candidate }) => [generation, candidate !== undefined])).toEqual([
      [0, false],
      [0, true],
    ]);

    const handedOver = await authenticate(makeCore({}, { store, clock }), first.token);
    expect(handedOver).toMatchObject({ state: 'already-refreshed', refreshed });
    expect(await authenticate(coreWith(promoted), first.token)).toMatchObject({
      state: 'already-refreshed',
      refreshed,
    });
    expect(asked).toHaveLength(1);
  });

  test('is asked with the claims of the latest token where that has expired too', async () => {
    const core = coreWith(promoted);
    const first = expired(core);
    const { refreshed: second } = await authenticate(core, first.token);
    expire();

    const { state, claims } = await authenticate(core, first.token);

    expect([state, claims.gen]).toEqual(['already-refreshed', 2]);
    expect(asked).toEqual([first.claims, second?.claims]);
  });

  test('racers get what the winner published, whatever they were told themselves', async () => {
    const first = expired(coreWith(promoted));
    const cores = Array.from({ length: 4 }, (_, index) => coreWith(() => ({ sub: '1', from: index })));

    const answers = await Promise.all(cores.map((core) => authenticate(core, first.token)));

    const winner = answers.findIndex(({ state }) => state === 'refreshable');
    expect(answers.map(({ state }) => state)).toEqual(
      answers.map((_, index) => (index === winner ? 'refreshable' : 'already-refreshed')),
    );
    expect(new Set(answers.map(({ refreshed }) => refreshed?.token)).size).toBe(1);
    for (const { claims } of answers) expect(claims).toMatchObject({ from: winner });
  });

  test('null ends the session, everywhere', async () => {
    const core = coreWith(async () => null);
    const events = recordEvents(core);
    const first = expired(core);

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);

    expect(await store.isRevoked(first.claims)).toBe(true);
    expect((await store.revocationsAfter(0, 0)).entries).toEqual([
      { session: sessionName(first.claims.sid), at: 1000 * clock.now() },
    ]);
    expect(await refusal(authenticate(makeCore({}, { store, clock }), first.token))).toEqual(REVOKED);
    const session = sessionName(first.claims.sid);
    expect(events).toEqual([
      { type: 'session-revoked', at: clock.now(), session },
      { type: 'token-rejected', at: clock.now(), code: 'session_revoked', session, gen: 0 },
    ]);
  });

  const cycle: { sub: string; self?: unknown } = { sub: '1' };
  cycle.self = cycle;

  const NO_OBJECT = 'return the claims to sign, or null to end the session';

  describe.each<[string, ReloadClaims, string]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
      'no database',
    ],
    ['rejects', () => Promise.reject(new RangeError('no database')), 'no database'],
    ['throws text', () => Promise.reject('no database'), "it threw 'no database'"],
    ['throws undefined', () => Promise.reject(undefined), 'it threw undefined'],
    ['throws null', () => Promise.reject(null), 'it threw null'],
    ['throws an object', () => Promise.reject({ password: 'hidden' }), 'it threw an object'],
    ['returns nothing', () => undefined as unknown as null, `it returned undefined: ${NO_OBJECT}`],
    ['returns false', () => false as unknown as null, `it returned a boolean: ${NO_OBJECT}`],
    ['returns 0', () => 0 as unknown as null, `it returned a number: ${NO_OBJECT}`],
    ['returns text', () => 'hidden' as unknown as null, `it returned a string: ${NO_OBJECT}`],
    ['returns empty text', () => '' as unknown as null, `it returned a string: ${NO_OBJECT}`],
    ['returns a list', () => ['1'], `it returned a list: ${NO_OBJECT}`],
    ['returns a date', () => new Date(0), 'Claims must be a JSON object, such as { sub: "1" }'],
    [
      'returns no sub',
      () => ({ role: 'admin' }),
      'Claim `sub` must be a non-empty string: the id of the user who signs in',
    ],
    ['returns another sub', () => ({ sub: '2' }), 'Claim `sub` has changed: return the one that it was given'],
    [
      'returns a reserved claim',
      () => ({ sub: '1', exp: 9_999_999_999 }),
      'Claim `exp` is reserved: leave it out, or return it unchanged',
    ],
    ['returns a cycle', () => cycle, 'Claims must be plain JSON values, without cycles and BigInts'],
    ['returns a BigInt', () => ({ sub: '1', big: 1n }), 'Claims must be plain JSON values, without cycles and BigInts'],
  ])('[F39] that %s', (_, reload, reason) => {
    test.each(['reject', 'tolerate'] as const)(
      'issues nothing: 503, the client keeps its token, and the log says why, under %s',
      async (onStoreFailure) => {
        let isBroken = true;
        const core = coreWith((claims: TokenClaims) => (isBroken ? reload(claims) : promoted(claims)), {
          onStoreFailure,
        });
        const events = recordEvents(core);
        const first = expired(core);

        // More often than a store may fail before requests stop waiting for it.
        for (let times = 0; times < 5; times++) expect(await refusal(authenticate(core, first.token))).toEqual(failed);
        expect(store.requests.filter(({ candidate }) => candidate)).toEqual([]);
        expect(store.revocations).toEqual([]);
        const { type, code, detail } = events[0] as { type: string; code?: string; detail?: string };
        expect([type, code, detail]).toEqual(['token-rejected', 'reload_failed', failed.detail]);
        expect(new Set(events.map((event) => event.type))).toEqual(new Set(['token-rejected']));
        expect(await core.storeFailure()).toBeUndefined();
        expect(logger.lines).toHaveLength(5);
        expect(logger.lines[0]?.split('\n')[0]?.startsWith(`${LOGGED}${reason}`)).toBe(true);
        // Where it came from: the stack.
        expect(logger.lines[0]).toMatch(/\n +at .* RefreshAuthModule$/s);
        expect(logger.lines.join()).not.toContain('hidden');

        isBroken = false;
        expect(await authenticate(core, first.token)).toMatchObject({
          state: 'refreshable',
          claims: { role: 'owner' },
        });
        expect(logger.lines).toHaveLength(5);
      },
    );
  });

  test('[F39] that fails is logged once for all requests that share the refresh, and answers each of them', async () => {
    const core = coreWith(() => Promise.reject(new Error('no database')));
    const first = expired(core);

    const refusals = await Promise.all(Array.from({ length: 10 }, () => refusal(authenticate(core, first.token))));

    expect(refusals).toEqual(refusals.map(() => failed));
    expect([asked.length, logger.lines.length]).toEqual([1, 1]);
  });

  test('[F39] that fails ahead of time costs the request nothing, and is logged', async () => {
    const core = coreWith(() => Promise.reject(new Error('no database')), { refreshAhead: 30 });
    const first = issue(core);
    clock.advance(45_000);

    expect(await core.refreshAhead?.refresh(first.claims)).toBeUndefined();

    expect(logger.lines).toEqual([expect.stringContaining(`${LOGGED}no database`)]);
  });

  describe('[F39] reserved claims', () => {
    const parties = { issuer: 'https://auth.example', audience: 'api' };
    const limits = { expires_in: 50, refresh_window: 500, session_lifetime: 3000 };

    async function expiredWithAll(core: RefreshAuthCore): Promise<IssuedToken> {
      const issued = await core.signIns.start({ sub: '1', role: 'admin' }, { limits });
      expire();
      return issued;
    }

    test('that come back unchanged are accepted, and set anew', async () => {
      const core = coreWith((claims: TokenClaims) => ({ ...claims, role: 'owner' }), parties);
      const first = await expiredWithAll(core);

      const { state, claims } = await authenticate(core, first.token);

      expect(Object.keys(first.claims)).toEqual(expect.arrayContaining(['iss', 'aud', 'expires_in', 'refresh_window']));
      expect({ state, claims }).toEqual({
        state: 'refreshable',
        claims: {
          ...first.claims,
          role: 'owner',
          gen: 1,
          jti: expect.not.stringMatching(first.claims.jti),
          iat: clock.now() / 1000,
          exp: clock.now() / 1000 + limits.expires_in,
          refresh_exp: clock.now() / 1000 + limits.refresh_window,
        },
      });
      expect(logger.lines).toEqual([]);
    });

    test.each([
      ['sid', 'another'],
      ['gen', 7],
      ['gen', '0'],
      ['jti', null],
      ['rev', 1],
      ['auth_time', 1],
      ['iat', 1],
      ['exp', 1],
      ['nbf', 1],
      ['refresh_exp', 1],
      ['expires_in', 1],
      ['refresh_window', 1],
      ['session_lifetime', 1],
      ['iss', 'other'],
      ['aud', ['api']],
    ])('such as %s, that come back changed, to %j, are an error that names them', async (name, value) => {
      const core = coreWith((claims: TokenClaims) => ({ ...claims, [name]: value }), parties);
      const first = await expiredWithAll(core);

      expect(await refusal(authenticate(core, first.token))).toEqual(failed);
      expect(logger.lines).toEqual([
        expect.stringContaining(`${LOGGED}Claim \`${name}\` is reserved: leave it out, or return it unchanged`),
      ]);
    });
  });

  test('[F39] claims that make a token too long to deliver are no fault of the store', async () => {
    const core = coreWith(() => ({ sub: '1', notes: 'x'.repeat(9000) }), { delivery: { cookie: false } });
    const first = expired(core);

    expect(await refusal(authenticate(core, first.token))).toMatchObject({
      code: 'reload_failed',
      detail: expect.stringMatching(/^the next token has \d+ bytes, of at most 8192$/),
    });
  });

  test.each<[string, unknown]>([
    ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: () => raise() })],
    ['an error whose stack throws', Object.defineProperty(new Error('x'), 'stack', { get: () => raise() })],
    ['an error whose message is a symbol', Object.assign(new Error('x'), { message: Symbol('x') })],
    ['what throws when it is looked at', new Proxy({}, { getPrototypeOf: () => raise() })],
    ['what has been revoked', revoked()],
  ])('[F39] that throws %s is answered and logged all the same', async (_, thrown) => {
    const core = coreWith(() => Promise.reject(thrown));
    const first = expired(core);

    expect(await refusal(authenticate(core, first.token))).toEqual(failed);
    expect(logger.lines).toEqual([expect.stringContaining(`${LOGGED}it threw something that cannot be read`)]);
  });

  test('cannot change what it was given', async () => {
    const core = coreWith((claims: object) => Object.assign(claims, { role: 'owner' }));
    const first = expired(core);

    expect(await refusal(authenticate(core, first.token))).toEqual(failed);
  });

  describe('that hangs', () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    });
    afterEach(() => {
      jest.useRealTimers();
    });

    test.each([
      [undefined, 2000],
      ['300ms', 300],
    ])('with reloadTimeout %p is given up after %i ms: 503, nothing issued', async (reloadTimeout, limit) => {
      const core = coreWith(() => new Promise(() => undefined), { reloadTimeout });
      const first = expired(core);
      let outcome: object | undefined;
      const attempt = refusal(authenticate(core, first.token)).then((refused) => (outcome = refused));

      await jest.advanceTimersByTimeAsync(limit - 1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(outcome).toBeUndefined();
      await jest.advanceTimersByTimeAsync(1);
      await new Promise((resolve) => setImmediate(resolve));
      await attempt;

      expect(outcome).toEqual(failed);
      expect(logger.lines).toEqual([expect.stringContaining(`${LOGGED}no answer within reloadTimeout`)]);
      expect(store.requests.filter(({ candidate }) => candidate)).toEqual([]);
    });

    test('for longer than storeTimeout, and then answers, refreshes: its time is not the store’s', async () => {
      jest.useFakeTimers({ doNotFake: ['setImmediate'] });
      const core = coreWith(
        (claims: TokenClaims) => new Promise((resolve) => setTimeout(() => resolve(promoted(claims)), 1500)),
        { storeTimeout: '500ms' },
      );
      const first = expired(core);
      const attempt = authenticate(core, first.token);

      await jest.advanceTimersByTimeAsync(1500);

      expect(await attempt).toMatchObject({ state: 'refreshable', claims: { role: 'owner' } });
    });
  });
});
