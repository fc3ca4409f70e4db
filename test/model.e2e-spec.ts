// Random sequences of everything that clients and administrators do, against a model of a session.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setImmediate as immediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { wrapStore } from 'nestjs-refresh-auth/testing';
import type { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { InMemorySessionStore } from '../libs/refresh-auth/src/store/in-memory-session-store.js';
import { connectRedis } from '../libs/refresh-auth/src/store/redis/redis-connection.js';
import { RedisSessionStore } from '../libs/refresh-auth/src/store/redis/redis-session-store.js';
import type { ListingStore } from '../libs/refresh-auth/src/sessions/tracked-sessions.js';
import type { IssuedToken } from '../libs/refresh-auth/src/tokens/claims.js';
import { TestClock } from './support/clock.js';
import { makeCore } from './support/core.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import {
  act,
  type Action,
  emptyTally,
  GRACE,
  REVOKE_AFTER,
  lateFrom,
  LIFETIMES,
  optionsFor,
  type Policy,
  SessionModel,
  type Tally,
} from './support/session-model.js';

const USERS = ['1', '2'];

/** It takes seconds; a failure takes longer, since it is made smaller before it is shown with its seed. */
const LIMIT = 120_000;

/** Two instances of the service on one store, and what lies between. */
interface Real {
  readonly instances: readonly [RefreshAuthCore, RefreshAuthCore];
  readonly network: Network;
}
type Command = fc.AsyncCommand<SessionModel, Real>;

class SignIn implements Command {
  constructor(
    private readonly sub: string,
    private readonly instance: number,
  ) {}

  check = (): boolean => true;

  async run(model: SessionModel, { instances, network }: Real): Promise<void> {
    const claims = model.users.claims(this.sub) ?? { sub: this.sub };
    model.signedIn(await network.settle(instances[this.instance % 2]!.signIns.start(claims, {})));
  }

  toString = (): string => `user ${this.sub} signs in at ${this.instance}`;
}

/** Changes the claims that `reloadClaims` finds from now on. */
class Administer implements Command {
  constructor(
    private readonly what: 'promote' | 'toggle',
    private readonly sub: string,
  ) {}

  check = (): boolean => true;

  async run({ users }: SessionModel): Promise<void> {
    users[this.what](this.sub);
  }

  toString = (): string => `user ${this.sub} is ${this.what === 'promote' ? 'promoted' : 'disabled, or enabled again'}`;
}

/** Time passes until shortly before, at or shortly after a moment that counts for a token; it never goes back. */
class PassTime implements Command {
  constructor(
    private readonly pick: number,
    private readonly moment:
      'exp' | 'refresh_exp' | 'end' | 'late' | 'grace since exp' | 'grace since iat' | 'reuse since exp',
    private readonly offset: number,
  ) {}

  check = (): boolean => true;

  async run({ clock, tokens }: SessionModel): Promise<void> {
    const claims = newest(tokens, this.pick)?.claims;
    if (!claims) return;
    const moments = {
      exp: claims.exp,
      refresh_exp: claims.refresh_exp,
      end: claims.auth_time + LIFETIMES.sessionLifetime,
      late: lateFrom(claims),
      'grace since exp': claims.exp + GRACE,
      'grace since iat': claims.iat + GRACE,
      'reuse since exp': claims.exp + REVOKE_AFTER,
    };
    clock.set(Math.max(clock.now(), moments[this.moment] * 1000 + this.offset));
  }

  toString = (): string => `time passes until ${this.offset} ms from the ${this.moment} of token ${this.pick}`;
}

/** Any client acts with any token that was ever delivered. Several act at once, with their messages in any order. */
class Use implements Command {
  constructor(private readonly uses: readonly (Omit<Action, 'token'> & { pick: number })[]) {}

  check = (): boolean => true;

  async run(model: SessionModel, { instances, network }: Real): Promise<void> {
    const actions = this.uses.flatMap(({ pick, what, instance }): Action[] => {
      const token = newest(model.tokens, pick);
      return token ? [{ what, instance, token }] : [];
    });
    const results = actions.map(async (action) => ({
      action,
      outcome: await act(action, instances[action.instance] ?? instances[0]),
      finished: network.arrived,
    }));
    model.observe(await network.settle(Promise.all(results)));
    await network.settle(Promise.all(instances.map(async ({ usedGenerations }) => usedGenerations?.flush())));
    await network.calmDown();
    const { tracked } = instances[0];
    if (!tracked) return;
    for (const sub of USERS) model.observeList(sub, await network.settle(tracked.list(sub)));
  }

  toString = (): string =>
    this.uses.map(({ what, pick, instance }) => `${what} token ${pick} at ${instance}`).join(' and ');
}

/** Any token that was ever delivered; newer ones more often. */
function newest(tokens: readonly IssuedToken[], age: number): IssuedToken | undefined {
  return tokens.at(-1 - (age % tokens.length));
}

/** Between the instances and the store: each question and each answer is under way until the scheduler lets it arrive. */
class Network {
  /** The store at the other end, without notifications. */
  readonly store: ListingStore;
  /** How many messages have arrived, with all that followed from them. */
  arrived = 0;

  constructor(
    store: ListingStore,
    private readonly scheduler: fc.Scheduler,
  ) {
    const {
      onRevocation: _,
      revocationsAfter: __,
      ...listing
    } = wrapStore<ListingStore>(store, {
      around: (ask) => this.#deliver(ask),
    });
    this.store = listing;
  }

  /** Until nothing is under way any more, not even what nobody waits for. */
  async calmDown(): Promise<void> {
    await this.scheduler.waitIdle();
  }

  /** Lets messages arrive, one after the other, until that is settled. */
  settle<T>(outcome: Promise<T>): Promise<T> {
    return this.scheduler.waitFor(outcome, async (arrive) => {
      await arrive();
      await immediate();
      this.arrived++;
    });
  }

  async #deliver<T>(ask: () => Promise<T>): Promise<T> {
    await this.scheduler.schedule(Promise.resolve('question'));
    const answer = await ask();
    await this.scheduler.schedule(Promise.resolve('answer'));
    return answer;
  }
}

const pick = fc.nat({ max: 30 });
const instance = fc.nat({ max: 1 });
const use = fc.record({
  pick,
  instance,
  what: fc.oneof(
    { weight: 24, arbitrary: fc.constant('present' as const) },
    { weight: 3, arbitrary: fc.constant('inspect' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'sign out' as const,
        'revoke' as const,
        'revoke user' as const,
        'revoke others' as const,
        'revoke others' as const,
      ),
    },
  ),
});
const moment = fc.oneof(
  { weight: 12, arbitrary: fc.constant('exp' as const) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'late' as const,
      'grace since exp' as const,
      'grace since iat' as const,
      'reuse since exp' as const,
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('refresh_exp' as const, 'end' as const) },
);
const signIn = fc.tuple(fc.constantFrom(...USERS), instance).map(([sub, at]) => new SignIn(sub, at));
const passTime = fc
  .tuple(pick, moment, fc.constantFrom(-1000, -1, 0, 1, 1000))
  .map(([token, until, offset]) => new PassTime(token, until, offset));
const useTokens = fc.array(use, { minLength: 1, maxLength: 6 }).map((uses) => new Use(uses));
const administer = fc
  .tuple(fc.constantFrom('promote' as const, 'toggle' as const), fc.constantFrom(...USERS))
  .map(([what, sub]) => new Administer(what, sub));
// Sign-in comes less often than the others, which stand in the list more often.
const commands = fc.commands<SessionModel, Real, false>(
  [signIn, administer, passTime, passTime, passTime, useTokens, useTokens, useTokens],
  { maxCommands: 40, size: 'max' },
);
const policies: fc.Arbitrary<Policy> = fc.record({
  onReuse: fc.constantFrom(undefined, 'revoke', 'reject'),
  reloads: fc.boolean(),
  refreshesAhead: fc.boolean(),
  tracked: fc.boolean(),
});

async function explore(openStore: (clock: TestClock) => Promise<ListingStore>, numRuns: number): Promise<Tally> {
  const tally = emptyTally();
  await fc.assert(
    fc.asyncProperty(commands, policies, fc.scheduler(), async (steps, policy, scheduler) => {
      const clock = new TestClock();
      const network = new Network(await openStore(clock), scheduler);
      const model = new SessionModel(clock, policy, tally);
      const options = optionsFor(policy, model.users);
      const instances = [0, 1].map(() => makeCore(options, { store: network.store, clock }));
      const [one, other] = instances;
      if (!one || !other) throw new Error('There are two instances');
      const real: Real = { instances: [one, other], network };
      await new SignIn('1', 0).run(model, real);
      await fc.asyncModelRun(() => ({ model, real }), steps);
    }),
    { numRuns },
  );
  return tally;
}

/**
 * As long as no acknowledged write is lost: no two different successors of one generation, no state going back in time, no
 * token of a revoked session refreshed anywhere or passing where it was revoked, no session outliving its lifetime, whoever
 * brings an expired token gets the newest generation, and nobody becomes somebody else.
 */
describe('all invariants hold for any events in any order [R10]', () => {
  test(
    'on the in-memory store',
    async () => {
      const tally = await explore(async (clock) => new InMemorySessionStore(clock), 800);

      expect(Math.min(...Object.values(tally))).toBeGreaterThan(20);
    },
    LIMIT,
  );

  describe('on Redis', () => {
    let server: RedisServer;
    let client: Redis;

    beforeAll(async () => {
      server = await startRedis();
      client = new Redis(server.port);
    });
    afterAll(async () => {
      client.disconnect();
      await server.stop();
    });

    test(
      'whose own clock only ends records that nobody can present any more',
      async () => {
        const connection = await connectRedis(client);
        const tally = await explore(async (clock) => {
          await client.flushall();
          return new RedisSessionStore(connection, 'refresh-auth', clock);
        }, 150);

        expect(Math.min(...Object.values(tally))).toBeGreaterThan(3);
      },
      LIMIT,
    );
  });
});
