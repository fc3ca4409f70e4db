import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { issue, makeCore, recordEvents, refusal } from '../../../../test/support/core.js';
import type { RefreshAuthEvent } from '../events/events.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import { hashed, sessionName } from '../tokens/session-id.js';

/** A store whose answers to revocations the test can lose. */
class LossyStore extends InMemorySessionStore {
  losesAnswers = false;

  override async revoke(...[sid, ttl]: Parameters<InMemorySessionStore['revoke']>): Promise<void> {
    await super.revoke(sid, ttl);
    await new Promise(setImmediate);
    if (this.losesAnswers) throw new Error('the connection is lost');
  }
}

describe('[F52] the events of a revocation', () => {
  const clock = new TestClock();
  let store: LossyStore;
  let core: RefreshAuthCore;
  let elsewhere: RefreshAuthCore;
  let here: RefreshAuthEvent[];
  let there: RefreshAuthEvent[];

  beforeEach(async () => {
    store = new LossyStore(clock);
    [core, elsewhere] = [makeCore({}, { store, clock }), makeCore({}, { store, clock })];
    [here, there] = [recordEvents(core), recordEvents(elsewhere)];
    await Promise.all([core.start(), elsewhere.start()]);
  });
  afterEach(async () => {
    await Promise.all([core.stop(), elsewhere.stop()]);
    await store.close();
  });

  /** Reads the log to its end in both processes. */
  async function readAll(): Promise<void> {
    await new Promise(setImmediate);
  }

  test('of a session are one in its own process, and one `elsewhere` in every other', async () => {
    const { claims } = issue(core);
    await core.revocations.revokeSession(claims.sid);
    await readAll();

    const event = { type: 'session-revoked', at: clock.now(), session: sessionName(claims.sid) };
    expect(here).toEqual([event]);
    expect(there).toEqual([{ ...event, elsewhere: true }]);
  });

  test('of a user say who was excepted, in every process', async () => {
    const { claims } = issue(core);
    await core.revocations.revokeUser(claims.sub, claims.sid);
    await readAll();

    const event = { type: 'user-revoked', user: hashed('1'), except: sessionName(claims.sid) };
    expect(here).toEqual([{ ...event, at: clock.now() }]);
    expect(there).toEqual([{ ...event, at: clock.now(), elsewhere: true }]);
  });

  test('that was written although its answer was lost are one `elsewhere` in every process', async () => {
    const { claims } = issue(core);
    store.losesAnswers = true;
    expect(await refusal(core.revocations.revokeSession(claims.sid))).toMatchObject({ code: 'store_unavailable' });
    await readAll();

    const event = { type: 'session-revoked', session: sessionName(claims.sid), elsewhere: true };
    expect(here.filter(({ type }) => type === 'session-revoked')).toEqual([{ ...event, at: clock.now() }]);
    expect(there).toEqual([{ ...event, at: clock.now() }]);
  });

  test('are none for revocations from before the start of a process', async () => {
    const { claims } = issue(core);
    await core.revocations.revokeSession(claims.sid);
    const late = makeCore({}, { store, clock });
    const events = recordEvents(late);
    await late.start();
    await late.stop();

    expect(events).toEqual([]);
    expect(late.revocations.ends(claims)).toBe(true);
  });
});
