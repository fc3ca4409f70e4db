import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { WatchedLogger } from '../../../../test/support/watched-logger.js';
import {
  authenticate,
  EXPIRES_IN,
  issue,
  makeCore,
  REFRESH_WINDOW,
  serviceOf,
  SESSION_LIFETIME,
  setUp,
  type Stage,
} from '../../../../test/support/core.js';
import type { RefreshAuthError, RefreshAuthErrorCode } from '../errors/refresh-auth-error.js';
import type { RefreshAuthOptions } from '../options/refresh-auth-options.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { Connection, OpenSession } from './open-sessions.js';

const TICK = 1_000;

let stage: Stage;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
});
afterEach(async () => {
  await Promise.all([stage.core.stop(), stage.elsewhere.stop()]);
  jest.useRealTimers();
});

async function start(options: RefreshAuthOptions = {}): Promise<void> {
  stage = setUp(options);
  await Promise.all([stage.core.start(), stage.elsewhere.start()]);
}

/** Lets the timers run once, and then everything that they have begun. */
async function tick(): Promise<void> {
  jest.advanceTimersByTime(2 * TICK);
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
}

async function pass(seconds: number): Promise<void> {
  stage.clock.advance(seconds * 1000);
  await tick();
}

interface Opened extends Connection {
  readonly session: OpenSession;
  readonly ends: string[];
}

function open(claims: TokenClaims, core: RefreshAuthCore = stage.core): Opened {
  const ends: string[] = [];
  const connection = { ends, end: (reason: RefreshAuthError) => void ends.push(reason.code) };
  return Object.assign(connection, { session: core.openSessions.join(claims, connection) });
}

/** How a message is answered: with a state, or why it is refused. */
function message({ session }: Opened): string {
  try {
    return stage.core.openSessions.check(session).state;
  } catch (error) {
    return (error as RefreshAuthError).code;
  }
}

async function refresh({ token }: IssuedToken): Promise<IssuedToken> {
  const { refreshed } = await authenticate(stage.elsewhere, token);
  return refreshed!;
}

describe('a connection', () => {
  beforeEach(() => start());

  test('[F52] ends when its session is revoked, and no other does', async () => {
    const [mine, other] = [open(issue(stage.core).claims), open(issue(stage.core).claims)];
    await stage.core.revocations.revokeSession(mine.session.claims.sid);

    expect([mine.ends, other.ends]).toEqual([['session_revoked'], []]);
    expect([message(mine), message(other)]).toEqual(['session_revoked', 'valid']);
  });

  test('[F52] ends when another process revokes its session', async () => {
    const mine = open(issue(stage.core).claims);
    await stage.elsewhere.revocations.revokeSession(mine.session.claims.sid);
    await tick();

    expect(mine.ends).toEqual(['session_revoked']);
  });

  test('[F52] ends when another process revokes all sessions of its user but one', async () => {
    const [mine, spared, foreign] = [{ sub: '1' }, { sub: '1' }, { sub: '2' }].map((claims) =>
      open(issue(stage.core, claims).claims),
    );
    await stage.elsewhere.revocations.revokeUser('1', spared!.session.claims.sid);
    await tick();

    expect([mine, spared, foreign].map((connection) => connection!.ends)).toEqual([['session_revoked'], [], []]);
  });

  test('ends at once if its session has ended already', async () => {
    const { claims } = issue(stage.core);
    await stage.core.revocations.revokeSession(claims.sid);

    expect(open(claims).ends).toEqual(['session_revoked']);
    expect(stage.core.openSessions.size).toBe(0);
  });

  test('lives on when its token expires, and asks no store', async () => {
    const mine = open(issue(stage.core).claims);
    await pass(EXPIRES_IN);

    expect([mine.ends, message(mine)]).toEqual([[], 'refreshable']);
    expect(stage.store.requests).toEqual([]);
  });

  test('ends when the latest token of its session can no longer be refreshed, after one read of the store for all', async () => {
    const first = issue(stage.core);
    const all = [open(first.claims), open(first.claims), open(first.claims)];
    await pass(REFRESH_WINDOW - 1);
    expect(stage.store.requests).toEqual([]);
    await pass(1);

    expect(all.flatMap(({ ends }) => ends)).toEqual(Array(3).fill('token_expired'));
    expect(stage.store.requests).toHaveLength(1);
    expect(stage.store.requests[0]).not.toHaveProperty('candidate');
  });

  test('lives as long as the session goes on elsewhere: the store is asked once per refresh window', async () => {
    const first = issue(stage.core);
    const mine = open(first.claims);
    await pass(REFRESH_WINDOW - 1);
    const second = await refresh(first);
    stage.store.requests.length = 0;
    await pass(1);
    await tick();

    expect([mine.ends, mine.session.claims]).toEqual([[], second.claims]);
    expect(stage.store.requests).toHaveLength(1);
    await pass(REFRESH_WINDOW);
    expect(mine.ends).toEqual(['token_expired']);
    expect(stage.store.requests).toHaveLength(2);
  });

  test('ends at the end of its session, without a read of the store', async () => {
    let latest = issue(stage.core);
    const mine = open(latest.claims);
    for (let passed = 0; passed < SESSION_LIFETIME; passed += REFRESH_WINDOW / 2) {
      latest = passed === 0 ? latest : await refresh(latest);
      stage.core.openSessions.renew(mine.session, latest.claims);
      expect(message(mine)).toBe('valid');
      await pass(REFRESH_WINDOW / 2);
    }

    expect([mine.ends, message(mine)]).toEqual([['session_expired'], 'session_expired']);
    expect(stage.store.requests.every(({ candidate }) => candidate)).toBe(true);
  });

  test('refuses messages at the end of its session, before the timer has run', () => {
    const mine = open(issue(stage.core).claims);
    stage.clock.advance(SESSION_LIFETIME * 1000);

    expect([mine.ends, message(mine)]).toEqual([[], 'session_expired']);
  });

  test('stays open while the store fails, and refuses messages with `store_unavailable` until it answers', async () => {
    const first = issue(stage.core);
    const mine = open(first.claims);
    await pass(REFRESH_WINDOW - 1);
    const second = await refresh(first);
    stage.store.intercept(() => Promise.reject(new Error('down')));
    await pass(1);
    expect([mine.ends, message(mine)]).toEqual([[], 'store_unavailable']);
    await tick();

    expect([mine.ends, message(mine), mine.session.claims]).toEqual([[], 'valid', second.claims]);
  });

  test('answers messages on an expired token with `store_unavailable` while revocations may be missed', async () => {
    const mine = open(issue(stage.core).claims);
    stage.clock.advance((EXPIRES_IN - 1) * 1000);
    expect([stage.core.revocations.isFresh, message(mine)]).toEqual([false, 'valid']);
    stage.clock.advance(1000);
    expect(message(mine)).toBe('store_unavailable');
    await tick();

    expect([mine.ends, message(mine)]).toEqual([[], 'refreshable']);
  });

  test('takes the claims of a newer token, and never those of an older one', async () => {
    const first = issue(stage.core);
    const mine = open(first.claims);
    stage.clock.advance(EXPIRES_IN * 1000);
    const second = await refresh(first);
    stage.core.openSessions.renew(mine.session, second.claims);
    expect(message(mine)).toBe('valid');
    open(first.claims);

    expect(mine.session.claims).toBe(second.claims);
  });

  test('leaves nothing behind when it closes by itself', async () => {
    const first = issue(stage.core);
    const connections = [open(first.claims), open(first.claims), open(issue(stage.core).claims)];
    expect(stage.core.openSessions.size).toBe(2);
    for (const connection of connections) stage.core.openSessions.leave(connection.session, connection);

    expect(stage.core.openSessions.size).toBe(0);
    await pass(SESSION_LIFETIME);
    expect(connections.map(({ ends }) => ends)).toEqual([[], [], []]);
  });
});

describe('with `reloadClaims`, the claims of an open connection', () => {
  let rights: object | null | Error;
  let reloads: number;

  beforeEach(async () => {
    rights = { role: 'admin' };
    reloads = 0;
    await start({
      reloadClaims: (claims: TokenClaims) => {
        reloads += 1;
        if (rights instanceof Error) throw rights;
        return rights && { ...claims, ...rights };
      },
    });
  });

  test('are reloaded every `expiresIn`, once for all connections of the session', async () => {
    const first = issue(stage.core);
    const connections = [open(first.claims), open(first.claims)];
    await pass(EXPIRES_IN * 0.9 - 1);
    expect(reloads).toBe(0);
    await pass(EXPIRES_IN * 0.1 + 1);

    expect(reloads).toBe(1);
    expect(connections[1]!.session.claims).toEqual({ ...first.claims, role: 'admin' });
    await pass(EXPIRES_IN);
    expect(reloads).toBe(2);
  });

  test('end it if there are none any more, and end its session', async () => {
    const first = issue(stage.core);
    const mine = open(first.claims);
    rights = null;
    await pass(EXPIRES_IN);

    expect(mine.ends).toEqual(['session_revoked']);
    expect((await serviceOf(stage.elsewhere).inspect(first.token)).reason).toBe('session_revoked');
  });

  test('stay as they are while the application cannot load them', async () => {
    const first = issue(stage.core);
    const mine = open(first.claims);
    const log = new WatchedLogger();
    Logger.overrideLogger(log);
    rights = new Error('the database is down');
    await pass(EXPIRES_IN);
    expect([mine.ends, mine.session.claims]).toEqual([[], first.claims]);
    Logger.overrideLogger(new ConsoleLogger());
    rights = { role: 'admin' };
    await pass(EXPIRES_IN);

    expect(mine.session.claims).toEqual({ ...first.claims, role: 'admin' });
    expect(log.lines.join()).toContain('the database is down');
  });

  test('are spread by a tenth, so that sessions do not reload at the same moment', async () => {
    const sessions = Array.from({ length: 100 }, () => open(issue(stage.core).claims));
    await pass(EXPIRES_IN * 0.95);

    expect(reloads).toBeGreaterThan(0);
    expect(reloads).toBeLessThan(sessions.length);
  });
});

describe('ended(claims)', () => {
  beforeEach(() => start());

  function listen(claims: TokenClaims): (RefreshAuthErrorCode | 'complete')[] {
    const heard: (RefreshAuthErrorCode | 'complete')[] = [];
    serviceOf(stage.core)
      .ended(claims)
      .subscribe({ next: ({ code }) => heard.push(code), complete: () => heard.push('complete') });
    return heard;
  }

  test('[F52] emits once when the session ends, and completes', async () => {
    const heard = listen({ ...issue(stage.core).claims });
    const { claims } = issue(stage.core, { sub: '2' });
    const other = listen(claims);
    await stage.elsewhere.revocations.revokeUser('1');
    await tick();

    expect([heard, other]).toEqual([['session_revoked', 'complete'], []]);
  });

  test('emits when the session can no longer be refreshed', async () => {
    const heard = listen(issue(stage.core).claims);
    await pass(REFRESH_WINDOW);

    expect(heard).toEqual(['token_expired', 'complete']);
  });

  test('emits at once for a session that has ended', async () => {
    const { claims } = issue(stage.core);
    await stage.core.revocations.revokeSession(claims.sid);

    expect(listen(claims)).toEqual(['session_revoked', 'complete']);
  });

  test('keeps nothing after the last subscriber has left', () => {
    const { claims } = issue(stage.core);
    const ended = serviceOf(stage.core).ended(claims);
    expect(stage.core.openSessions.size).toBe(0);
    const subscriptions = [ended.subscribe(), ended.subscribe()];
    expect(stage.core.openSessions.size).toBe(1);
    for (const subscription of subscriptions) subscription.unsubscribe();

    expect(stage.core.openSessions.size).toBe(0);
  });

  test.each([[undefined], [{}], [{ sub: '1' }], ['token']])('refuses %j, which are not claims', (claims) => {
    expect(() => serviceOf(makeCore()).ended(claims as never)).toThrow(/^ended needs the claims of a token/);
  });
});
