import { Redis } from 'ioredis';
import { startProcess } from '../support/core.js';
import type { Effort, Section } from '../support/section.js';
import { redisCpu } from '../support/redis-facts.js';
import { number, show, type Summary, summarize } from '../support/statistics.js';
import { expiredTokens } from '../support/tokens.js';

const ROUNDS = 7;
const OPERATIONS = 2_000;
const IN_FLIGHT = 64;

/** What a refresh is set against: the least that a script can do which decides a race. */
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
  /** CPU, in microseconds. */
  readonly redis: Summary;
  readonly perRedisCore: number;
}[];

interface Cost {
  /** Of this process for each operation, in microseconds. */
  readonly cpu: number;
  /** Of Redis. */
  readonly redis: number;
}

interface Contestant {
  readonly name: string;
  readonly together: Cost[];
  readonly alone: Cost[];
  /** Prepares one round, and returns what is measured: one of so many operations. */
  readonly prepare: (operations: number) => Promise<(index: number) => unknown>;
}

/** What the refresh of a token costs the process and Redis, without HTTP. */
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
      { name: `EVALSHA: get, compare, set${how}`, together: [], alone: [], prepare: compareAndSet(client) },
      {
        name: `refresh${how}`,
        together: [],
        alone: [],
        prepare: async (operations: number) => {
          const tokens = expiredTokens(operations);
          return (i: number) => core.authenticator.authenticate(tokens[i] ?? '', true);
        },
      },
      {
        name: `refresh that another process has won${how}`,
        together: [],
        alone: [],
        prepare: async (operations: number) => {
          const tokens = expiredTokens(operations);
          await repeat(operations, IN_FLIGHT, (i) => other.authenticator.authenticate(tokens[i] ?? '', true));
          return (i: number) => core.authenticator.authenticate(tokens[i] ?? '', true);
        },
      },
    ];
  });
  try {
    const operations = quick ? 200 : OPERATIONS;
    // The first round warms up, and counts for nothing.
    for (let round = 0; round <= (quick ? 1 : ROUNDS); round++) {
      for (const { prepare, together, alone } of contestants) {
        const busy = await measure(inspector, operations, IN_FLIGHT, await prepare(operations));
        const idle = await measure(inspector, operations, 1, await prepare(operations));
        if (round === 0) continue;
        together.push(busy);
        alone.push(idle);
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
): Promise<Cost> {
  const [redisBefore, before] = [await redisCpu(inspector), process.cpuUsage()];
  await repeat(operations, underWay, operation);
  const [{ user, system }, redisAfter] = [process.cpuUsage(before), await redisCpu(inspector)];
  return { cpu: (user + system) / operations, redis: (redisAfter - redisBefore) / operations };
}

/** Keeps so many under way, as the requests of a busy server do. */
async function repeat(operations: number, underWay: number, operation: (index: number) => unknown): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < operations) await operation(next++);
  };
  await Promise.all(Array.from({ length: underWay }, work));
}

function report(contestants: readonly Contestant[]): Section {
  const figures: RefreshFigures = contestants.map(({ name, together, alone }) => {
    const redis = summarize(together.map((cost) => cost.redis));
    return {
      name,
      cpu: summarize(together.map(({ cpu }) => cpu)),
      ratio: ratio(together, contestants[0]?.together ?? []),
      cpuAlone: summarize(alone.map(({ cpu }) => cpu)),
      ratioAlone: ratio(alone, contestants[0]?.alone ?? []),
      redis,
      perRedisCore: 1e6 / redis.median,
    };
  });
  return {
    name: 'refreshes',
    title: 'Refreshing, without HTTP',
    latest: [
      'CPU of the process',
      'one at a time, us',
      'x EVALSHA',
      `${IN_FLIGHT} under way, us`,
      'x EVALSHA',
      'CPU of Redis, us',
      'a second and core of Redis',
    ],
    rows: figures.map(({ name, cpu, cpuAlone, ratioAlone, redis, perRedisCore, ...together }) => [
      name,
      show(cpuAlone, 0),
      show(ratioAlone, 1),
      show(cpu, 0),
      show(together.ratio, 1),
      show(redis, 1),
      number(Math.round(perRedisCore / 1000) * 1000),
    ]),
    remarks: [`CPU of Redis: with ${IN_FLIGHT} under way, on one connection.`],
    figures,
  };
}

function ratio(costs: readonly Cost[], others: readonly Cost[]): Summary {
  return summarize(costs.map(({ cpu }, round) => cpu / (others[round]?.cpu ?? cpu)));
}
