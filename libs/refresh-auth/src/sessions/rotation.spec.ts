import { beforeEach, describe, expect, test } from '@jest/globals';
import type { TestClock } from '../../../../test/support/clock.js';
import {
  authenticate,
  EXPIRES_IN,
  issue,
  makeCore,
  recordEvents,
  REFRESH_WINDOW,
  refusal,
  SESSION_LIFETIME,
  TEST_SECRET,
  setUp,
} from '../../../../test/support/core.js';
import {
  type InterceptedStore,
  interceptedStore,
  type Interception,
} from '../../../../test/support/intercepted-store.js';
import { sessionOf } from '../../../../test/support/session-of.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import { resolveOptions } from '../options/refresh-auth-options.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { RefreshAuthEvent } from '../events/events.js';
import { Sealer } from './sealing.js';
import { sessionName } from '../tokens/session-id.js';
import type { RotationAnswer } from '../store/session-store.js';

const OWN_CLAIMS = { sub: '1', role: 'admin', nested: { scope: ['read', 'write'] } };
const TTL = 3_600_000;

const REVOKED = { code: 'session_revoked', statusCode: 401, message: 'The session was revoked' };
const unavailable = (detail: string) => ({
  code: 'store_unavailable',
  statusCode: 503,
  message: 'The session store is unavailable, try again',
  detail,
});

let clock: TestClock;
let store: InterceptedStore;
let core: RefreshAuthCore;
/** Another process of the same application. */
let elsewhere: RefreshAuthCore;
let events: RefreshAuthEvent[];
let first: IssuedToken;

beforeEach(() => {
  ({ clock, store, core, elsewhere } = setUp());
  events = recordEvents(core);
  first = issue(core, OWN_CLAIMS);
});

const seconds = (): number => clock.now() / 1000;
const expire = (): void => clock.advance(EXPIRES_IN * 1000);
const eventsOf = (...types: RefreshAuthEvent['type'][]) => events.filter(({ type }) => types.includes(type));
const about = (gen: number) => ({ at: clock.now(), session: sessionName(first.claims.sid), gen });

/** A token that is expired by then is refreshed, by whichever process. */
async function refresh(by: RefreshAuthCore, { token }: IssuedToken): Promise<IssuedToken> {
  expire();
  const { state, refreshed } = await authenticate(by, token);
  if (state !== 'refreshable' || !refreshed) throw new Error(`Was not refreshed: ${state}`);
  return refreshed;
}

/** The claims that the successor of these has, signed now. */
function succeeding(claims: TokenClaims, gen = claims.gen + 1): object {
  return {
    ...claims,
    gen,
    jti: expect.not.stringMatching(claims.jti),
    iat: seconds(),
    exp: seconds() + EXPIRES_IN,
    refresh_exp: seconds() + REFRESH_WINDOW,
  };
}

/** Something stands in the store as the latest token of that generation, sealed or not. */
async function plant(sealed: Uint8Array, gen = 1): Promise<void> {
  await store.rotate({ ...sessionOf(first.claims), generation: gen - 1, candidate: { sealed, ttl: TTL } });
  store.requests.length = 0;
}

function seal(token: string, { sid = first.claims.sid, gen = 1 } = {}): Buffer {
  return new Sealer(resolveOptions({ secret: TEST_SECRET }).keys, 'refresh-auth').seal(token, { sid, gen });
}

describe('The session is revoked', () => {
  test('nothing is handed over', async () => {
    const second = await refresh(core, first);
    await elsewhere.revocations.revokeSession(first.claims.sid);
    expire();

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
    expect(await refusal(authenticate(core, second.token))).toEqual(REVOKED);
  });

  test('between two calls: nothing is handed over', async () => {
    await refresh(core, first);
    expire();
    store.intercept(async (ask) => {
      const answer = await ask();
      await elsewhere.revocations.revokeSession(first.claims.sid);
      return answer;
    });

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
    expect(store.requests.slice(-2).map(({ generation }) => generation)).toEqual([0, 1]);
  });

  test('by this process while the store decides: its answer is thrown away [L3]', async () => {
    expire();
    store.intercept(async (ask) => {
      const answer = await ask();
      await core.revocations.revokeSession(first.claims.sid);
      return answer;
    });

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
    expect(eventsOf('refreshed', 'already-refreshed')).toEqual([]);
  });
});

describe('All sessions of the user have ended elsewhere', () => {
  test('nothing is refreshed, although the session itself has no revoked record [L5]', async () => {
    await elsewhere.revocations.revokeUser('1');
    expire();

    expect(await refusal(authenticate(core, first.token))).toEqual(REVOKED);
    expect(core.revocations.ends(first.claims)).toBe(true);
  });
});

describe('Nobody was before me', () => {
  test('in a session without a record: my successor is the latest token', async () => {
    expire();

    const { state, claims, refreshed } = await authenticate(core, first.token);

    expect({ state, claims }).toEqual({ state: 'refreshable', claims: succeeding(first.claims) });
    expect(claims).toBe(refreshed?.claims);
    expect(await authenticate(core, refreshed?.token ?? '')).toEqual({ state: 'valid', claims });
    expect(events).toEqual([{ type: 'refreshed', ...about(1) }]);
  });

  test('of the latest token: my successor is the next', async () => {
    const second = await refresh(elsewhere, first);
    expire();

    const { state, claims } = await authenticate(core, second.token);

    expect({ state, claims }).toEqual({ state: 'refreshable', claims: succeeding(second.claims) });
  });

  test('one call, and its record is kept until the last token can be refreshed, and two minutes', async () => {
    expire();

    await authenticate(core, first.token);

    expect(store.requests).toEqual([
      {
        ...sessionOf(first.claims),
        tracked: false,
        generation: 0,
        candidate: { sealed: expect.any(Buffer), ttl: (REFRESH_WINDOW + 120) * 1000 },
      },
    ]);
  });

  test('the store has lost a write: adopted, and an event says so', async () => {
    const second = await refresh(makeCore({}, { clock, store: interceptedStore(clock) }), first);
    expire();

    const { state, claims } = await authenticate(core, second.token);

    expect({ state, claims }).toEqual({ state: 'refreshable', claims: succeeding(second.claims) });
    expect(events).toEqual([
      { type: 'lost-write', ...about(1) },
      { type: 'refreshed', ...about(2) },
    ]);
  });

  test('the client of the store sends the same bytes again after a lost reply: I won before [R3]', async () => {
    expire();
    store.intercept(async (ask) => {
      await ask();
      return ask();
    });

    const { state, refreshed } = await authenticate(core, first.token);

    expect(state).toBe('refreshable');
    expect(await authenticate(elsewhere, first.token)).toMatchObject({ state: 'already-refreshed', refreshed });
  });
});

describe('Somebody was before me', () => {
  test('the latest token is handed over, the identical token, with the claims that it has: losers get the token too', async () => {
    const second = await refresh(elsewhere, first);

    expect(await authenticate(core, first.token)).toEqual({
      state: 'already-refreshed',
      claims: second.claims,
      refreshed: second,
    });
    expect(store.requests).toHaveLength(2);
    expect(events).toEqual([{ type: 'already-refreshed', ...about(1) }]);
  });

  test('the latest token is handed over to whoever brings a token of any older generation [R10]', async () => {
    const second = await refresh(elsewhere, first);
    const third = await refresh(elsewhere, second);

    for (const { token } of [first, second]) {
      expect(await authenticate(core, token)).toEqual({
        state: 'already-refreshed',
        claims: third.claims,
        refreshed: third,
      });
    }
  });

  test('the latest token is handed over until it is itself expired', async () => {
    const second = await refresh(elsewhere, first);
    clock.advance(EXPIRES_IN * 1000 - 1);

    expect(await authenticate(core, first.token)).toMatchObject({ state: 'already-refreshed', refreshed: second });
  });
});

describe('The latest token has itself expired', () => {
  test('a successor made from its claims, not from the presented ones, takes its place', async () => {
    const second = await refresh(elsewhere, first);
    const promoted = elsewhere.signer.successor({ ...second.claims, role: 'owner' } as TokenClaims);
    await plant(seal(promoted.token, { gen: 2 }), 2);
    expire();

    const { state, claims } = await authenticate(core, first.token);

    expect({ state, claims }).toEqual({ state: 'already-refreshed', claims: succeeding(promoted.claims) });
    expect(store.requests.map(({ generation, rejected }) => ({ generation, rejected }))).toEqual([
      { generation: 0, rejected: undefined },
      { generation: 2, rejected: undefined },
    ]);
    expect(events).toEqual([{ type: 'already-refreshed', ...about(3) }]);
  });

  test('another process refreshes it meanwhile: that one is handed over', async () => {
    const second = await refresh(elsewhere, first);
    let third: IssuedToken | undefined;
    store.intercept(async (ask) => {
      const answer = await ask();
      third = await refresh(elsewhere, second);
      return answer;
    });
    expire();

    const { state, refreshed } = await authenticate(core, first.token);

    expect({ state, refreshed }).toEqual({ state: 'already-refreshed', refreshed: third });
    expect(refreshed?.claims.gen).toBe(2);
  });

  test('and its successor, and the next: undecided after three calls', async () => {
    let latest = await refresh(elsewhere, first);
    store.requests.length = 0;
    const overtaken: Interception = async (ask) => {
      const answer = await ask();
      latest = await refresh(elsewhere, latest);
      expire();
      return answer;
    };
    expire();
    // Between two calls of ours stands one of the other process, which is not disturbed.
    const undisturbed: Interception = (ask) => ask();
    store.intercept(overtaken, undisturbed, overtaken, undisturbed, overtaken, undisturbed);

    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable('undecided after 3 calls'));
    expect(store.requests.map(({ generation }) => generation)).toEqual([0, 1, 1, 2, 2, 3]);
  });

  test('and can no longer be refreshed: neither can what it superseded', async () => {
    const refreshWindow = 120;
    await refresh(makeCore({ refreshWindow }, { store, clock }), first);
    clock.advance(refreshWindow * 1000);

    expect(await refusal(authenticate(core, first.token))).toEqual({
      code: 'token_expired',
      statusCode: 401,
      message: 'The token has expired',
    });
  });
});

describe('What stands there as the latest token is not ours', () => {
  const stranger = (): IssuedToken => issue(elsewhere, { sub: '2' });

  test.each<[string, () => Uint8Array]>([
    ['nothing at all', () => Buffer.alloc(0)],
    ['not sealed', () => Buffer.from('\u0001\u0000 whatever')],
    ['a plain token', () => Buffer.from(`\u0001\u0000${elsewhere.signer.successor(first.claims).token}`)],
    ['cut off', () => seal(elsewhere.signer.successor(first.claims).token).subarray(0, -1)],
    ['sealed for another session', () => seal(elsewhere.signer.successor(first.claims).token, { sid: 'other' })],
    ['sealed for another generation', () => seal(elsewhere.signer.successor(first.claims).token, { gen: 2 })],
    ['sealed, but not a token', () => seal('garbage')],
    [
      'sealed, but signed by another key',
      () => seal(makeCore({ secret: `not ${TEST_SECRET}` }).signer.successor(first.claims).token),
    ],
    [
      'sealed, but of another session',
      () => seal(elsewhere.signer.successor({ ...stranger().claims, sub: '1' }).token),
    ],
    ['sealed, but of another user', () => seal(elsewhere.signer.successor({ ...first.claims, sub: '2' }).token)],
    ['sealed, but of an older generation', () => seal(first.token)],
    ['sealed, but of a newer generation', () => seal(elsewhere.signer.successor({ ...first.claims, gen: 4 }).token)],
  ])('%s: is replaced, and not handed over [R5]', async (_, sealed) => {
    const planted = sealed();
    await plant(planted);
    expire();

    const { state, claims, refreshed } = await authenticate(core, first.token);

    expect({ state, claims }).toEqual({ state: 'already-refreshed', claims: succeeding(first.claims, 2) });
    expect(store.requests.map(({ generation, rejected }) => ({ generation, rejected }))).toEqual([
      { generation: 0, rejected: undefined },
      { generation: 1, rejected: planted },
    ]);
    expect(events).toEqual([
      { type: 'sealed-token-rejected', ...about(1) },
      { type: 'already-refreshed', ...about(2) },
    ]);
    expect(await authenticate(elsewhere, first.token)).toMatchObject({ state: 'already-refreshed', refreshed });
  });

  test('another process puts a good one in its place meanwhile: that one is handed over', async () => {
    await plant(Buffer.from('\u0001'));
    expire();
    let mended: IssuedToken | undefined;
    store.intercept(async (ask) => {
      const answer = await ask();
      mended = (await authenticate(elsewhere, first.token)).refreshed;
      return answer;
    });

    const { state, refreshed } = await authenticate(core, first.token);

    expect({ state, refreshed }).toEqual({ state: 'already-refreshed', refreshed: mended });
    expect(refreshed?.claims.gen).toBe(2);
  });

  test('sealed by a newer version of the library: left alone', async () => {
    const newer = Buffer.from('\u0002 whatever');
    await plant(newer);
    expire();

    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable('sealed by a newer version'));
    expect(await store.rotate({ ...sessionOf(first.claims), generation: 0 })).toEqual({
      outcome: 'handed-over',
      latest: 1,
      sealed: newer,
    });
  });
});

describe('The store does not decide', () => {
  const fail = (): Promise<RotationAnswer> => Promise.reject(new Error('connection lost'));
  const lostReply: Interception = async (ask) => {
    await ask();
    return fail();
  };

  test('the reply was lost: 503, and all that come later converge on what the store decided [R3][S4]', async () => {
    expire();
    store.intercept(lostReply);

    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable('connection lost'));

    const retries = [
      await authenticate(core, first.token),
      await authenticate(elsewhere, first.token),
      await authenticate(core, first.token),
    ];
    const [{ claims, refreshed } = { claims: first.claims }] = retries;
    expect(claims).toEqual(succeeding(first.claims));
    expect(retries).toEqual(retries.map(() => ({ state: 'already-refreshed', claims, refreshed })));
  });

  test('the request was lost: 503, and the next one refreshes', async () => {
    expire();
    store.intercept(fail);

    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable('connection lost'));
    expect((await authenticate(core, first.token)).state).toBe('refreshable');
  });

  test('the second reply was lost: 503, and all that come later converge on what the store decided', async () => {
    await refresh(core, first);
    expire();
    store.intercept((ask) => ask(), lostReply);

    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable('connection lost'));

    const { state, claims } = await authenticate(core, first.token);
    expect([state, claims.gen]).toEqual(['already-refreshed', 2]);
  });

  test('is never taken for a no: the token lives on, and so does the session', async () => {
    expire();
    store.intercept(...Array.from({ length: 10 }, () => fail));

    for (let attempt = 0; attempt < 10; attempt++) {
      expect(await refusal(authenticate(core, first.token))).toEqual(unavailable('connection lost'));
      // Until the store is tried again.
      clock.advance(1000);
    }
    expect(await authenticate(core, first.token)).toMatchObject({ state: 'refreshable' });
  });

  test('gives answers that answer nothing: 503 after three calls', async () => {
    expire();
    const nonsense: Interception = async () => ({ outcome: 'current' });
    store.intercept(nonsense, nonsense, nonsense);

    expect(await refusal(authenticate(core, first.token))).toEqual(unavailable('undecided after 3 calls'));
    expect(store.requests).toHaveLength(3);
  });
});

describe('A session has an absolute end', () => {
  test('no refresh goes past it', async () => {
    const end = first.claims.auth_time + SESSION_LIFETIME;
    let token = first;
    while (token.claims.exp < end) {
      token = await refresh(core, token);
      expect(token.claims.refresh_exp).toBe(Math.min(seconds() + REFRESH_WINDOW, end));
    }
    expect(token.claims).toMatchObject({ exp: end, refresh_exp: end, auth_time: first.claims.auth_time });

    clock.set(end * 1000);
    expect(await refusal(authenticate(core, token.token))).toEqual({
      code: 'session_expired',
      statusCode: 401,
      message: 'The session has expired',
    });
  });
});

describe('A successor', () => {
  /** Its tokens go out in a cookie alone, which has room for so many bytes of them. */
  const withRoomFor = (bytes: number): RefreshAuthCore =>
    makeCore({ delivery: { header: false, cookie: { name: 'n'.repeat(4096 - bytes) } } }, { store, clock });

  test('that just fits is issued', async () => {
    expire();

    const { refreshed } = await authenticate(withRoomFor(first.token.length), first.token);

    expect(refreshed?.token).toHaveLength(first.token.length);
  });

  test('that would not reach the client is not issued: 503, and an event says how long it is [G2]', async () => {
    const narrow = withRoomFor(first.token.length - 1);
    const told = recordEvents(narrow);
    expire();

    const bytes = first.token.length;
    expect(await refusal(authenticate(narrow, first.token))).toEqual(
      unavailable(`the next token has ${bytes} bytes, of at most ${bytes - 1}`),
    );
    expect(told.filter(({ type }) => type === 'token-too-large')).toEqual([
      { type: 'token-too-large', ...about(1), bytes },
    ]);
    expect((await authenticate(core, first.token)).state).toBe('refreshable');
  });
});
