import { beforeEach, describe, expect, test } from '@jest/globals';
import { MINUTE } from '../../../../test/support/aged-tokens.js';
import { TestClock } from '../../../../test/support/clock.js';
import {
  authenticate,
  EXPIRES_IN,
  makeCore,
  never,
  recordEvents,
  REFRESH_WINDOW,
  refusal,
  SESSION_LIFETIME,
  waitsOnce,
  setUp,
} from '../../../../test/support/core.js';
import type { InterceptedStore } from '../../../../test/support/intercepted-store.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import { type IssueOptions, readIssueOptions } from '../options/issue-options.js';
import type { RefreshAuthOptions } from '../options/refresh-auth-options.js';
import type { IssuedToken } from '../tokens/claims.js';
import { wrapStore } from '../testing/wrap-store.js';

const BEFORE = { sid: 'the session before', exp: 0, refresh_exp: 0 };

let clock: TestClock;
let store: InterceptedStore;
let core: RefreshAuthCore;

beforeEach(() => {
  ({ clock, store, core } = setUp());
});

const start = (options: IssueOptions = {}, claims: object = { sub: '1' }, by = core) =>
  by.signIns.start(claims, readIssueOptions('signIn', options, by.settings.lifetimes));
const seconds = (): number => clock.now() / 1000;

describe('a sign-in', () => {
  test('reads the user’s cutoff, and nothing else', async () => {
    const { claims } = await start();

    expect(claims).toMatchObject({ sub: '1', gen: 0, rev: 0, auth_time: seconds() });
    expect(store.reads).toEqual([{ sub: '1' }]);
    expect([store.requests, store.revocations, store.uses]).toEqual([[], [], []]);
  });

  test('after all sessions were ended begins one that goes on, those before have ended [L5]', async () => {
    const before = await start();
    await core.revocations.revokeUser('1');
    const after = await start();

    expect(after.claims.rev).toBe(clock.now());
    expect(await refusal(authenticate(core, before.token))).toMatchObject({ code: 'session_revoked' });
    expect(await authenticate(core, after.token)).toEqual({ state: 'valid', claims: after.claims });

    await core.revocations.revokeUser('1');
    expect(await refusal(authenticate(core, after.token))).toMatchObject({ code: 'session_revoked' });
  });

  test.each<[string, RefreshAuthOptions, (endAll: () => Promise<void>) => void]>([
    [
      'while the record of a tracked session begins',
      { sessions: 'tracked' },
      (endAll) =>
        store.intercept(async (ask) => {
          const answer = await ask();
          await endAll();
          return answer;
        }),
    ],
    [
      'while the session that it replaces is ended',
      {},
      (endAll) => {
        const revoke = store.revoke.bind(store);
        store.revoke = (...session) => endAll().then(() => revoke(...session));
      },
    ],
  ])('[F28] fails where all sessions of the user are ended %s', async (_, options, prepare) => {
    const racing = makeCore(options, { store, clock });
    prepare(() => racing.revocations.revokeUser('1'));
    const ended = racing.signIns.start({ sub: '1' }, {}, { replaced: [BEFORE] });

    expect(await refusal(ended)).toEqual({
      code: 'session_revoked',
      statusCode: 401,
      message: 'The session was revoked',
    });
  });

  test('ends the sessions that it replaces, once the client was handed the new one', async () => {
    const received: IssuedToken[] = [];
    const replaced = [BEFORE];
    const gone = (): void => {
      throw new Error('the response has gone');
    };

    await expect(core.signIns.start({ sub: '1' }, {}, { receive: gone, replaced })).rejects.toThrow('gone');
    expect(store.revocations).toEqual([]);

    const issued = await core.signIns.start({ sub: '1' }, {}, { receive: (first) => received.push(first), replaced });
    expect(received).toEqual([issued]);
    expect(store.revocations).toMatchObject([{ sid: 'the session before' }]);
  });

  test('waits once for a store that hangs, for the session that it replaces too [S2]', async () => {
    const storeTimeout = '200ms';
    const impatient = makeCore({ storeTimeout }, { store, clock });
    store.userCutoff = never;
    store.revoke = never;

    const signIn = impatient.signIns.start({ sub: '1' }, {}, { replaced: [BEFORE] });

    expect(await waitsOnce(signIn, storeTimeout)).toBe(true);
    expect((await signIn).claims.sub).toBe('1');
  });

  test('of a tracked session waits once for a store that hangs [S2]', async () => {
    const storeTimeout = '200ms';
    const impatient = makeCore({ storeTimeout, sessions: 'tracked' }, { store, clock });
    store.rotate = never;

    const signIn = refusal(impatient.signIns.start({ sub: '1' }, {}));

    expect(await waitsOnce(signIn, storeTimeout)).toBe(true);
    expect(await signIn).toMatchObject({ code: 'store_unavailable' });
  });

  test('while the store is down begins one that goes on, even if the clock is behind the cutoff that ended those before [L5]', async () => {
    await core.revocations.revokeUser('1');
    store.userCutoff = () => Promise.reject(new Error('connection lost'));
    clock.set(clock.now() - 5_000);

    const { token, claims } = await start();

    expect(await authenticate(core, token)).toEqual({ state: 'valid', claims });
  });

  test('that races the end of all sessions is before or after it, and nothing between [L5]', async () => {
    const races = Array.from({ length: 50 }, async (_, index) =>
      index % 5 === 4 ? core.revocations.revokeUser('1') : (await start()).claims.rev,
    );
    const revs = (await Promise.all(races)).filter((rev) => rev !== undefined);
    const { time: cutoff = 0 } = (await store.userCutoff('1')) ?? {};

    const elsewhere = makeCore({ revocation: 'every-request' }, { store, clock });
    for (const rev of revs) {
      const { token } = elsewhere.signer.first({ sub: '1' }, rev);
      const outcome = await authenticate(elsewhere, token).then(
        () => 'valid',
        () => 'revoked',
      );
      expect(outcome).toBe(rev < cutoff ? 'revoked' : 'valid');
    }
  });

  describe('[F20] while the store is down', () => {
    const LEEWAY = 60_000;
    const out = () => Promise.reject(new Error('connection lost'));

    /** A process that has read the log, and cannot reach the store from then on. */
    async function cutOff(by: TestClock, options: RefreshAuthOptions = {}): Promise<RefreshAuthCore> {
      const way = wrapStore(store, {});
      const process = makeCore(options, { store: way, clock: by });
      await process.start();
      Object.assign(way, { userCutoff: out, revocationsAfter: out });
      return process;
    }

    const isLive = async (token: string): Promise<boolean> => {
      const strict = makeCore({ revocation: 'every-request' }, { store, clock });
      return (await strict.authenticator.inspect(token)).state !== 'dead';
    };

    test('begins at a whole millisecond, although a monotonic clock has parts of one', async () => {
      class FineClock extends TestClock {
        #reads = 0;

        override monotonic(): number {
          return super.monotonic() + 0.001 * ++this.#reads;
        }
      }
      const process = await cutOff(new FineClock(clock.now()));

      const { token, claims } = await start({}, { sub: '1' }, process);

      expect(claims.rev).toBe(clock.now());
      expect(await isLive(token)).toBe(true);
      await process.stop();
    });

    test.each([0, 1, 5_000, 30_000, -1, -5_000, -30_000])(
      'is before every end of all sessions that comes later, and after every one that came before, with a clock %d ms off',
      async (off) => {
        const own = new TestClock(clock.now() + off);
        const process = await cutOff(own);
        for (const one of [clock, own]) one.advance(MINUTE);
        await core.revocations.revokeUser('1');
        for (const one of [clock, own]) one.advance(1);
        const { token } = await start({}, { sub: '1' }, process);

        expect(await isLive(token)).toBe(true);
        clock.advance(1);
        await core.revocations.revokeUser('1');
        expect(await isLive(token)).toBe(false);
        await process.stop();
      },
    );

    test('begins at a whole millisecond, although monotonic time has fractions', async () => {
      const own = new TestClock();
      const process = await cutOff(own);
      own.advance(0.7);
      const { token, claims } = await start({}, { sub: '1' }, process);

      expect(await authenticate(process, token)).toEqual({ state: 'valid', claims });
      await process.stop();
    });

    test.each([
      ['ahead by all that is allowed', LEEWAY, {}],
      ['ahead by the tolerance', 300_000, { clockTolerance: 300 }],
      ['not ahead', 0, {}],
    ])(
      'before the log was ever read is before every end that comes later, with a clock %s',
      async (_, off, options) => {
        const process = makeCore(options, {
          store: wrapStore(store, {}),
          clock: new TestClock(clock.now() + off),
        });
        Object.assign(process.store, { userCutoff: out });
        const events = recordEvents(process);
        const { token, claims } = await start({}, { sub: '1' }, process);
        expect(events).toEqual([{ type: 'store-failed', at: clock.now() + off, reason: 'connection lost' }]);
        expect(claims.rev).toBeLessThanOrEqual(clock.now());

        clock.advance(1);
        await core.revocations.revokeUser('1');

        expect(await isLive(token)).toBe(false);
      },
    );
  });

  test('has a copy of its claims', async () => {
    const roles = ['user'];
    const { claims } = await start({}, { sub: '1', roles });
    roles.push('admin');

    expect(claims).toMatchObject({ roles: ['user'] });
  });

  test.each([
    { sub: '' },
    { sub: '1', exp: 1 },
    { sub: '1', aud: 'x' },
    { sub: '1', rev: 9 },
    { sub: '1', refresh_window: 60 },
  ])('is refused for %j, before the store is asked', async (own) => {
    await expect(start({}, own)).rejects.toThrow(TypeError);
    expect(store.reads).toEqual([]);
  });
});

describe('[F32] a token that nobody could present', () => {
  const letters = (count: number) => ({ sub: '1', notes: 'x'.repeat(count) });

  /** The most letters with which the token has at most 8,176 bytes: 16 less than are accepted. */
  async function most(): Promise<number> {
    let count = Math.floor((8176 - (await start({}, letters(0))).token.length) * 0.75) - 3;
    while (core.signer.first(letters(count + 1), 0).token.length <= 8176) count += 1;
    return count;
  }

  test('is refused to the byte: a RangeError names its size and what to do', async () => {
    const count = await most();
    const longest = await start({}, letters(count));
    const { length } = core.signer.first(letters(count + 1), 0).token;

    expect(await authenticate(core, longest.token)).toMatchObject({ state: 'valid' });
    // With the longest generation that there can be.
    expect(core.signer.successor({ ...longest.claims, gen: 999_999_999_998 }).token.length).toBeLessThanOrEqual(8192);
    await expect(start({}, letters(count + 1))).rejects.toThrow(
      new RangeError(
        `The token has ${length} bytes, more than the limit of 8176. Tokens of more than 8192 bytes are rejected, and tokens grow by a few bytes when they are refreshed. Sign fewer claims`,
      ),
    );
  });

  test('begins no record, is handed to nobody, and ends nothing', async () => {
    const tracked = makeCore({ sessions: 'tracked' }, { store, clock });
    const received: IssuedToken[] = [];
    const receive = (issued: IssuedToken): void => void received.push(issued);

    const attempt = tracked.signIns.start(letters(9000), {}, { receive, replaced: [{ ...BEFORE, sid: 'another' }] });

    await expect(attempt).rejects.toThrow(RangeError);
    expect([store.requests, store.revocations, received]).toEqual([[], [], []]);
  });
});

describe('limits of a session', () => {
  test.each<[IssueOptions, object, number, number, number?]>([
    [{}, {}, REFRESH_WINDOW, SESSION_LIFETIME],
    [{ expiresIn: 30 }, { expires_in: 30 }, REFRESH_WINDOW, SESSION_LIFETIME, 30],
    [{ expiresIn: '30s', refreshWindow: 40 }, { expires_in: 30, refresh_window: 40 }, 40, SESSION_LIFETIME, 30],
    [{ expiresIn: EXPIRES_IN }, { expires_in: EXPIRES_IN }, REFRESH_WINDOW, SESSION_LIFETIME],
    [{ refreshWindow: undefined, sessionLifetime: undefined }, {}, REFRESH_WINDOW, SESSION_LIFETIME],
    [{ refreshWindow: 120 }, { refresh_window: 120 }, 120, SESSION_LIFETIME],
    [{ refreshWindow: '2m', sessionLifetime: '5m' }, { refresh_window: 120, session_lifetime: 300 }, 120, 300],
    [{ sessionLifetime: 300 }, { session_lifetime: 300 }, 300, 300],
    [
      { refreshWindow: REFRESH_WINDOW, sessionLifetime: SESSION_LIFETIME },
      { refresh_window: REFRESH_WINDOW, session_lifetime: SESSION_LIFETIME },
      REFRESH_WINDOW,
      SESSION_LIFETIME,
    ],
  ])(
    '%j are kept by all successors [T7] [T8]',
    async (options, limits, refreshWindow, sessionLifetime, expiresIn = EXPIRES_IN) => {
      let { token, claims } = await start(options);
      const end = claims.auth_time + sessionLifetime;
      for (;;) {
        const { expires_in, refresh_window, session_lifetime } = claims;
        expect(JSON.parse(JSON.stringify({ expires_in, refresh_window, session_lifetime }))).toEqual(limits);
        expect(claims).toMatchObject({
          exp: Math.min(seconds() + expiresIn, end),
          refresh_exp: Math.min(seconds() + refreshWindow, end),
        });
        clock.advance(expiresIn * 1000);
        if (seconds() >= end) break;
        const { refreshed } = await authenticate(core, token);
        if (!refreshed) throw new Error('was not refreshed');
        ({ token, claims } = refreshed);
      }
      expect(await refusal(authenticate(core, token))).toMatchObject({ code: 'session_expired' });
    },
  );

  test('a shorter window ends the session that is not used inside it [T8]', async () => {
    const { token } = await start({ refreshWindow: 120 });

    clock.advance(120_000 - 1);
    expect((await core.authenticator.inspect(token)).state).toBe('refreshable');
    clock.advance(1);
    expect(await refusal(authenticate(core, token))).toMatchObject({ code: 'token_expired' });
  });

  test('any length where the module has none', async () => {
    const endless = makeCore({ sessionLifetime: false }, { store, clock });

    const { claims } = await start({ sessionLifetime: '10y' }, { sub: '1' }, endless);

    expect(claims.session_lifetime).toBe(10 * 365.25 * 86_400);
  });
});

describe('device', () => {
  test.each(['', 'Ada’s phone', 'x'.repeat(200)])('%j is not in the token', async (device) => {
    expect((await start({ device })).claims).not.toHaveProperty('device');
  });
});
