import type { Redis } from 'ioredis';
import { redisCpu } from './redis-facts.js';

export interface Cost {
  /** In milliseconds. */
  readonly time: number;
  /** CPU of this process, in microseconds. */
  readonly cpu: number;
  /** CPU of Redis, in microseconds. */
  readonly redis: number;
}

/** @param inspector a connection that the work does not use */
export async function costOf(inspector: Redis, work: () => Promise<unknown>): Promise<Cost> {
  const redisBefore = await redisCpu(inspector);
  const [before, started] = [process.cpuUsage(), performance.now()];
  await work();
  const [time, { user, system }] = [performance.now() - started, process.cpuUsage(before)];
  return { time, cpu: user + system, redis: (await redisCpu(inspector)) - redisBefore };
}
