import { type Target, load } from '../support/load.js';
import type { Effort, Section } from '../support/section.js';
import { ServerProcess } from '../support/server-process.js';
import { number, show, spread, type Summary, summarize } from '../support/statistics.js';
import { expiredTokens, validToken } from '../support/tokens.js';

/** In seconds. */
const WARM_UP = 1;
const ROUND = 1;
const ROUNDS = 4;
/** How often all servers are started anew: two processes of the very same program differ, each for as long as it lives. */
const GENERATIONS = 3;
/** More than any server answers in a second. */
const REFRESHES_PER_SECOND = 15_000;
/** The rounds of one server must lie closer together than this to tell the cost of a guard from noise. */
const NOISY = 0.15;
const BUSY = 0.9;

interface Contestant {
  /** As it stands in the table. */
  readonly name: string;
  readonly variant: string;
  /** The tokens of its requests. Defaults to a valid one. */
  readonly carrying?: 'expired tokens' | 'one expired token';
}

const OURS = 'nestjs-refresh-auth';
const NO_GUARD: Contestant = { name: 'no guard', variant: 'no-guard' };
const NO_OP: Contestant = { name: 'guard that returns true', variant: 'no-op' };
const CACHING: Contestant = { name: 'bearer parsing and an LRU of verified tokens', variant: 'caching' };
const KEY_OBJECT: Contestant = { name: "documentation's guard, KeyObject", variant: 'documented-key' };
const STRING: Contestant = { name: "documentation's guard, string secret", variant: 'documented-string' };
const PASSPORT: Contestant = { name: 'passport-jwt, string secret', variant: 'passport-jwt' };
const FASTIFY_JWT: Contestant = { name: '@fastify/jwt', variant: 'fastify-jwt' };
const FASTIFY_JWT_CACHED: Contestant = { name: '@fastify/jwt with its cache', variant: 'fastify-jwt-cached' };
const SESSION: Contestant = { name: 'express-session with connect-redis', variant: 'express-session' };
const PUSHED: Contestant = { name: `${OURS}, 'pushed' (the default)`, variant: 'pushed' };
const EVERY_REQUEST: Contestant = { name: `${OURS}, 'every-request'`, variant: 'every-request' };
const RENEWING: Contestant = {
  name: `${OURS}, every request refreshes`,
  variant: 'pushed',
  carrying: 'expired tokens',
};
const RACING: Contestant = {
  name: `${OURS}, all bring one expired token`,
  variant: 'pushed',
  carrying: 'one expired token',
};

/** The names of two rows, for other reports. */
export const OURS_BY_DEFAULT = PUSHED.name;
export const DOCUMENTED = KEY_OBJECT.name;

/** Those after the first are what ours is set against. */
const PLATFORMS: Readonly<Record<string, { contestants: readonly Contestant[]; rivals: readonly Contestant[] }>> = {
  fastify: {
    contestants: [
      NO_GUARD,
      NO_OP,
      CACHING,
      PUSHED,
      FASTIFY_JWT_CACHED,
      FASTIFY_JWT,
      KEY_OBJECT,
      EVERY_REQUEST,
      RACING,
      RENEWING,
      PASSPORT,
      STRING,
    ],
    rivals: [CACHING, FASTIFY_JWT_CACHED, FASTIFY_JWT, KEY_OBJECT, PASSPORT, STRING],
  },
  express: {
    contestants: [NO_GUARD, NO_OP, PUSHED, EVERY_REQUEST, KEY_OBJECT, STRING, SESSION],
    rivals: [NO_OP, KEY_OBJECT, STRING, SESSION],
  },
};

/** One round of one server. */
interface Sample {
  /** Of the server's process, in microseconds for each request. */
  readonly cpu: number;
  readonly perSecond: number;
  /** Part of a core that the server had to itself. */
  readonly utilization: number;
}

/** The figures of a table of servers. */
export type HttpFigures = readonly {
  readonly name: string;
  readonly cpuRatio: Summary;
  readonly added: Summary;
  readonly speedRatio: Summary;
  readonly perSecond: Summary;
  readonly cpu: Summary;
  readonly utilization: Summary;
}[];

interface Runner {
  readonly contestant: Contestant;
  readonly samples: Sample[];
}

/** One process of a runner. */
interface Running {
  readonly runner: Runner;
  readonly server: ServerProcess;
  readonly target: (seconds: number) => Target;
}

/** Measures guards in front of a small route: every server in a process of its own, the load from another one. */
export async function measureHttp(platform: string, { quick, redisUrl }: Effort): Promise<Section[]> {
  const { contestants, rivals } = PLATFORMS[platform] ?? { contestants: [], rivals: [] };
  const runners = contestants.map((contestant): Runner => ({ contestant, samples: [] }));
  for (let generation = 0; generation < (quick ? 1 : GENERATIONS); generation++) {
    const running = await Promise.all(runners.map((runner) => start(platform, runner, redisUrl)));
    try {
      for (const each of running) await checkThatItGuards(each);
      if (!quick) for (const { target } of running) await load(target(WARM_UP), WARM_UP);
      await race(running, quick ? 1 : ROUNDS);
    } finally {
      await Promise.all(running.map(({ server }) => server.stop()));
    }
  }
  return [standings(platform, runners), comparison(platform, runners, rivals)];
}

async function start(platform: string, runner: Runner, redisUrl: string): Promise<Running> {
  const { contestant } = runner;
  const server = await ServerProcess.start(platform, contestant.variant, redisUrl);
  const { url } = server;
  const [expired = ''] = expiredTokens(1);
  const headers =
    contestant.carrying === 'expired tokens'
      ? {}
      : (server.headers ?? bearer(contestant.carrying === 'one expired token' ? expired : validToken()));
  const target = (seconds: number): Target => ({
    url,
    headers,
    tokens: contestant.carrying === 'expired tokens' ? expiredTokens(seconds * REFRESHES_PER_SECOND) : undefined,
  });
  return { runner, server, target };
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** A server that lets everybody in would be a fast one. */
async function checkThatItGuards({ runner: { contestant }, server }: Running): Promise<void> {
  if (contestant === NO_GUARD || contestant === NO_OP) return;
  const { status } = await fetch(server.url, { headers: bearer(`${validToken()}x`) });
  if (status !== 401) throw new Error(`${contestant.name} answers ${status} to a forged token`);
}

/** In turn, and each round in another order, so that what slows the machine down for a while slows all of them down. */
async function race(running: readonly Running[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const order = [...running.slice(round % running.length), ...running.slice(0, round % running.length)];
    for (const each of order) each.runner.samples.push(await measure(each));
  }
}

async function measure({ server, target }: Running): Promise<Sample> {
  const asked = target(ROUND);
  const [before, from] = [await server.counters(), performance.now()];
  await load(asked, ROUND);
  const [after, until] = [await server.counters(), performance.now()];
  const requests = after.requests - before.requests;
  const cpu = after.cpu - before.cpu;
  const elapsed = until - from;
  return { cpu: cpu / requests, perSecond: (requests / elapsed) * 1000, utilization: cpu / 1000 / elapsed };
}

/** By how much one server differs from another, round by round. */
function ratios(runner: Runner, other: Runner, of: (sample: Sample) => number): Summary {
  return summarize(runner.samples.map((sample, round) => of(sample) / of(other.samples[round] ?? sample)));
}

function differences(runner: Runner, other: Runner): Summary {
  return summarize(runner.samples.map(({ cpu }, round) => cpu - (other.samples[round]?.cpu ?? cpu)));
}

function find(runners: readonly Runner[], wanted: Contestant): Runner {
  const runner = runners.find(({ contestant }) => contestant === wanted);
  if (!runner) throw new Error(`${wanted.name} takes no part`);
  return runner;
}

function standings(platform: string, runners: readonly Runner[]): Section {
  const unguarded = find(runners, NO_GUARD);
  const figures: HttpFigures = runners.map((runner) => ({
    name: runner.contestant.name,
    cpuRatio: ratios(runner, unguarded, ({ cpu }) => cpu),
    added: differences(runner, unguarded),
    speedRatio: ratios(runner, unguarded, ({ perSecond }) => perSecond),
    perSecond: summarize(runner.samples.map(({ perSecond }) => perSecond)),
    cpu: summarize(runner.samples.map(({ cpu }) => cpu)),
    utilization: summarize(runner.samples.map(({ utilization }) => utilization)),
  }));
  return {
    name: `http-${platform}`,
    title: `A small route on ${platform === 'fastify' ? 'Fastify' : 'Express'}, and what stands in front of it`,
    head: ['in front of the route', 'CPU per request, x no guard', 'added us', 'requests/s, x no guard', 'requests/s'],
    rows: figures.map(({ name, cpuRatio, added, speedRatio, perSecond }) => [
      name,
      show(cpuRatio),
      show(added, 1),
      show(speedRatio),
      number(perSecond.median),
    ]),
    remarks: [...racing(runners), ...warnings(unguarded)],
    figures,
  };
}

function comparison(platform: string, runners: readonly Runner[], rivals: readonly Contestant[]): Section {
  const ours = find(runners, PUSHED);
  const figures = rivals.map((rival) => ({
    name: rival.name,
    cpuRatio: ratios(ours, find(runners, rival), ({ cpu }) => cpu),
    speedRatio: ratios(ours, find(runners, rival), ({ perSecond }) => perSecond),
  }));
  return {
    name: `against-${platform}`,
    title: `${OURS}, 'pushed', on ${platform === 'fastify' ? 'Fastify' : 'Express'}, set against`,
    head: ['set against', 'CPU per request', 'requests/s'],
    rows: figures.map(({ name, cpuRatio, speedRatio }) => [name, `x ${show(cpuRatio)}`, `x ${show(speedRatio)}`]),
    remarks: [],
    figures,
  };
}

/** Where many bring the same expired token. */
function racing(runners: readonly Runner[]): string[] {
  const racer = runners.find(({ contestant }) => contestant === RACING);
  if (!racer) return [];
  const ratio = ratios(racer, find(runners, PUSHED), ({ cpu }) => cpu);
  return [
    `A request that races for a refresh costs the process ${show(ratio)} times the CPU of one with a valid token.`,
  ];
}

/** The remarks that a reader needs to interpret the table. */
function warnings({ samples }: Runner): string[] {
  const cpu = summarize(samples.map((sample) => sample.cpu));
  const { median } = summarize(samples.map(({ utilization }) => utilization));
  return [
    ...(spread(cpu) > NOISY
      ? [
          `The machine was too noisy to tell small differences: without a guard, the middle half of the rounds differs by ${number(spread(cpu) * 100)} % in CPU per request.`,
        ]
      : []),
    ...(median < BUSY
      ? [
          `The server without a guard was busy for ${number(median * 100)} % of the time only: it waited for the load generator or for a core, so that requests/s says less than CPU per request.`,
        ]
      : []),
  ];
}
