import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { attacked } from '../support/attacks.js';
import { besiege } from '../support/siege.js';
import { budget, report, seed } from './budget.js';

test.each(attacked)('%s', async (algorithm) => {
  const { families, withstand } = besiege(algorithm);
  const tried = new Map<string, number>();
  const attacks = Object.entries(families).map(([family, tokens]) => tokens.map((attack) => ({ family, attack })));

  await fc.assert(
    fc.asyncProperty(fc.oneof(...attacks), async ({ family, attack }) => {
      const kind = `${family}: ${await withstand(attack)}`;
      tried.set(kind, (tried.get(kind) ?? 0) + 1);
    }),
    { seed, numRuns: Number.POSITIVE_INFINITY, interruptAfterTimeLimit: budget, endOnFailure: false },
  );

  report(algorithm, tried);
  expect(tried.size).toBeGreaterThan(0);
});
