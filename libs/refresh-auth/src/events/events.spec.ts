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
import { flipBit } from '../../../../test/support/hostile-tokens.js';
import type { InterceptedStore } from '../../../../test/support/intercepted-store.js';
import { sessionOf } from '../../../../test/support/session-of.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { IssuedToken } from '../tokens/claims.js';
import { Events, type RefreshAuthEvent } from './events.js';
import { sessionName } from '../tokens/session-id.js';

describe('Events', () => {
  let clock: TestClock;
  let store: InterceptedStore;
  let core: RefreshAuthCore;
  let events: RefreshAuthEvent[];
  let first: IssuedToken;

  beforeEach(() => {
    ({ clock, store, core } = setUp());
    events = recordEvents(core);
    first = issue(core, { sub: 'a-telling-user', email: 'ada@example.com' });
  });

  const session = () => sessionName(first.claims.sid);
  const expire = (): void => clock.advance(EXPIRES_IN * 1000);
  const fail = () => Promise.reject(new Error('connection lost'));

  /** The types of events, each with code that causes it and the expected events. */
  const CASES: [string, () => Promise<unknown>, () => object[]][] = [
    [
      'refreshed',
      () => {
        expire();
        return authenticate(core, first.token);
      },
      () => [{ type: 'refreshed', at: clock.now(), session: session(), gen: 1 }],
    ],
    [
      'already-refreshed',
      async () => {
        expire();
        await authenticate(makeCore({}, { store, clock }), first.token);
        await authenticate(core, first.token);
      },
      () => [{ type: 'already-refreshed', at: clock.now(), session: session(), gen: 1 }],
    ],
    [
      'session-revoked',
      () => core.revocations.revokeSession(first.claims.sid),
      () => [{ type: 'session-revoked', at: clock.now(), session: session() }],
    ],
    [
      'store-failed, store-recovered',
      async () => {
        expire();
        store.intercept(fail);
        await refusal(authenticate(core, first.token));
        await authenticate(core, first.token);
      },
      () => [
        { type: 'store-failed', at: clock.now(), reason: 'connection lost' },
        {
          type: 'token-rejected',
          at: clock.now(),
          code: 'store_unavailable',
          detail: 'connection lost',
          session: session(),
          gen: 0,
        },
        { type: 'store-recovered', at: clock.now() },
        { type: 'refreshed', at: clock.now(), session: session(), gen: 1 },
      ],
    ],
    [
      'lost-write',
      () => {
        const second = core.signer.successor(first.claims);
        expire();
        return authenticate(core, second.token);
      },
      () => [
        { type: 'lost-write', at: clock.now(), session: session(), gen: 1 },
        { type: 'refreshed', at: clock.now(), session: session(), gen: 2 },
      ],
    ],
    [
      'sealed-token-rejected',
      async () => {
        const sealed = Buffer.from(first.token);
        sealed[0] = 1;
        await store.rotate({ ...sessionOf(first.claims), generation: 0, candidate: { sealed, ttl: 3_600_000 } });
        expire();
        await authenticate(core, first.token);
      },
      () => [
        { type: 'sealed-token-rejected', at: clock.now(), session: session(), gen: 1 },
        { type: 'already-refreshed', at: clock.now(), session: session(), gen: 2 },
      ],
    ],
    [
      'token-refused of a token whose signature was verified',
      () => {
        clock.advance(3_600_000);
        return refusal(authenticate(core, first.token));
      },
      () => [{ type: 'token-rejected', at: clock.now(), code: 'session_expired', session: session(), gen: 0 }],
    ],
    [
      'token-refused of a token that somebody made up',
      () => refusal(authenticate(core, flipBit(first.token))),
      () => [
        {
          type: 'token-rejected',
          at: clock.now(),
          code: 'token_invalid',
          detail: 'the signature, the issuer or the audience is wrong',
        },
      ],
    ],
  ];

  test.each(CASES)('[G2] %s', async (_, cause, expected) => {
    await cause();

    expect(events).toEqual(expected());
  });

  test.each(CASES)('[G1] %s contains no token, no claim and no secret', async (_, cause) => {
    await cause();

    const text = JSON.stringify(events);
    const { token, claims } = first;
    for (const secret of [...token.split('.'), 'eyJhbGci', claims.sid, claims.jti, claims.sub, 'ada@example.com']) {
      expect(text).not.toContain(secret);
    }
  });

  test('a sign-in, a valid token and an inspection emit no events', async () => {
    await authenticate(core, first.token);
    await core.authenticator.inspect(first.token);
    expire();
    await core.authenticator.inspect(first.token);
    clock.advance(3_600_000);
    await core.authenticator.inspect(first.token);

    expect(events).toEqual([]);
  });

  test('complete when the application closes', () => {
    const ended = new Events(clock);
    let completed = false;
    ended.observable.subscribe({ complete: () => (completed = true) });

    ended.complete();

    expect(completed).toBe(true);
  });
});
