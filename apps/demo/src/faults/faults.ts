import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { MemoryFaults } from './memory-faults.js';
import { RedisFaults } from './redis-faults.js';
import type { StoreFaults } from './store-faults.js';

/** Injects the {@link StoreFaults} of this process. */
export const FAULTS = Symbol('The switch between the demo and its store');

export async function openFaults({ redis }: RefreshAuthOptions): Promise<StoreFaults> {
  return typeof redis === 'string' ? RedisFaults.open(redis) : new MemoryFaults();
}
