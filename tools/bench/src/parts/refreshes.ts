import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { AT_ONCE, startProcess } from '../support/core.js';
import { costOf } from '../support/cost.js';
import { callsOf } from '../support/redis-facts.js';
import type { Effort, Section } from '../support/section.js';
import { number, show, type Summary, summarize } from '../support/statistics.js';
import { expiredTokens } from '../support/tokens.js';

const ROUNDS = 7;
const OPERATIONS = 2_000;
const IN_FLIGHT = 64;

/** The baseline of a refresh: the smallest script that can decide a race. */
const COMPARE_AND_SET = `
local now = redis.call('GET', KEYS[1])
if now and now ~= ARGV[1] then return now end
redis.call('SET', KEYS[1], ARGV[2], 'PX', 60000)
return ''`;

export type RefreshFigures = readonly {
  readonly name: string;
  readonly cpu: Summary;
  /** To one EVALSHA, under the same conditions. */
  readonly ratio: Summary;
  /** The same two, one operation at a time. */
  readonly cpuAlone: Summary;
  readonly ratioAlone: Summary;
  /** The same two, as many under way, and each begun in a tick of its own. */
  readonly cpuApart: Summary;
  readonly ratioApart: Summary;
  /** CPU, in microseconds. */
  readonly redis: Summary;
  readonly redisAlone: Summary;
  readonly redisApart: Summary;
  readonly perRedisCore: number;
  /** How many scripts Redis runs for one. */
  readonly commands: number;
}[];

interface Cost {
  /** Of this process for each operation, in microseconds. */
  readonly cpu: number;
  /** Of Redis. */
  readonly redis: number;
  readonly commands: number;
}

interface Contestant {
  readonly name: string;
  readonly together: Cost[];
  readonly alone: Cost[];
  readonly apart: Cost[];
  /** Prepares one round, and returns what is measured: one of so many operations. */
  readonly prepare: (operations: number) => Promise<(index: number) => unknown>;
}

/** Measures the refresh of a token in the process and in Redis, without HTTP. */
export async function measureRefreshes({ quick, redisUrl }: Effort): Promise<Section[]> {
  const inspector = new Redis(redisUrl);
  const clients = [false, true].map((enableAutoPipelining) => new Redis(redisUrl, { enableAutoPipelining }));
  const processes = await Promise.all(clients.map((client) => startProcess(client)));
  const contestants = clients.flatMap((client, index): Contestant[] => {
    const { core } = processes[index] ?? {};
    const { core: other } = processes[1 - index] ?? {};
    if (!core || !other) return [];
    const how = client.options.enableAutoPipelining ? ', auto-pipelining' : '';
    return [
      { name: `EVALSHA: get, compare, set${how}`, together: [], alone: [], apart: [], prepare: compareAndSet(client) },
      {
        name: `refresh${how}`,
        together: [],
        alone: [],
        apart: [],
        prepare: async (operations: number) => {
          const tokens = expiredTokens(operations);
          return (i: number) => core.authenticator.authenticate(tokens[i] ?? '', 'refresh', AT_ONCE);
        },
      },
      {
        name: `refresh that another process has won${how}`,
        together: [],
        alone: [],
        apart: [],
        prepare: async (operations: number) => {
          const tokens = expiredTokens(operations);
          await repeat(operations, IN_FLIGHT, (i) =>
            other.authenticator.authenticate(tokens[i] ?? '', 'refresh', AT_ONCE),
          );
          return (i: number) => core.authenticator.authenticate(tokens[i] ?? '', 'refresh', AT_ONCE);
        },
      },
    ];
  });
  try {
    const operations = quick ? 200 : OPERATIONS;
    // The first round warms up, and counts for nothing.
    for (let round = 0; round <= (quick ? 1 : ROUNDS); round++) {
      for (const { prepare, together, alone, apart } of contestants) {
        const busy = await measure(inspector, operations, IN_FLIGHT, await prepare(operations));
        const idle = await measure(inspector, operations, 1, await prepare(operations));
        const spread = await measure(inspector, operations, IN_FLIGHT, await prepare(operations), takeTurns());
        if (round === 0) continue;
        together.push(busy);
        alone.push(idle);
        apart.push(spread);
      }
    }
  } finally {
    await Promise.all(processes.map((running) => running.stop()));
    for (const client of [...clients, inspector]) client.disconnect();
  }
  return [report(contestants)];
}

function compareAndSet(client: Redis): Contestant['prepare'] {
  return async () => {
    const sha1 = String(await client.script('LOAD', COMPARE_AND_SET));
    const value = 'x'.repeat(450);
    return (i) => client.evalsha(sha1, 1, `bench:{${i}}`, value, value);
  };
}

async function measure(
  inspector: Redis,
  operations: number,
  underWay: number,
  operation: (index: number) => unknown,
  turn?: () => Promise<void>,
): Promise<Cost> {
  const before = await callsOf(inspector, 'evalsha');
  const { cpu, redis } = await costOf(inspector, () => repeat(operations, underWay, operation, turn));
  const commands = (await callsOf(inspector, 'evalsha')) - before;
  return { cpu: cpu / operations, redis: redis / operations, commands: commands / operations };
}

/** Keeps so many under way, as the requests of a busy server do. */
async function repeat(
  operations: number,
  underWay: number,
  operation: (index: number) => unknown,
  turn?: () => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < operations; i = next++) {
      if (turn) await turn();
      await operation(i);
    }
  };
  await Promise.all(Array.from({ length: underWay }, work));
}

/** Gives each caller a tick of its own, as requests on many connections have: what they send does not leave in one write. */
function takeTurns(): () => Promise<void> {
  let last = Promise.resolve();
  return () => (last = last.then(() => setImmediate()));
}

function report(contestants: readonly Contestant[]): Section {
  const figures: RefreshFigures = contestants.map(({ name, together, alone, apart }) => {
    const redis = summarize(together.map((cost) => cost.redis));
    return {
      name,
      cpu: summarize(together.map(({ cpu }) => cpu)),
      ratio: ratio(together, contestants[0]?.together ?? []),
      cpuAlone: summarize(alone.map(({ cpu }) => cpu)),
      ratioAlone: ratio(alone, contestants[0]?.alone ?? []),
      cpuApart: summarize(apart.map(({ cpu }) => cpu)),
      ratioApart: ratio(apart, contestants[0]?.apart ?? []),
      redis,
      redisAlone: summarize(alone.map((cost) => cost.redis)),
      redisApart: summarize(apart.map((cost) => cost.redis)),
      perRedisCore: 1e6 / redis.median,
      commands: summarize(together.map(({ commands }) => commands)).median,
    };
  });
  return {
    name: 'refreshes',
    title: 'Refreshing, without HTTP',
    head: [
      'CPU of the process',
      'one at a time, us',
      'x EVALSHA',
      `${IN_FLIGHT} under way, us`,
      'x EVALSHA',
      `${IN_FLIGHT} under way, each begun in a tick of its own, us`,
      'x EVALSHA',
      'CPU of Redis, one at a time, us',
      `${IN_FLIGHT} under way, us`,
      'in ticks of their own, us',
      'a second and core of Redis',
      'commands for each',
    ],
    rows: figures.map((of) => [
      of.name,
      show(of.cpuAlone, 0),
      show(of.ratioAlone, 1),
      show(of.cpu, 0),
      show(of.ratio, 1),
      show(of.cpuApart, 0),
      show(of.ratioApart, 1),
      show(of.redisAlone, 1),
      show(of.redis, 1),
      show(of.redisApart, 1),
      number(Math.round(of.perRedisCore / 1000) * 1000),
      number(of.commands, 2),
    ]),
    remarks: [`A second and core of Redis: with ${IN_FLIGHT} under way, on one connection.`],
    figures,
  };
}

function ratio(costs: readonly Cost[], others: readonly Cost[]): Summary {
  return summarize(costs.map(({ cpu }, round) => cpu / (others[round]?.cpu ?? cpu)));
}
