import { beforeEach, describe, expect, test } from '@jest/globals';
import type { TestClock } from '../../../../test/support/clock.js';
import {
  authenticate,
  EXPIRES_IN,
  makeCore,
  REFRESH_WINDOW,
  refusal,
  SESSION_LIFETIME,
  TEST_SECRET,
  setUp,
} from '../../../../test/support/core.js';
import type { InterceptedStore } from '../../../../test/support/intercepted-store.js';
import { newSession, sessionOf } from '../../../../test/support/session-of.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import { resolveOptions } from '../options/refresh-auth-options.js';
import type { IssuedToken } from '../tokens/claims.js';
import type { KeyOptions } from '../options/key-options.js';
import { Sealer } from './sealing.js';
import type { RotationAnswer } from '../store/session-store.js';
import type { SessionSettings } from './sign-ins.js';
import { canList, type SessionInfo } from './tracked-sessions.js';

const REVOKED = { code: 'session_revoked', statusCode: 401, message: 'The session was revoked' };
const OUT = {
  code: 'store_unavailable',
  statusCode: 503,
  message: 'The session store is unavailable, try again',
  detail: 'connection lost',
};
const fail = () => Promise.reject(new Error('connection lost'));

let clock: TestClock;
let store: InterceptedStore;
let core: RefreshAuthCore;

beforeEach(() => {
  ({ clock, store, core } = setUp({ sessions: 'tracked' }));
});

const seconds = (): number => clock.now() / 1000;
const expire = (): void => clock.advance(EXPIRES_IN * 1000);
const signIn = (settings: SessionSettings = {}, sub = '1'): Promise<IssuedToken> =>
  core.signIns.start({ sub }, settings);
const list = async (sub = '1'): Promise<SessionInfo[]> => (await core.tracked?.list(sub)) ?? [];

const sealer = (): Sealer => new Sealer(resolveOptions({ secret: TEST_SECRET }).keys, 'refresh-auth');

async function refresh({ token }: IssuedToken): Promise<IssuedToken> {
  expire();
  const { refreshed } = await authenticate(core, token);
  if (!refreshed) throw new Error('was not refreshed');
  return refreshed;
}

function shown({ claims }: IssuedToken, device?: string): SessionInfo {
  return {
    sid: claims.sid,
    ...(device === undefined ? {} : { device }),
    createdAt: claims.auth_time,
    refreshedAt: claims.iat,
    expiresAt: claims.refresh_exp,
  };
}

describe('A tracked session', () => {
  test('has a record from its sign-in on, and is refreshed as any other', async () => {
    const first = await signIn();
    expect(await store.isRevoked({ ...sessionOf(first.claims), tracked: true })).toBe(false);

    const second = await refresh(first);

    expect(second.claims).toMatchObject({ sid: first.claims.sid, gen: 1 });
    expect(await authenticate(core, first.token)).toMatchObject({ state: 'already-refreshed', refreshed: second });
  });

  test.each([0, 1])('whose record was lost at generation %i has ended at its next refresh [S7]', async (generation) => {
    let token = await signIn();
    if (generation === 1) token = await refresh(token);
    const emptied = makeCore({ sessions: 'tracked' }, { clock });
    expire();

    expect(await refusal(authenticate(emptied, token.token))).toEqual(REVOKED);
    expect(await emptied.authenticator.inspect(token.token)).toEqual({ state: 'dead', reason: 'session_revoked' });
  });

  test('that was revoked and whose revoked record was lost is not revived [S7]', async () => {
    const first = await signIn();
    await core.revocations.revokeSession(first.claims.sid);
    const emptied = makeCore({ sessions: 'tracked' }, { clock });
    expire();

    expect(await refusal(authenticate(emptied, first.token))).toEqual(REVOKED);
  });

  test('costs no read while its token is valid', async () => {
    await core.start();
    const { token } = await signIn();
    store.reads.length = 0;
    store.requests.length = 0;

    expect((await authenticate(core, token)).state).toBe('valid');

    expect([store.reads, store.requests]).toEqual([[], []]);
    await core.stop();
  });

  test('whose record was lost has ended at once where each request asks [S7]', async () => {
    const { token } = await signIn();
    const emptied = makeCore({ sessions: 'tracked', revocation: 'every-request' }, { clock });

    expect(await refusal(authenticate(emptied, token))).toEqual(REVOKED);
  });

  test('does not begin where the store fails: 503', async () => {
    store.rotate = fail;

    expect(await refusal(signIn())).toEqual(OUT);
  });

  test('begins with one question, of a user whose sessions were never ended', async () => {
    await signIn();

    expect([store.requests.length, store.reads]).toEqual([1, []]);
  });

  test.each([
    ['known here', 1, () => core],
    ['known elsewhere alone', 2, () => makeCore({ sessions: 'tracked' }, { store, clock })],
  ])('begins after a cutoff that is %s with %i questions [L5]', async (_, questions, by) => {
    await by().revocations.revokeUser('1');
    clock.advance(1);

    const { token, claims } = await signIn();

    expect(store.requests).toHaveLength(questions);
    expect(claims.rev).toBe(clock.now() - 1);
    expect(await authenticate(core, token)).toEqual({ state: 'valid', claims });
    expect(await list()).toHaveLength(1);
  });

  test('does not begin where all sessions of its user end while it does, each time: 401, and nothing is listed [F28]', async () => {
    const elsewhere = makeCore({ sessions: 'tracked' }, { store, clock });
    const endAll = async (ask: () => Promise<RotationAnswer>) => {
      await elsewhere.revocations.revokeUser('1');
      return ask();
    };
    store.intercept(endAll, endAll);

    expect(await refusal(signIn())).toEqual(REVOKED);
    expect(await list()).toEqual([]);
  });
});

describe('The list of a user’s sessions', () => {
  test('has their devices and times, in seconds', async () => {
    const phone = await signIn({ device: 'phone' });
    clock.advance(1000);
    const other = await signIn();
    await signIn({ device: 'somebody else’s' }, '2');

    expect(await list()).toStrictEqual([shown(phone, 'phone'), shown(other)]);
    expect(await list('3')).toEqual([]);
    expect(shown(other)).toEqual({
      sid: other.claims.sid,
      createdAt: seconds(),
      refreshedAt: seconds(),
      expiresAt: seconds() + REFRESH_WINDOW,
    });
  });

  test('has what a refresh changed', async () => {
    const first = await signIn({ device: 'phone' });
    const second = await refresh(first);

    expect(await list()).toEqual([shown(second, 'phone')]);
    expect(second.claims).toMatchObject({ auth_time: first.claims.iat, iat: seconds() });
  });

  test('has a session as long as its latest token can be refreshed', async () => {
    let token = await signIn({ device: 'phone' });
    token = await refresh(token);

    clock.set(token.claims.refresh_exp * 1000 - 1);
    expect(await list()).toEqual([shown(token, 'phone')]);
    clock.advance(1);
    expect(await list()).toEqual([]);
  });

  test('has a session through its whole life, however often it is refreshed', async () => {
    let token = await signIn();
    while (token.claims.exp < token.claims.auth_time + SESSION_LIFETIME) {
      token = await refresh(token);
      expect(await list()).toEqual([shown(token)]);
    }
    expire();
    expect(await list()).toEqual([]);
  });

  test.each<[string, (ended: IssuedToken, other: IssuedToken) => Promise<void>]>([
    ['was revoked', ({ claims }) => core.revocations.revokeSession(claims.sid)],
    ['ended with all others but one', (_, { claims }) => core.revocations.revokeUser('1', claims.sid)],
  ])('has no session that %s', async (_, end) => {
    const [ended, other] = [await signIn(), await signIn()];

    await end(ended, other);

    expect(await list()).toEqual([shown(other)]);
  });

  test('is empty after all were ended, and has those that began since', async () => {
    await signIn();
    await core.revocations.revokeUser('1');
    expect(await list()).toEqual([]);

    const next = await signIn();
    expect(await list()).toEqual([shown(next)]);
  });

  test('has the limits that a session has of its own', async () => {
    const short = await signIn({ limits: { refresh_window: 120 } });

    expect(await list()).toEqual([{ ...shown(short), expiresAt: seconds() + 120 }]);
    clock.advance(120_000);
    expect(await list()).toEqual([]);
  });

  test('has a session for as long after its end as the clocks may differ', async () => {
    core = makeCore({ sessions: 'tracked', clockTolerance: 60 }, { store, clock });
    const { claims } = await signIn();

    clock.set((claims.refresh_exp + 60) * 1000 - 1);
    expect(await list()).toHaveLength(1);
    clock.advance(1);
    expect(await list()).toEqual([]);
  });

  test.each<[string, (sid: string) => Uint8Array]>([
    ['is none of ours', () => Buffer.from('\u0001\0 planted')],
    ['holds what we did not sign', (sid) => sealer().seal('a.b.c', { sid, gen: 1 })],
  ])('leaves out a session whose latest token %s', async (_, plant) => {
    const [odd, other] = [await signIn(), await signIn()];
    const { sid } = odd.claims;
    await store.rotate({ ...sessionOf(odd.claims), generation: 0, candidate: { sealed: plant(sid), ttl: 60_000 } });

    expect(await list()).toEqual([shown(other)]);
  });

  test('shows nothing that somebody planted, and nothing of another user', async () => {
    const mine = await signIn();
    await signIn({ device: 'theirs' }, '2');
    const [theirs] = (await store.listedSessions('2')).sessions;

    for (const details of [theirs?.details ?? Buffer.alloc(0), Buffer.from('\u0001\0{"sid":"x"}')]) {
      const candidate = { sealed: Buffer.from('zero'), ttl: 60_000 };
      await store.rotate({ ...newSession(), tracked: true, generation: -1, candidate, details });
    }

    expect(await list()).toEqual([shown(mine)]);
  });

  test('is 503 where the store fails', async () => {
    await signIn();
    store.listedSessions = fail;

    expect(await refusal(list())).toEqual(OUT);
  });

  test('of 5,000 sessions is whole, and of more has those that end last', async () => {
    const sids: string[] = [];
    for (let i = 0; i <= 5_000; i++) {
      sids.push((await signIn()).claims.sid);
      if (i % 100 === 0) clock.advance(1000);
    }

    expect(new Set((await list()).map(({ sid }) => sid))).toEqual(new Set(sids.slice(1)));
    await core.revocations.revokeUser('1', sids.at(-1));
    expect((await list()).map(({ sid }) => sid)).toEqual(sids.slice(-1));
  });

  test('is read in ten pages at most, and has a session once that comes twice', async () => {
    const { claims } = await signIn();
    const { sessions } = await store.listedSessions('1');
    let pages = 0;
    store.listedSessions = async () => ({ sessions, next: String(pages++) });

    expect((await list()).map(({ sid }) => sid)).toEqual([claims.sid]);
    expect(pages).toBe(10);
  });
});

describe('[F31] While keys are rotated by the documented steps, the list', () => {
  const former = { kid: 'former', algorithm: 'HS256', secret: TEST_SECRET } as const;
  const next = { kid: 'next', algorithm: 'HS256', secret: `another ${TEST_SECRET}` } as const;
  const deploy = (...keys: KeyOptions[]): RefreshAuthCore => makeCore({ sessions: 'tracked', keys }, { store, clock });

  const plant = (details: Uint8Array): void =>
    store.intercept(async (ask) => {
      const answer = await ask();
      return answer.outcome === 'rotated' ? { ...answer, details } : answer;
    });

  test('shows each session that lives', async () => {
    core = deploy(former);
    let token = await signIn({ device: 'phone' });
    core = deploy(former, next);
    token = await refresh(token);
    expect(await list()).toEqual([shown(token, 'phone')]);
    core = deploy(next, former);
    token = await refresh(token);
    expect(await list()).toEqual([shown(token, 'phone')]);
    token = await refresh(token);

    core = deploy(next);
    expect((await authenticate(core, token.token)).state).toBe('valid');
    expect(await list()).toEqual([shown(token, 'phone')]);
  });

  test.each<[string, () => void]>([
    ['the store fails by then', () => (store.replaceDetails = fail)],
    ['somebody has planted others', () => plant(Buffer.from('\u0001\0 planted'))],
    ['a newer version has sealed them', () => plant(Uint8Array.of(9, 9, 9))],
  ])('is no reason to refuse a refresh, where %s', async (_, disturb) => {
    core = deploy(former);
    const token = await signIn();
    core = deploy(next, former);
    disturb();

    expect((await refresh(token)).claims.gen).toBe(1);
  });
});

test.each(['listedSessions', 'replaceDetails'])('A store without %s cannot list', (method) => {
  expect(canList(store)).toBe(true);

  Object.assign(store, { [method]: undefined });
  expect(canList(store)).toBe(false);
});

test('Untracked sessions cannot be listed, and write nothing at sign-in', async () => {
  const untracked = makeCore({}, { store, clock });

  await untracked.signIns.start({ sub: '1' }, { device: 'phone' });

  expect(untracked.tracked).toBeUndefined();
  expect(store.requests).toEqual([]);
  expect(await store.listedSessions('1')).toEqual({ sessions: [] });
});
