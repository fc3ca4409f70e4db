// A logout in any moment of a refresh: nothing that was refreshed outlives it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Redis } from 'ioredis';
import type { IssuedToken, RefreshAuthOptions } from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import { TestClock } from './support/clock.js';
import { authenticate, EXPIRES_IN, makeCore, refusal, serviceOf } from './support/core.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { type FullStore, type Stop, StoppableStore } from './support/stoppable-store.js';

const SECOND = 1000;
const revoked = { code: 'session_revoked', statusCode: 401, message: 'The session was revoked' };

/** One store, and processes on it: those that refresh, through whose calls a test can reach, and one that does not. */
class Scene {
  readonly clock = new TestClock();
  readonly way: StoppableStore;
  readonly here: RefreshAuthCore;
  readonly elsewhere: RefreshAuthCore;
  /** Lets no claims through. */
  readonly refusing: RefreshAuthCore;

  constructor(openStore: (clock: TestClock) => FullStore, { reloadClaims, ...options }: RefreshAuthOptions) {
    const store = openStore(this.clock);
    const all = { ...options, storeTimeout: '1m', reloadTimeout: '1m' } as const;
    this.way = new StoppableStore(store);
    const reload = reloadClaims && {
      reloadClaims: (claims: object) => this.way.pass(async () => reloadClaims(claims)),
    };
    this.here = makeCore({ ...all, ...reload }, { store: this.way.store, clock: this.clock });
    this.elsewhere = makeCore(all, { store, clock: this.clock });
    this.refusing = makeCore({ ...all, refreshAhead: 0.99, reloadClaims: () => null }, { store, clock: this.clock });
  }

  async signIn(): Promise<IssuedToken> {
    return this.here.signIns.start({ sub: '1' }, {});
  }

  async expire(): Promise<void> {
    this.clock.advance(EXPIRES_IN * SECOND);
  }

  /** In a process that nobody watches. */
  async refresh({ token }: IssuedToken): Promise<IssuedToken> {
    const { refreshed } = await authenticate(this.elsewhere, token);
    if (!refreshed) throw new Error('It was to be refreshed');
    return refreshed;
  }
}

/** Something that makes a new token, or hands one over, of which the last one is known to the client. */
interface Refresh {
  readonly options?: RefreshAuthOptions;
  /** @returns all tokens of the session so far; the first is presented */
  prepare(scene: Scene): Promise<IssuedToken[]>;
  run?(core: RefreshAuthCore, presented: IssuedToken): Promise<IssuedToken | undefined>;
}

const expired = async (scene: Scene): Promise<IssuedToken[]> => {
  const token = await scene.signIn();
  await scene.expire();
  return [token];
};
const superseded = async (scene: Scene): Promise<IssuedToken[]> => {
  const [token] = await expired(scene);
  const successor = await scene.refresh(token!);
  scene.clock.advance(SECOND);
  return [token!, successor];
};
const supersededByAnExpiredOne = async (scene: Scene): Promise<IssuedToken[]> => {
  const tokens = await superseded(scene);
  await scene.expire();
  return tokens;
};
const reloadClaims = ({ sub }: { sub: string }) => ({ sub, role: 'fresh' });

const refreshes: [name: string, refresh: Refresh][] = [
  ['a refresh', { prepare: expired }],
  ['a hand-over', { prepare: superseded }],
  ['a refresh of the latest token for a superseded token', { prepare: supersededByAnExpiredOne }],
  ['a refresh with fresh claims', { prepare: expired, options: { reloadClaims } }],
  ['a refresh of the latest token with fresh claims', { prepare: supersededByAnExpiredOne, options: { reloadClaims } }],
  ['a refresh under the grace policy', { prepare: expired, options: { reuseDetection: { grace: 30 } } }],
  ['a hand-over under reuse detection', { prepare: superseded, options: { reuseDetection: { grace: 30 } } }],
  ['a refresh of a tracked session', { prepare: expired, options: { sessions: 'tracked' } }],
  [
    'a refresh ahead',
    {
      options: { refreshAhead: 0.5 },
      prepare: async (scene) => {
        const token = await scene.signIn();
        scene.clock.advance((EXPIRES_IN - 1) * SECOND);
        return [token];
      },
      run: async (core, { claims }) => core.refreshAhead?.refresh(claims),
    },
  ],
];

interface Logout {
  readonly core: RefreshAuthCore;
  readonly scene: Scene;
  /** The latest token of the client. */
  readonly own: IssuedToken;
  /** Another session of the same user. */
  readonly other: IssuedToken;
}

function signOut(core: RefreshAuthCore, { token }: IssuedToken, scope: 'session' | 'user' | 'others'): Promise<void> {
  const request = new IncomingMessage(new Socket());
  request.headers.authorization = `Bearer ${token}`;
  return serviceOf(core).signOut(request, new ServerResponse(request), { scope });
}

const logouts: [name: string, logOut: (logout: Logout) => Promise<unknown>][] = [
  ['signOut', ({ core, own }) => signOut(core, own, 'session')],
  ["signOut, scope 'user'", ({ core, own }) => signOut(core, own, 'user')],
  ["signOut of another session, scope 'others'", ({ core, other }) => signOut(core, other, 'others')],
  ['revokeSession', ({ core, own }) => serviceOf(core).revokeSession(own.claims.sid)],
  ['revokeUser', ({ core }) => serviceOf(core).revokeUser('1')],
  [
    'revokeUser with another session excepted',
    ({ core, other }) => serviceOf(core).revokeUser('1', { except: other.claims.sid }),
  ],
];

let server: RedisServer;
let redis: Redis;
let openRedis: (clock: TestClock) => FullStore;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.port);
  const connection = await connectRedis(redis);
  openRedis = (clock) => new RedisSessionStore(connection, 'refresh-auth', clock);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** The result for the client: a token, or the reason why it has none. */
async function outcomeOf(refreshed: Promise<IssuedToken | undefined>): Promise<IssuedToken | object | undefined> {
  const settled = refreshed.catch((reason: unknown) => reason);
  const outcome = await settled;
  return outcome instanceof Error ? refusal(Promise.reject(outcome)) : (outcome as IssuedToken | undefined);
}

/** Expects that each process rejects every token, now and when it has expired. */
async function expectAllDead(scene: Scene, tokens: readonly IssuedToken[], at: string): Promise<void> {
  for (const moment of ['at once', 'expired']) {
    for (const { token } of tokens) {
      for (const core of [scene.here, scene.elsewhere]) {
        const answer = { at, moment, ...(await refusal(authenticate(core, token))) };
        expect(answer).toEqual({ ...revoked, at, moment });
      }
    }
    await scene.expire();
  }
}

/** Runs the refresh once for each point at which it can be stopped, ends the session at that point, and lets the refresh continue. */
async function raceAll(
  openStore: (clock: TestClock) => FullStore,
  { options = {}, prepare, run = async (core, { token }) => (await authenticate(core, token)).refreshed }: Refresh,
  logOut: (scene: Scene, tokens: { own: IssuedToken; other: IssuedToken }) => Promise<unknown>,
  observe: (
    scene: Scene,
    outcome: IssuedToken | object | undefined,
    tokens: IssuedToken[],
    stop: Stop,
  ) => Promise<void>,
): Promise<void> {
  const scene = new Scene(openStore, options);
  const [undisturbed] = await prepare(scene);
  void scene.way.stopAt();
  expect(await run(scene.here, undisturbed!)).toBeDefined();
  const { calls } = scene.way;
  expect(calls).toBeGreaterThan(0);

  for (let call = 0; call < calls; call++) {
    for (const before of ['question', 'answer'] as const) {
      const tokens = await prepare(scene);
      const other = await scene.signIn();
      const stopped = scene.way.stopAt({ call, before });
      const outcome = outcomeOf(run(scene.here, tokens[0]!));
      await stopped;
      await scene.way.settle();

      await logOut(scene, { own: tokens.at(-1)!, other });
      scene.way.goOn();

      await observe(scene, await outcome, tokens, { call, before });
      await scene.way.settle();
    }
  }
}

describe.each<[store: string, openStore: (clock: TestClock) => FullStore]>([
  ['the in-memory store', (clock) => new InMemorySessionStore(clock)],
  ['Redis', (clock) => openRedis(clock)],
])('[L2] on %s, stopped between every two of its store calls,', (_store, openStore) => {
  describe.each(refreshes)('%s', (name, refresh) => {
    // A refresh ahead delays no request, and fails silently.
    const refused = name === 'a refresh ahead' ? undefined : revoked;

    test.each(logouts)('hands nothing over after %s in the same process', async (_, logOut) => {
      await raceAll(
        openStore,
        refresh,
        (scene, tokens) => logOut({ core: scene.here, scene, ...tokens }),
        async (scene, outcome, tokens, stop) => {
          const at = JSON.stringify(stop);
          expect({ at, outcome }).toEqual({ at, outcome: refused });
          await expectAllDead(scene, tokens, at);
        },
      );
    });

    test.each(logouts)('does not revive a session after %s in another process', async (_, logOut) => {
      let refusals = 0;
      await raceAll(
        openStore,
        refresh,
        (scene, tokens) => logOut({ core: scene.elsewhere, scene, ...tokens }),
        async (scene, outcome, tokens, stop) => {
          const refreshed = outcome && 'token' in outcome ? [outcome] : [];
          if (refreshed.length === 0) refusals++;
          expect(refreshed.length === 0 ? outcome : refused).toEqual(refused);
          await expectAllDead(scene, [...tokens, ...refreshed], JSON.stringify(stop));
        },
      );
      expect(refusals).toBeGreaterThan(0);
    });

    test('does not revive a session that reloadClaims ended in another process', async () => {
      let ended = 0;
      await raceAll(
        openStore,
        refresh,
        async (scene, { own }) => scene.refusing.refreshAhead?.refresh(own.claims),
        async (scene, outcome, tokens, stop) => {
          // The hook is asked only by who refreshes the latest token: who comes too late for that ends nothing.
          if (!(await scene.way.store.isRevoked(tokens[0]!.claims))) return;
          ended++;
          const refreshed = outcome && 'token' in outcome ? [outcome] : [];
          await expectAllDead(scene, [...tokens, ...refreshed], JSON.stringify(stop));
        },
      );
      expect(ended).toBeGreaterThan(0);
    });
  });
});
