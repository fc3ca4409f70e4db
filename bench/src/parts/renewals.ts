import { Redis } from 'ioredis';
import { startProcess } from '../support/core.js';
import type { Effort, Section } from '../support/section.js';
import { number, show, type Summary, summarize } from '../support/statistics.js';
import { expiredTokens } from '../support/tokens.js';

const ROUNDS = 6;
const OPERATIONS = 4_000;
const IN_FLIGHT = 64;

/** What a renewal is set against: the least that a script can do which decides a race. */
const COMPARE_AND_SET = `
local now = redis.call('GET', KEYS[1])
if now and now ~= ARGV[1] then return now end
redis.call('SET', KEYS[1], ARGV[2], 'PX', 60000)
return ''`;

export type RenewalFigures = readonly {
  readonly name: string;
  readonly cpu: Summary;
  /** To one EVALSHA. */
  readonly ratio: Summary;
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
  readonly samples: Cost[];
  /** Prepares one round, and returns what is measured: one of so many operations. */
  readonly prepare: (operations: number) => Promise<(index: number) => Promise<unknown>>;
}

/** What the renewal of a token costs the process and Redis, without HTTP. */
export async function measureRenewals({ quick, redisUrl }: Effort): Promise<Section[]> {
  const inspector = new Redis(redisUrl);
  const clients = [false, true].map((enableAutoPipelining) => new Redis(redisUrl, { enableAutoPipelining }));
  const processes = await Promise.all(clients.map((client) => startProcess(client)));
  const contestants = clients.flatMap((client, index): Contestant[] => {
    const { core } = processes[index] ?? {};
    const { core: other } = processes[1 - index] ?? {};
    if (!core || !other) return [];
    const how = client.options.enableAutoPipelining ? ', auto-pipelining' : '';
    return [
      { name: `EVALSHA: get, compare, set${how}`, samples: [], prepare: compareAndSet(client) },
      {
        name: `renewal${how}`,
        samples: [],
        prepare: async (operations: number) => {
          const tokens = expiredTokens(operations);
          return (i: number) => core.authenticator.authenticate(tokens[i] ?? '', true);
        },
      },
      {
        name: `renewal that another process has won${how}`,
        samples: [],
        prepare: async (operations: number) => {
          const tokens = expiredTokens(operations);
          await inFlight(operations, (i) => other.authenticator.authenticate(tokens[i] ?? '', true));
          return (i: number) => core.authenticator.authenticate(tokens[i] ?? '', true);
        },
      },
    ];
  });
  try {
    const operations = quick ? 200 : OPERATIONS;
    // The first round warms up, and counts for nothing.
    for (let round = 0; round <= (quick ? 1 : ROUNDS); round++) {
      for (const { prepare, samples } of contestants) {
        const cost = await measure(inspector, operations, await prepare(operations));
        if (round > 0) samples.push(cost);
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
  operation: (index: number) => Promise<unknown>,
): Promise<Cost> {
  const [redisBefore, before] = [await redisCpu(inspector), process.cpuUsage()];
  await inFlight(operations, operation);
  const [{ user, system }, redisAfter] = [process.cpuUsage(before), await redisCpu(inspector)];
  return { cpu: (user + system) / operations, redis: (redisAfter - redisBefore) / operations };
}

/** Keeps so many under way, as the requests of a busy server do. */
async function inFlight(operations: number, operation: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < operations) await operation(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

/** In microseconds since the server was started. */
async function redisCpu(client: Redis): Promise<number> {
  const info = await client.info('cpu');
  const [user, system] = ['user', 'sys'].map((kind) =>
    Number(new RegExp(`^used_cpu_${kind}:(.*)$`, 'm').exec(info)?.[1]),
  );
  return ((user ?? 0) + (system ?? 0)) * 1e6;
}

function report(contestants: readonly Contestant[]): Section {
  const [evalsha] = contestants;
  const figures: RenewalFigures = contestants.map(({ name, samples }) => {
    const redis = summarize(samples.map((sample) => sample.redis));
    return {
      name,
      cpu: summarize(samples.map(({ cpu }) => cpu)),
      ratio: summarize(samples.map(({ cpu }, round) => cpu / (evalsha?.samples[round]?.cpu ?? cpu))),
      redis,
      perRedisCore: 1e6 / redis.median,
    };
  });
  return {
    name: 'renewals',
    title: 'Renewing, without HTTP',
    head: ['', 'CPU of the process, x EVALSHA', 'us', 'CPU of Redis, us', 'a second and core of Redis'],
    rows: figures.map(({ name, cpu, ratio, redis, perRedisCore }) => [
      name,
      show(ratio),
      show(cpu, 0),
      show(redis, 1),
      perThousand(perRedisCore),
    ]),
    remarks: [`${IN_FLIGHT} under way at once, on one connection.`],
    figures,
  };
}

function perThousand(value: number): string {
  return number(Math.round(value / 1000) * 1000);
}
