import { beforeEach, describe, expect, test } from '@jest/globals';
import type { TestClock } from '../../../../test/support/clock.js';
import { authenticate, EXPIRES_IN, issue, recordEvents, setUp } from '../../../../test/support/core.js';
import type { InterceptedStore } from '../../../../test/support/intercepted-store.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { IssuedToken } from '../tokens/claims.js';
import type { RefreshAuthEvent } from '../events/events.js';

describe('A latest token that this process has seen', () => {
  let clock: TestClock;
  let store: InterceptedStore;
  let core: RefreshAuthCore;
  let elsewhere: RefreshAuthCore;
  let events: RefreshAuthEvent[];
  let first: IssuedToken;
  let second: IssuedToken | undefined;

  beforeEach(async () => {
    ({ clock, store, core, elsewhere } = setUp());
    events = recordEvents(core);
    first = issue(core);
    clock.advance(EXPIRES_IN * 1000);
    second = (await authenticate(core, first.token)).refreshed;
    store.requests.length = 0;
  });

  test('is handed over as it is, and the store is offered no other', async () => {
    const { state, refreshed } = await authenticate(core, first.token);

    expect(state).toBe('already-refreshed');
    expect(refreshed).toBe(second);
    expect(store.requests).toEqual([expect.not.objectContaining({ candidate: expect.anything() })]);
  });

  test('of another process, too', async () => {
    const answers = [await authenticate(elsewhere, first.token), await authenticate(elsewhere, first.token)];

    expect(answers[0]?.refreshed).toEqual(second);
    expect(answers[1]?.refreshed).toBe(answers[0]?.refreshed);
    expect(store.requests.map(({ candidate }) => candidate !== undefined)).toEqual([true, false]);
  });

  test('is handed over only while it stands in the store', async () => {
    clock.advance(EXPIRES_IN * 1000);
    const third = (await authenticate(elsewhere, second?.token ?? '')).refreshed;

    expect(await authenticate(core, first.token)).toMatchObject({ state: 'already-refreshed', refreshed: third });
  });

  test('is not taken for what stands there in its place', async () => {
    const planted = Buffer.from('\x01\x00of the same generation, and nothing that we have sealed');
    store.intercept(async () => ({ outcome: 'handed-over', latest: 1, sealed: planted }));

    const { refreshed } = await authenticate(core, first.token);

    expect(store.requests[1]).toMatchObject({ generation: 1, rejected: planted });
    expect(events.filter(({ type }) => type === 'sealed-token-rejected')).toHaveLength(1);
    expect(refreshed).toBe(second);
  });

  test('and that the store has lost is refreshed with a second call', async () => {
    store.intercept(async () => ({ outcome: 'current' }));

    const { refreshed } = await authenticate(core, first.token);

    expect(store.requests.map(({ candidate }) => candidate !== undefined)).toEqual([false, true]);
    expect(refreshed).toEqual(second);
  });

  test('does not keep the next generation from being offered at once', async () => {
    clock.advance(EXPIRES_IN * 1000);

    const { state } = await authenticate(core, second?.token ?? '');

    expect(state).toBe('refreshable');
    expect(store.requests).toHaveLength(1);
  });
});
