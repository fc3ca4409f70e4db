import { beforeEach, describe, expect, test } from '@jest/globals';
import type { TestClock } from '../../../../test/support/clock.js';
import {
  authenticate,
  EXPIRES_IN,
  issue,
  makeCore,
  recordEvents,
  refusal,
  setUp,
} from '../../../../test/support/core.js';
import type { InterceptedStore, Interception } from '../../../../test/support/intercepted-store.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { IssuedToken } from '../tokens/claims.js';
import type { Authentication } from './authenticator.js';
import { sessionName } from '../tokens/session-id.js';

const REQUESTS = 100;

describe('Requests of one process that bring the same expired token', () => {
  let clock: TestClock;
  let store: InterceptedStore;
  let core: RefreshAuthCore;
  let first: IssuedToken;

  beforeEach(() => {
    ({ clock, store, core } = setUp());
    first = issue(core);
    clock.advance(EXPIRES_IN * 1000);
  });

  function race<T>(ask: (racer: number) => Promise<T>, racers = REQUESTS): Promise<T[]> {
    return Promise.all(Array.from({ length: racers }, (_, racer) => ask(racer)));
  }

  /** One was refreshed, and all others got its token. */
  function expectOneWinner(answers: readonly Authentication[]): void {
    const winner = answers.find(({ state }) => state === 'refreshable');
    expect(winner?.refreshed?.claims).toBe(winner?.claims);
    expect(answers.filter((answer) => answer === winner)).toHaveLength(1);
    const losers = answers.filter((answer) => answer !== winner);
    expect(losers).toEqual(losers.map(() => ({ ...winner, state: 'already-refreshed' })));
  }

  test('share one call, one of them is refreshable, and all get the identical token [R1]; in the recipe the losers of the race got none', async () => {
    const answers = await race(() => authenticate(core, first.token));

    expectOneWinner(answers);
    expect(new Set(answers.map(({ refreshed }) => refreshed?.token)).size).toBe(1);
    expect(store.requests).toHaveLength(1);
  });

  test('are each an event', async () => {
    const events = recordEvents(core);

    await race(() => authenticate(core, first.token));

    const facts = { at: clock.now(), session: sessionName(first.claims.sid), gen: 1 };
    expect(events).toEqual([
      { type: 'refreshed', ...facts },
      ...Array.from({ length: REQUESTS - 1 }, () => ({ type: 'already-refreshed', ...facts })),
    ]);
  });

  test('share nothing with a token of another session: two winners, and no user gets the token of the other', async () => {
    const other = issue(core, { sub: '2' });
    clock.advance(EXPIRES_IN * 1000);

    const answers = await race((racer) => authenticate(core, racer % 2 ? other.token : first.token));

    const [ofFirst, ofOther] = [0, 1].map((rest) => answers.filter((_, racer) => racer % 2 === rest));
    expectOneWinner(ofFirst ?? []);
    expectOneWinner(ofOther ?? []);
    expect(ofFirst?.every(({ claims }) => claims.sub === '1' && claims.sid === first.claims.sid)).toBe(true);
    expect(ofOther?.every(({ claims }) => claims.sub === '2' && claims.sid === other.claims.sid)).toBe(true);
    expect(store.requests).toHaveLength(2);
  });

  test('share nothing with one that arrived earlier: an upload does not lend its time to a request that is late [F23]', async () => {
    core = makeCore({ reuseDetection: {} }, { store, clock });
    const { refreshed } = await authenticate(core, first.token);
    await store.recordUse([{ sid: first.claims.sid, gen: 1 }], 1_800_000);
    clock.advance(30_000);

    const [upload, late] = await Promise.allSettled([
      authenticate(core, first.token, { waited: 29_000 }),
      authenticate(core, first.token),
    ]);

    expect(upload).toMatchObject({ status: 'fulfilled', value: { refreshed: { token: refreshed?.token } } });
    expect(late).toMatchObject({ status: 'rejected', reason: { code: 'token_superseded' } });
  });

  test('share nothing with another generation, and all end with the same token', async () => {
    const { refreshed } = await authenticate(core, first.token);
    clock.advance(EXPIRES_IN * 1000);
    store.requests.length = 0;

    const answers = await race((racer) => authenticate(core, (racer % 2 ? first : refreshed)?.token ?? ''));

    expect(answers.filter(({ state }) => state === 'refreshable').length).toBeLessThanOrEqual(1);
    expect(new Set(answers.map((answer) => answer.refreshed?.token)).size).toBe(1);
    expect(new Set(answers.map(({ claims }) => claims.gen))).toEqual(new Set([2]));
    expect(new Set(store.requests.map(({ generation }) => generation))).toEqual(new Set([0, 1]));
  });

  test('have one winner in all processes together', async () => {
    const cores = [core, ...Array.from({ length: 3 }, () => makeCore({}, { store, clock }))];

    const answers = await race((racer) => authenticate(cores[racer % cores.length] ?? core, first.token));

    expectOneWinner(answers);
    expect(store.requests).toHaveLength(cores.length);
  });

  test('fail together where the store does not decide, and the next one asks again', async () => {
    const lostReply: Interception = async (ask) => {
      await ask();
      throw new Error('connection lost');
    };
    store.intercept(lostReply);

    const refusals = await race(() => refusal(authenticate(core, first.token)));

    expect(refusals).toEqual(
      refusals.map(() => ({
        code: 'store_unavailable',
        statusCode: 503,
        message: 'The session store is unavailable, try again',
        detail: 'connection lost',
      })),
    );
    expect(store.requests).toHaveLength(1);
    expect((await authenticate(core, first.token)).state).toBe('already-refreshed');
  });

  test('are all refused where the session was ended here meanwhile', async () => {
    store.intercept(async (ask) => {
      const answer = await ask();
      await core.revocations.revokeSession(first.claims.sid);
      return answer;
    });

    const refusals = await race(() => refusal(authenticate(core, first.token)));

    expect(refusals).toEqual(
      refusals.map(() => ({ code: 'session_revoked', statusCode: 401, message: 'The session was revoked' })),
    );
  });

  test('[M2] wait together: a thousand are one call, end with it, and hold up nobody else', async () => {
    let release: (reason: Error) => void = () => undefined;
    store.intercept(() => new Promise((_, reject) => void (release = reject)));
    const waiting = race(() => refusal(authenticate(core, first.token)), 1000);
    const other = issue(core, { sub: '2' });

    expect(await authenticate(core, other.token)).toEqual({ state: 'valid', claims: other.claims });
    clock.advance(EXPIRES_IN * 1000);
    expect((await authenticate(core, other.token)).state).toBe('refreshable');
    expect(store.requests).toHaveLength(2);

    release(new Error('no answer within storeTimeout'));
    expect(new Set((await waiting).map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await waiting).toContainEqual(expect.objectContaining({ statusCode: 503 }));
    expect(store.requests).toHaveLength(2);
  });

  test('share no answer with requests that come later: the session may have ended elsewhere meanwhile', async () => {
    await race(() => authenticate(core, first.token));
    await authenticate(core, first.token);

    expect(store.requests).toHaveLength(2);
  });
});
