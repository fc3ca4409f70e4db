import { measure } from 'mitata';
import { Redis } from 'ioredis';
import { KnownRevocations } from '../../../../libs/refresh-auth/dist/compiled/revocation/known-revocations.js';
import { connectRedis } from '../../../../libs/refresh-auth/dist/compiled/store/redis/redis-connection.js';
import { RedisSessionStore } from '../../../../libs/refresh-auth/dist/compiled/store/redis/redis-session-store.js';
import { type Process, startProcess } from '../support/core.js';
import { costOf } from '../support/cost.js';
import { usedHeap } from '../support/heap.js';
import { callsOf } from '../support/redis-facts.js';
import type { Effort, Section } from '../support/section.js';
import { ServerProcess } from '../support/server-process.js';
import { number, quantile, show, type Summary, summarize } from '../support/statistics.js';
import { LIFETIMES } from '../support/tokens.js';

const PENDING = [1, 1_000, 100_000];
const ROUNDS = 7;
const PAGE = 1_000;
const READINGS = 100;
const LOGOUTS = 200;
const LOGOUTS_UNHEARD = 10;
const CLAIMS: { sub: string } = Object.assign({ sub: 'ada' }, { role: 'member' });

export type PendingFigures = readonly {
  readonly count: number;
  /** Of the process, for each. */
  readonly bytes: number;
  /** In microseconds. */
  readonly lookup: number;
  /** Until a process that starts knows them all, in milliseconds. */
  readonly startUp: Summary;
  /** Its CPU, in milliseconds. */
  readonly cpu: Summary;
  /** CPU of Redis, in milliseconds. */
  readonly redis: Summary;
  readonly pages: number;
}[];

export interface PageFigures {
  readonly entries: number;
  /** CPU, in microseconds. */
  readonly cpu: Summary;
  readonly redis: Summary;
  /** On the wire, both ways. */
  readonly bytes: number;
}

/** How fast a logout reaches the other processes, and what it costs them to know of many. */
export async function measureRevocations(effort: Effort): Promise<Section[]> {
  return [await pending(effort), await page(effort), await logouts(effort)];
}

async function pending({ quick, redisUrl }: Effort): Promise<Section> {
  const redis = new Redis(redisUrl);
  const figures: PendingFigures[number][] = [];
  for (const count of quick ? PENDING.slice(0, 2) : PENDING) {
    const bytes = heapOf(count);
    const lookup = await lookupTime(count, quick);
    await fillLog(redis, count);
    figures.push({ count, bytes, lookup, ...(await startUps(redis, redisUrl, quick ? 1 : ROUNDS)) });
  }
  redis.disconnect();
  return {
    name: 'revocations',
    title: 'Pending revocations (those of the last expiresIn), in each process',
    head: [
      'pending',
      'memory, bytes for each',
      'lookup, us',
      'until a process that starts knows them, ms',
      'its CPU, ms',
      'CPU of Redis, ms',
      'pages',
    ],
    rows: figures.map(({ count, bytes, lookup, startUp, cpu, redis: ofRedis, pages }) => [
      number(count),
      count === 1 ? '' : number(bytes),
      number(lookup, 2),
      show(startUp, 1),
      show(cpu, 1),
      show(ofRedis, 1),
      number(pages),
    ]),
    remarks: [],
    figures,
  };
}

async function startUps(
  inspector: Redis,
  redisUrl: string,
  starts: number,
): Promise<Pick<PendingFigures[number], 'startUp' | 'cpu' | 'redis' | 'pages'>> {
  const costs = [];
  const pages = [];
  for (let i = 0; i < starts; i++) {
    const client = new Redis(redisUrl);
    await client.ping();
    // Each page says how many entries the log has: nothing else counts them.
    const before = await callsOf(inspector, 'zcount');
    let running: Process | undefined;
    costs.push(await costOf(inspector, async () => (running = await startProcess(client))));
    pages.push((await callsOf(inspector, 'zcount')) - before);
    if (!running?.core.revocations.isFresh) throw new Error('A process that has started does not know all revocations');
    await running.stop();
    client.disconnect();
  }
  return {
    startUp: summarize(costs.map(({ time }) => time)),
    cpu: summarize(costs.map(({ cpu }) => cpu / 1000)),
    redis: summarize(costs.map(({ redis }) => redis / 1000)),
    pages: summarize(pages).median,
  };
}

/** Has the form and the length of the name of a session in the log. */
const name = (index: number): string => `tag-tag-.${String(index).padStart(22, 'x')}`;

function known(count: number): KnownRevocations {
  const revocations = new KnownRevocations(
    { now: Date.now, monotonic: () => performance.now() },
    LIFETIMES.expiresIn * 1000,
  );
  for (let i = 0; i < count; i++) revocations.add({ session: name(i), at: i });
  return revocations;
}

function heapOf(count: number): number {
  const before = usedHeap();
  const revocations = known(count);
  return (usedHeap() - before) / revocations.size;
}

/** A session that has not ended, like nearly all. */
async function lookupTime(count: number, quick: boolean): Promise<number> {
  const revocations = known(count);
  const claims = { sid: 'x'.repeat(30), sub: 'ada', rev: 0 };
  const { p50 } = await measure(() => revocations.ends(claims), { min_cpu_time: quick ? 1e6 : 120e6 });
  return p50 / 1000;
}

async function fillLog(redis: Redis, count: number): Promise<void> {
  const batch = 1_000;
  // No two have the same position. The newest is the last.
  const first = Date.now() * 1000 - count;
  for (let from = 0; from < count; from += batch) {
    const entries = Array.from({ length: Math.min(batch, count - from) }, (_, i) => [
      first + from + i,
      `s:${name(from + i)}`,
    ]);
    await redis.zadd('refresh-auth:revocations', ...entries.flat());
  }
}

/** One page of the log, as a process reads it: decoded, and not yet added to what is known. */
async function page({ quick, redisUrl }: Effort): Promise<Section> {
  const [inspector, client] = [new Redis(redisUrl), new Redis(redisUrl)];
  const store = new RedisSessionStore(await connectRedis(client), 'refresh-auth');
  await inspector.flushall();
  await fillLog(inspector, PAGE);
  const read = async (): Promise<void> => {
    for (let i = 0; i < READINGS; i++) {
      const { entries } = await store.revocationsAfter(0, 0);
      if (entries.length !== PAGE) throw new Error(`A page had ${entries.length} of ${PAGE} entries`);
    }
  };
  const onTheWire = (): number => client.stream.bytesRead + client.stream.bytesWritten;
  await read();
  const before = onTheWire();
  await read();
  const bytes = (onTheWire() - before) / READINGS;
  const costs = [];
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) costs.push(await costOf(inspector, read));
  await store.close();
  for (const connection of [client, inspector]) connection.disconnect();
  const figures: PageFigures = {
    entries: PAGE,
    cpu: summarize(costs.map(({ cpu }) => cpu / READINGS)),
    redis: summarize(costs.map(({ redis }) => redis / READINGS)),
    bytes,
  };
  return {
    name: 'log-page',
    title: `One page of the log of revocations (${number(PAGE)} entries)`,
    head: ['CPU of the process, us', 'CPU of Redis, us', 'bytes on the wire'],
    rows: [[show(figures.cpu, 0), show(figures.redis, 0), number(bytes)]],
    remarks: [],
    figures,
  };
}

async function logouts({ quick, redisUrl }: Effort): Promise<Section> {
  const admin = new Redis(redisUrl);
  await admin.flushall();
  // This user may not listen to any channel: its process hears no notification.
  await admin.call('ACL', 'SETUSER', 'deaf', 'on', '>deaf', '~*', '+@all', 'resetchannels');
  const deafUrl = redisUrl.replace('redis://', 'redis://deaf:deaf@');
  const [hearing, deaf] = await Promise.all([
    ServerProcess.start('fastify', 'pushed', redisUrl),
    ServerProcess.start('fastify', 'pushed', deafUrl),
  ]);
  const here = await startProcess(admin);
  const end = async (url: string): Promise<number> => {
    const { token, claims } = here.core.signer.first(CLAIMS, 0);
    await answer(url, token);
    await here.core.revocations.revokeSession(claims.sid);
    const ended = performance.now();
    while ((await answer(url, token)) !== 401) continue;
    return performance.now() - ended;
  };
  const figures = {
    heard: await repeat(quick ? 5 : LOGOUTS, () => end(hearing.url)),
    unheard: await repeat(quick ? 1 : LOGOUTS_UNHEARD, () => end(deaf.url)),
  };
  await here.stop();
  await Promise.all([hearing, deaf].map((server) => server.stop()));
  admin.disconnect();
  return {
    name: 'logouts',
    title: 'From the end of a session to the first 401 in another process, ms',
    head: ['', 'median', 'p99', 'most', 'of'],
    rows: Object.entries({ 'notification working': figures.heard, 'notification cut off': figures.unheard }).map(
      ([kind, times]) => [
        kind,
        number(quantile(times, 0.5), 1),
        number(quantile(times, 0.99), 1),
        number(quantile(times, 1), 1),
        `${times.length}`,
      ],
    ),
    remarks: [],
    figures,
  };
}

async function answer(url: string, token: string): Promise<number> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.text();
  return response.status;
}

/** @returns ascending */
async function repeat(times: number, take: () => Promise<number>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) taken.push(await take());
  return taken.sort((left, right) => left - right);
}
