import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents, refusal } from '../../../../test/support/core.js';
import { InterceptedStore } from '../../../../test/support/intercepted-store.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { RefreshAuthOptions } from '../refresh-auth.options.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { ReloadClaims } from './claims-reloader.js';
import { hashed } from './hashed.js';

const REVOKED = { code: 'session_revoked', statusCode: 401, message: 'The session was revoked' };
const failed = {
  code: 'store_unavailable',
  statusCode: 503,
  message: 'The session store is unavailable, try again',
  detail: 'reloadClaims gave no claims within reloadTimeout',
};

let clock: TestClock;
let store: InterceptedStore;
let asked: TokenClaims[];

beforeEach(() => {
  clock = new TestClock();
  store = new InterceptedStore(clock);
  asked = [];
});

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
  test('what it returns replaces the application’s claims, on the very request that renewed', async () => {
    const core = coreWith(promoted);
    const first = expired(core);

    const { state, claims, renewed } = await authenticate(core, first.token);

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
    expect(await authenticate(core, renewed?.token ?? '')).toEqual({ state: 'valid', claims });
    expect(asked).toEqual([first.claims]);
  });

  test('is asked only once the presented generation is known to be the head, and never at sign-in or for valid tokens', async () => {
    const core = coreWith(promoted);
    const first = issue(core);
    await authenticate(core, first.token);
    expect(asked).toEqual([]);

    expire();
    const { renewed } = await authenticate(core, first.token);
    expect(store.requests.map(({ generation, candidate }) => [generation, candidate !== undefined])).toEqual([
      [0, false],
      [0, true],
    ]);

    const replayed = await authenticate(makeCore({}, { store, clock }), first.token);
    expect(replayed).toMatchObject({ state: 'already-refreshed', renewed });
    expect(await authenticate(coreWith(promoted), first.token)).toMatchObject({ state: 'already-refreshed', renewed });
    expect(asked).toHaveLength(1);
  });

  test('is asked with the claims of the head where that has expired too', async () => {
    const core = coreWith(promoted);
    const first = expired(core);
    const { renewed: second } = await authenticate(core, first.token);
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
    expect(new Set(answers.map(({ renewed }) => renewed?.token)).size).toBe(1);
    for (const { claims } of answers) expect(claims).toMatchObject({ from: winner });
  });

  test('null ends the session, everywhere', async () => {
    const core = coreWith(async () => null);
    const events = recordEvents(core);
    const first = expired(core);

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);

    expect(await store.isRevoked(first.claims.sid)).toBe(true);
    expect((await store.revocationsSince(0)).entries).toEqual([{ session: hashed(first.claims.sid), at: clock.now() }]);
    expect(await refusal(authenticate(makeCore({}, { store, clock }), first.token))).toEqual(REVOKED);
    const session = hashed(first.claims.sid);
    expect(events).toEqual([
      { type: 'session-revoked', at: clock.now(), session },
      { type: 'token-refused', at: clock.now(), code: 'session_revoked', session, gen: 0 },
    ]);
  });

  const cycle: { sub: string; self?: unknown } = { sub: '1' };
  cycle.self = cycle;

  describe.each<[string, ReloadClaims]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
    ['throws what is no error', () => Promise.reject('no database')],
    ['returns nothing', () => undefined as unknown as null],
    ['returns a list', () => ['1']],
    ['returns no sub', () => ({ role: 'admin' })],
    ['returns another sub', () => ({ sub: '2' })],
    ['returns a reserved claim', () => ({ sub: '1', exp: 9_999_999_999 })],
    ['returns a cycle', () => cycle],
    ['returns a BigInt', () => ({ sub: '1', big: 1n })],
  ])('that %s', (_, reload) => {
    test.each(['reject', 'tolerate'] as const)(
      'issues nothing: 503, and the client keeps its token, under %s',
      async (onStoreFailure) => {
        let isBroken = true;
        const core = coreWith((claims: TokenClaims) => (isBroken ? reload(claims) : promoted(claims)), {
          onStoreFailure,
        });
        const events = recordEvents(core);
        const first = expired(core);

        expect(await refusal(authenticate(core, first.token))).toEqual(failed);
        expect(store.requests.filter(({ candidate }) => candidate)).toEqual([]);
        expect(store.revocations).toEqual([]);
        expect(events.map(({ type }) => type)).toEqual(['token-refused']);

        isBroken = false;
        expect(await authenticate(core, first.token)).toMatchObject({
          state: 'refreshable',
          claims: { role: 'owner' },
        });
      },
    );
  });

  test('cannot change what it was given', async () => {
    const core = coreWith((claims: object) => Object.assign(claims, { role: 'owner' }));
    const first = expired(core);

    expect(await refusal(authenticate(core, first.token))).toMatchObject({ code: 'store_unavailable' });
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
      [300, 300],
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
      expect(store.requests.filter(({ candidate }) => candidate)).toEqual([]);
    });

    test('for longer than storeTimeout, and then answers, renews: its time is not the store’s', async () => {
      jest.useFakeTimers({ doNotFake: ['setImmediate'] });
      const core = coreWith(
        (claims: TokenClaims) => new Promise((resolve) => setTimeout(() => resolve(promoted(claims)), 1500)),
        { storeTimeout: 500 },
      );
      const first = expired(core);
      const attempt = authenticate(core, first.token);

      await jest.advanceTimersByTimeAsync(1500);

      expect(await attempt).toMatchObject({ state: 'refreshable', claims: { role: 'owner' } });
    });
  });
});
