import { Redis } from 'ioredis';
import { startProcess } from '../support/core.js';
import { type Cost, costOf } from '../support/cost.js';
import type { Effort, Section } from '../support/section.js';
import { number, show, summarize } from '../support/statistics.js';

const SESSIONS = 5_000;
const ROUNDS = 7;

/** Measures the longest possible list of one user's tracked sessions. */
export async function measureListing({ quick, redisUrl }: Effort): Promise<Section[]> {
  const sessions = quick ? 100 : SESSIONS;
  const [inspector, client] = [new Redis(redisUrl), new Redis(redisUrl)];
  const { core, stop } = await startProcess(client, undefined, { sessions: 'tracked' });
  const list = async (): Promise<void> => {
    const listed = await core.tracked?.list('ada');
    if (listed?.length !== sessions) throw new Error(`${listed?.length} of ${sessions} sessions were listed`);
  };
  const costs: Cost[] = [];
  try {
    for (let i = 0; i < sessions; i++) await core.signIns.start({ sub: 'ada', role: 'member' }, { device: 'Firefox' });
    // The first round warms up, and counts for nothing.
    await list();
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) costs.push(await costOf(inspector, list));
  } finally {
    await stop();
    client.disconnect();
    inspector.disconnect();
  }
  const figures = {
    time: summarize(costs.map(({ time }) => time)),
    cpu: summarize(costs.map(({ cpu }) => cpu / 1000)),
    redis: summarize(costs.map(({ redis }) => redis / 1000)),
  };
  return [
    {
      name: 'listing',
      title: `A list of ${number(sessions)} sessions of one user, ms`,
      head: ['until it is there', 'CPU of the process', 'CPU of Redis'],
      rows: [[show(figures.time, 1), show(figures.cpu, 1), show(figures.redis, 1)]],
      remarks: [],
      figures,
    },
  ];
}
