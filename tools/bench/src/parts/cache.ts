import { AT_ONCE, coreInMemory } from '../support/core.js';
import { usedHeap } from '../support/heap.js';
import type { Effort, Section } from '../support/section.js';
import { number } from '../support/statistics.js';
import { validToken } from '../support/tokens.js';

const TOKENS = 10_000;

export interface CacheFigures {
  readonly tokens: number;
  /** For each of them. */
  readonly bytes: number;
}

/** Measures the memory for tokens that a process has verified. */
export async function measureCache({ quick }: Effort): Promise<Section[]> {
  const tokens = quick ? 500 : TOKENS;
  const core = coreInMemory();
  await core.start();
  const { authenticator } = core;
  const before = usedHeap();
  for (let i = 0; i < tokens; i++) await authenticator.authenticate(copyOf(validToken()), 'refresh', AT_ONCE);
  const figures: CacheFigures = { tokens, bytes: (usedHeap() - before) / tokens };
  // Not collected before it was measured.
  await authenticator.authenticate(validToken(), 'refresh', AT_ONCE);
  await core.stop();
  return [
    {
      name: 'cache',
      title: 'Verified tokens in the memory of a process',
      head: ['tokens', 'bytes for each'],
      rows: [[number(tokens), number(figures.bytes)]],
      remarks: [],
      figures,
    },
  ];
}

/** As a request brings it: a part of a header, and not the string that was signed. */
function copyOf(token: string): string {
  return Buffer.from(`Bearer ${token}`).toString('latin1').slice('Bearer '.length);
}
