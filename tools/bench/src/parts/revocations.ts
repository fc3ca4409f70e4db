import { measure } from 'mitata';
import { Redis } from 'ioredis';
import { KnownRevocations } from '../../../../libs/refresh-auth/dist/esm/revocation/known-revocations.js';
import { connectRedis } from '../../../../libs/refresh-auth/dist/esm/store/redis/redis-connection.js';
import { RedisSessionStore } from '../../../../libs/refresh-auth/dist/esm/store/redis/redis-session-store.js';
import { startProcess } from '../support/core.js';
import { usedHeap } from '../support/heap.js';
import { redisCpu } from '../support/redis-facts.js';
import type { Effort, Section } from '../support/section.js';
import { ServerProcess } from '../support/server-process.js';
import { number, quantile } from '../support/statistics.js';
import { LIFETIMES } from '../support/tokens.js';

const PENDING = [1, 1_000, 100_000];
const READINGS = 20;
const LOGOUTS = 200;
const LOGOUTS_UNHEARD = 10;
const CLAIMS: { sub: string } = Object.assign({ sub: 'ada' }, { role: 'member' });

export type PendingFigures = readonly {
  readonly count: number;
  /** Of the process, for each. */
  readonly bytes: number;
  /** In microseconds. */
  readonly lookup: number;
  /** In milliseconds. */
  readonly startUp: number;
  /** CPU that one reading of all of them takes Redis, in microseconds. */
  readonly reading: number;
}[];

/** How fast a logout reaches the other processes, and what it costs them to know of many. */
export async function measureRevocations(effort: Effort): Promise<Section[]> {
  return [await pending(effort), await logouts(effort)];
}

async function pending({ quick, redisUrl }: Effort): Promise<Section> {
  const redis = new Redis(redisUrl);
  const figures: PendingFigures[number][] = [];
  for (const count of quick ? PENDING.slice(0, 2) : PENDING) {
    const bytes = heapOf(count);
    const lookup = await lookupTime(count, quick);
    await fillLog(redis, count);
    const started = performance.now();
    const { stop } = await startProcess(redis);
    const startUp = performance.now() - started;
    await stop();
    figures.push({ count, bytes, lookup, startUp, reading: await readingTime(redis) });
  }
  redis.disconnect();
  return {
    name: 'revocations',
    title: 'Pending revocations (those of the last expiresIn), in each process',
    latest: [
      'pending',
      'memory, bytes for each',
      'lookup, us',
      'reading them all at start-up, ms',
      'CPU of Redis for that, us',
    ],
    rows: figures.map(({ count, bytes, lookup, startUp, reading }) => [
      number(count),
      count === 1 ? '' : number(bytes),
      number(lookup, 2),
      number(startUp, 1),
      number(reading),
    ]),
    remarks: [],
    figures,
  };
}

const name = (index: number): string => String(index).padStart(43, 'x');

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

/** Of a session that has not ended, as nearly all have not. */
async function lookupTime(count: number, quick: boolean): Promise<number> {
  const revocations = known(count);
  const claims = { sid: 'x'.repeat(22), sub: 'ada', rev: 0 };
  const { p50 } = await measure(() => revocations.ends(claims), { min_cpu_time: quick ? 1e6 : 120e6 });
  return p50 / 1000;
}

async function fillLog(redis: Redis, count: number): Promise<void> {
  const batch = 1_000;
  const now = Date.now();
  for (let from = 0; from < count; from += batch) {
    const entries = Array.from({ length: Math.min(batch, count - from) }, (_, i) => [now, `s:${name(from + i)}`]);
    await redis.zadd('refresh-auth:revocations', ...entries.flat());
  }
}

async function readingTime(redis: Redis): Promise<number> {
  const store = new RedisSessionStore(await connectRedis(redis), 'refresh-auth');
  const before = await redisCpu(redis);
  for (let i = 0; i < READINGS; i++) await store.revocationsAfter(0, 0);
  return ((await redisCpu(redis)) - before) / READINGS;
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
    latest: ['', 'median', 'p99', 'most', 'of'],
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
