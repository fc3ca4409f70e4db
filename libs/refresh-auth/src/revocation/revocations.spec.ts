import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import {
  authenticate,
  EXPIRES_IN,
  issue,
  makeCore,
  recordEvents,
  REFRESH_WINDOW,
  refusal,
  setUp,
  serviceOf,
} from '../../../../test/support/core.js';
import { type InterceptedStore, interceptedStore } from '../../../../test/support/intercepted-store.js';
import { sessionOf } from '../../../../test/support/session-of.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { RefreshAuthOptions } from '../options/refresh-auth-options.js';
import type { IssuedToken } from '../tokens/claims.js';
import { hashed, sessionName } from '../tokens/session-id.js';

/** Twice the 60 s by which the clocks of two processes may differ. */
const KEPT_LONGER = 120;
/** How long a revocation matters: until the last token that was valid has expired. */
const LOG_RETENTION = EXPIRES_IN + KEPT_LONGER;
const REVOKED = { code: 'session_revoked', statusCode: 401, message: 'The session was revoked' };

describe('Revocations', () => {
  let clock: TestClock;
  let store: InterceptedStore;
  let core: RefreshAuthCore;
  let first: IssuedToken;

  beforeEach(() => {
    ({ clock, store, core } = setUp());
    first = issue(core);
  });

  const pass = (seconds: number): void => clock.advance(seconds * 1000);

  test('a valid token of an ended session is refused at once in the process that ended it', async () => {
    await core.revocations.revokeSession(first.claims.sid);

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
    expect(core.revocations.ends(first.claims)).toBe(true);
    expect(store.reads).toEqual([]);
  });

  test('every token of the session is refused, refreshed ones and the latest', async () => {
    pass(EXPIRES_IN);
    const { refreshed } = await authenticate(core, first.token);

    await core.revocations.revokeSession(first.claims.sid);

    for (const token of [first.token, refreshed?.token ?? '']) {
      expect(await refusal(authenticate(core, token))).toEqual(REVOKED);
    }
  });

  test('no other session of the same user ends', async () => {
    const other = issue(core);

    await core.revocations.revokeSession(first.claims.sid);

    expect(await authenticate(core, other.token)).toEqual({ state: 'valid', claims: other.claims });
  });

  describe.each([
    [0, 60],
    [60, 60],
    [300, 300],
  ])('with a tolerance of %d s, where the clock that signed is %d s ahead [F20]', (clockTolerance, lead) => {
    test.each<[string, RefreshAuthOptions, () => void]>([
      ['with its store', {}, () => undefined],
      [
        'without it',
        { onStoreFailure: 'tolerate' },
        () => {
          store.rotate = () => Promise.reject(new Error('connection lost'));
        },
      ],
    ])('%s a session has ended until its last token has [L6]', async (_, policy, lose) => {
      const options = { clockTolerance, ...policy };
      const ahead = new TestClock();
      ahead.advance(lead * 1000);
      const { token, claims } = issue(makeCore(options, { store, clock: ahead }));
      const behind = makeCore(options, { store, clock });
      await behind.revocations.revokeSession(claims.sid);
      lose();

      const end = REFRESH_WINDOW + lead + clockTolerance;
      const found = new Set<string>();
      for (let second = 0; second <= end; second += 5) {
        const { code } = (await refusal(authenticate(behind, token))) as { code: string };
        found.add(second < end ? code : `at last ${code}`);
        pass(5);
      }

      expect(found).toEqual(new Set(['session_revoked', 'at last token_expired']));
    });
  });

  test('the revoked record is kept as long as any token of the session could be refreshed, the log until the last valid token has expired, both two minutes longer, or twice a tolerance that is more [L6]', async () => {
    await core.revocations.revokeSession(first.claims.sid);
    await makeCore({ clockTolerance: 300 }, { store, clock }).revocations.revokeSession('another');

    expect(store.revocations).toEqual([
      {
        sid: first.claims.sid,
        ttl: { record: (REFRESH_WINDOW + KEPT_LONGER) * 1000, log: LOG_RETENTION * 1000 },
      },
      {
        sid: 'another',
        ttl: { record: (REFRESH_WINDOW + 600) * 1000, log: (EXPIRES_IN + 600) * 1000 },
      },
    ]);
  });

  test('[F21] is remembered here until the last token that it ends can no longer be refreshed, and not for ever', async () => {
    await core.revocations.revokeSession(first.claims.sid);

    pass(REFRESH_WINDOW + KEPT_LONGER - 0.001);
    expect(core.revocations.ends(first.claims)).toBe(true);
    pass(0.001);
    expect(core.revocations.ends(first.claims)).toBe(false);
  });

  test('of a session that was ended twice counts from the second time', async () => {
    const { sid } = first.claims;
    await core.revocations.revokeSession(sid);
    pass(REFRESH_WINDOW);
    await core.revocations.revokeSession(sid);
    pass(REFRESH_WINDOW);
    expect(core.revocations.ends(first.claims)).toBe(true);
    pass(KEPT_LONGER);
    expect(core.revocations.ends(first.claims)).toBe(false);
  });

  test('is remembered for the whole refresh window where a refreshable token may pass without the store', async () => {
    const tolerant = makeCore({ onStoreFailure: 'tolerate' }, { store, clock });
    await tolerant.revocations.revokeSession(first.claims.sid);
    store.intercept(...Array.from({ length: 3 }, () => () => Promise.reject(new Error('connection lost'))));

    pass(REFRESH_WINDOW - 0.001);
    expect(await refusal(authenticate(tolerant, first.token))).toEqual(REVOKED);
    expect(store.requests).toEqual([]);
  });

  test('is none where the store does not record it: 503, no event of it, and the token lives on [L8]', async () => {
    const events = recordEvents(core);
    store.revoke = () => Promise.reject(new Error('connection lost'));

    expect(await refusal(core.revocations.revokeSession(first.claims.sid))).toEqual({
      code: 'store_unavailable',
      statusCode: 503,
      message: 'The session store is unavailable, try again',
      detail: 'connection lost',
    });

    expect(events).toEqual([{ type: 'store-failed', at: clock.now(), reason: 'connection lost' }]);
    expect(core.revocations.ends(first.claims)).toBe(false);
    expect((await authenticate(core, first.token)).state).toBe('valid');
  });

  test('has ended here at once where another session replaces it, even if the store does not record it', async () => {
    store.revoke = () => Promise.reject(new Error('connection lost'));

    const { claims } = await core.signIns.start({ sub: '1' }, {}, { replaced: [first.claims] });

    expect([core.revocations.ends(first.claims), core.revocations.ends(claims)]).toEqual([true, false]);
  });
});

describe('The end of all sessions of a user', () => {
  let clock: TestClock;
  let store: InterceptedStore;
  let core: RefreshAuthCore;

  beforeEach(() => {
    ({ clock, store, core } = setUp());
  });

  test('ends each of them, refreshed ones too, and nobody else’s; an event says so without a sub [L5] [G2]', async () => {
    const events = recordEvents(core);
    const sessions = [issue(core), issue(core)];
    const other = issue(core, { sub: '2' });

    await core.revocations.revokeUser('1');

    for (const { token } of sessions) expect(await refusal(authenticate(core, token))).toEqual(REVOKED);
    expect((await authenticate(core, other.token)).state).toBe('valid');
    clock.advance(EXPIRES_IN * 1000);
    const elsewhere = makeCore({}, { store, clock });
    for (const { token } of sessions) expect(await refusal(authenticate(elsewhere, token))).toEqual(REVOKED);
    expect(events[0]).toEqual({ type: 'user-revoked', at: clock.now() - EXPIRES_IN * 1000, user: hashed('1') });
  });

  test('but one: that one goes on, and so do its successors', async () => {
    const events = recordEvents(core);
    const [kept, ended] = [issue(core), issue(core)];

    await core.revocations.revokeUser('1', kept.claims.sid);
    await core.revocations.revokeUser('1', kept.claims.sid);

    const except = sessionName(kept.claims.sid);
    const event = { type: 'user-revoked', at: clock.now(), user: hashed('1'), except };
    expect(events).toEqual([event, event]);
    expect((await authenticate(core, kept.token)).state).toBe('valid');
    expect(await refusal(authenticate(core, ended.token))).toEqual(REVOKED);
    for (const process of [makeCore({}, { store, clock }), core]) {
      clock.advance(EXPIRES_IN * 1000);
      expect((await authenticate(process, kept.token)).claims.sid).toBe(kept.claims.sid);
      expect(await refusal(authenticate(process, ended.token))).toEqual(REVOKED);
    }
  });

  test('is none where the store does not record it: 503 [L8]', async () => {
    const events = recordEvents(core);
    const { token } = issue(core);
    store.revokeUser = () => Promise.reject(new Error('connection lost'));

    expect(await refusal(core.revocations.revokeUser('1'))).toMatchObject({ code: 'store_unavailable' });

    expect(events.map(({ type }) => type)).toEqual(['store-failed']);
    expect((await authenticate(core, token)).state).toBe('valid');
  });
});

describe('A valid token whose session was ended elsewhere', () => {
  let clock: TestClock;
  let store: InterceptedStore;
  let elsewhere: RefreshAuthCore;
  let first: IssuedToken;
  const OUT = {
    code: 'store_unavailable',
    statusCode: 503,
    message: 'The session store is unavailable, try again',
    detail: 'connection lost',
  };
  const fail = () => Promise.reject(new Error('connection lost'));

  beforeEach(() => {
    clock = new TestClock();
    store = interceptedStore(clock);
    elsewhere = makeCore({}, { store, clock });
    first = issue(elsewhere);
  });

  const open = (options: RefreshAuthOptions): RefreshAuthCore => makeCore(options, { store, clock });
  const state = (core: RefreshAuthCore): Promise<string> =>
    authenticate(core, first.token).then(
      (found) => found.state,
      (error: { code: string }) => error.code,
    );

  const ENDS: [string, () => Promise<void>][] = [
    ['itself', () => elsewhere.revocations.revokeSession(first.claims.sid)],
    ['with all of its user', () => elsewhere.revocations.revokeUser('1')],
  ];

  describe.each(ENDS)('%s', (_, end) => {
    test('pushed: is refused as soon as the notification has arrived, and the store is not asked', async () => {
      const core = open({});
      await core.start();
      expect(await state(core)).toBe('valid');

      await end();
      await new Promise((resolve) => setImmediate(resolve));

      expect(await state(core)).toBe('session_revoked');
      expect(store.reads).toEqual([]);
      await core.stop();
    });

    test('pushed: is refused by asking the store before the log was read', async () => {
      const core = open({});
      await end();

      expect(await state(core)).toBe('session_revoked');
      expect(store.reads).toEqual([{ ...sessionOf(first.claims), tracked: false }]);
    });

    test('pushed: is refused by asking the store when what was read is 5 s old', async () => {
      const core = open({});
      await core.start();
      // The notification is cut, and so are the readings.
      store.revocationsAfter = fail;
      await end();
      clock.advance(4999);
      expect([await state(core), store.reads.length]).toEqual(['valid', 0]);

      clock.advance(1);
      expect([await state(core), store.reads.length]).toEqual(['session_revoked', 1]);
      await core.stop();
    });

    test('every-request: is refused at once', async () => {
      const core = open({ revocation: 'every-request' });
      expect(await state(core)).toBe('valid');

      await end();

      expect(await state(core)).toBe('session_revoked');
      expect(store.reads).toHaveLength(2);
    });
  });

  describe('while the store fails', () => {
    beforeEach(() => {
      store.isRevoked = fail;
    });

    test.each(['reject', 'tolerate'] as const)(
      'pushed: a valid token passes, and an event says so, under %s [S1]',
      async (onStoreFailure) => {
        const core = open({ onStoreFailure });
        const events = recordEvents(core);

        expect(await state(core)).toBe('valid');
        expect(events).toContainEqual({ type: 'store-failed', at: clock.now(), reason: 'connection lost' });
      },
    );

    test('pushed: one that is known to be revoked does not', async () => {
      const core = open({});
      await core.revocations.revokeSession(first.claims.sid);

      expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
    });

    test('every-request: 503', async () => {
      expect(await refusal(authenticate(open({ revocation: 'every-request' }), first.token))).toEqual(OUT);
    });

    test('every-request: passes where that is tolerated', async () => {
      const core = open({ revocation: 'every-request', onStoreFailure: 'tolerate' });
      const events = recordEvents(core);

      expect(await state(core)).toBe('valid');
      expect(events).toContainEqual({ type: 'store-failed', at: clock.now(), reason: 'connection lost' });
    });
  });
});

describe('A revocation that is made for a token of a process with longer lifetimes, which is not there any more', () => {
  const DAY = 86_400;
  const LONGER = { expiresIn: DAY, refreshWindow: 30 * DAY, sessionLifetime: 90 * DAY };
  const clock = new TestClock();

  function request({ token }: IssuedToken): IncomingMessage {
    const presented = new IncomingMessage(new Socket());
    presented.headers.authorization = `Bearer ${token}`;
    return presented;
  }

  async function signOut(core: RefreshAuthCore, token: IssuedToken, scope: 'session' | 'user'): Promise<void> {
    const presenting = request(token);
    await serviceOf(core).signOut(presenting, new ServerResponse(presenting), { scope });
  }

  async function expireAndPresent(core: RefreshAuthCore, token: IssuedToken): Promise<void> {
    clock.advance(EXPIRES_IN * 1000);
    await authenticate(core, token.token).catch(() => undefined);
  }

  test.each<[string, RefreshAuthOptions, (core: RefreshAuthCore, token: IssuedToken) => Promise<unknown>]>([
    ['signOut', {}, (core, token) => signOut(core, token, 'session')],
    ["signOut, scope 'user'", {}, (core, token) => signOut(core, token, 'user')],
    [
      'signIn in its place',
      {},
      (core, token) => {
        const response = new ServerResponse(request(token));
        return serviceOf<{ sub: string }>(core).signIn(response, { sub: '1' });
      },
    ],
    ['reloadClaims that gives nothing', { reloadClaims: () => null }, expireAndPresent],
    [
      'reuse',
      { reuseDetection: { grace: 30, revokeAfter: 30, onReuse: 'revoke' } },
      async (core, token) => {
        clock.advance(EXPIRES_IN * 1000);
        const { refreshed } = await authenticate(core, token.token);
        await core.store.recordUse([{ sid: token.claims.sid, gen: refreshed?.claims.gen ?? 0 }], 1);
        await expireAndPresent(core, token);
      },
    ],
  ])('by %s is kept as long as that token lives [F14]', async (_, options, end) => {
    const store = interceptedStore(clock);
    const core = makeCore(options, { store, clock });
    const token = issue(makeCore(LONGER, { clock }));

    await end(core, token);

    const left = (until: number) => (until + KEPT_LONGER) * 1000 - clock.now();
    const { longest, count } = await store.revocationsAfter(0, 0);
    expect([longest, count]).toEqual([{ record: left(token.claims.refresh_exp), log: left(token.claims.exp) }, 1]);
    clock.advance((30 * DAY - 3 * EXPIRES_IN) * 1000);
    expect(await store.isRevoked(token.claims)).toBe(true);
  });
});
