// Forged, altered and oversized tokens, some drawn at random: each is refused without the store.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { attacked } from './support/attacks.js';
import { besiege } from './support/siege.js';

const RUNS = 30;

describe.each(attacked)(
  'without asking the store and without quoting it, a process with one %s key refuses',
  (algorithm) => {
    test.each(Object.keys(besiege(algorithm).families))('%s', async (family) => {
      const { families, withstand } = besiege(algorithm);
      const attacks = families[family]!;
      const codes: string[] = [];

      await fc.assert(
        fc.asyncProperty(attacks, async (attack) => {
          codes.push(await withstand(attack));
        }),
        { numRuns: RUNS },
      );

      expect(codes).toHaveLength(RUNS);
    });
  },
);
