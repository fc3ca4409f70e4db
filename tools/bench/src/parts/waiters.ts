import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Effort, Section } from '../support/section.js';
import { ServerProcess } from '../support/server-process.js';
import { number, quantile } from '../support/statistics.js';
import { expiredTokens, validToken } from '../support/tokens.js';

const WAITERS = 1_000;
const OTHERS = 1_000;
/** Long enough for all of this, and so short that the process still trusts what it knows of revocations. */
const HANGS_MS = 4_000;

/** How long a user with a valid token waits while many requests wait for the refresh of another user's, and Redis hangs. */
export async function measureWaiters({ quick, redisUrl }: Effort): Promise<Section[]> {
  const [waiters, others] = quick ? [100, 20] : [WAITERS, OTHERS];
  const server = await ServerProcess.start('fastify', 'pushed', redisUrl);
  const redis = new Redis(redisUrl);
  try {
    const [expired = ''] = expiredTokens(1);
    const valid = validToken();
    await latencies(server.url, valid, others);
    const alone = await latencies(server.url, valid, others);
    const { requests } = await server.counters();
    await redis.call('CLIENT', 'PAUSE', `${HANGS_MS}`, 'ALL');
    const waiting = Promise.all(Array.from({ length: waiters }, () => ask(server.url, expired)));
    while ((await server.counters()).requests < requests + waiters) await setTimeout(10);
    const beside = await latencies(server.url, valid, others);
    await waiting;
    return [report(waiters, { 'nobody waits': alone, [`${number(waiters)} wait`]: beside })];
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

async function ask(url: string, token: string): Promise<void> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.text();
  if (!response.ok) throw new Error(`A request was answered with ${response.status}`);
}

/** One request after the other. @returns in milliseconds, ascending */
async function latencies(url: string, token: string, requests: number): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < requests; i++) {
    const started = performance.now();
    await ask(url, token);
    taken.push(performance.now() - started);
  }
  return taken.sort((left, right) => left - right);
}

function report(waiters: number, figures: Readonly<Record<string, readonly number[]>>): Section {
  return {
    name: 'waiters',
    title: `A valid token beside ${number(waiters)} requests that wait for one refresh, ms`,
    head: ['', 'median', 'p99', 'most', 'of'],
    rows: Object.entries(figures).map(([how, times]) => [
      how,
      number(quantile(times, 0.5), 2),
      number(quantile(times, 0.99), 2),
      number(quantile(times, 1), 2),
      number(times.length),
    ]),
    remarks: [],
    figures,
  };
}
