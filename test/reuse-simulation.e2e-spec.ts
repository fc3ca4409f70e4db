import { describe, expect, it } from '@jest/globals';
import { type Conditions, type Outcome, simulate, TextbookStore } from './support/reuse-simulation.js';

const CLIENTS = 4000;
const THEFTS = 300;

const conditionsOf = (seed: number): Conditions => ({
  seed,
  lost: 0.15,
  bursts: 25,
  refreshAhead: seed % 3 === 0,
  failovers: seed % 5 === 0 ? 2 : 0,
});

async function run(count: number, live: (seed: number) => Promise<Outcome>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let seed = 1; seed <= count; seed++) outcomes.push(await live(seed));
  return outcomes;
}

const reused = (outcomes: Outcome[]) => outcomes.filter(({ reuses }) => reuses > 0).length;

describe('The grace policy, in the simulated lives of clients', () => {
  it(`[U2] takes none of ${CLIENTS} honest clients for a thief`, async () => {
    const outcomes = await run(CLIENTS, (seed) => simulate(conditionsOf(seed)));
    expect({ reused: reused(outcomes), loggedOut: outcomes.filter(({ loggedOut }) => loggedOut).length }).toEqual({
      reused: 0,
      loggedOut: 0,
    });
  }, 300_000);

  it('while the textbook rule takes many of the same clients for thieves', async () => {
    const outcomes = await run(300, (seed) => simulate(conditionsOf(seed), (clock) => new TextbookStore(clock)));
    expect(reused(outcomes)).toBeGreaterThan(100);
  }, 300_000);

  it(`[U1] finds each of ${THEFTS} thieves beside an active victim`, async () => {
    const outcomes = await run(THEFTS, (seed) =>
      simulate({ seed, lost: 0.05, bursts: 400, refreshAhead: false, failovers: 0, theft: 0.05 }),
    );
    expect(reused(outcomes)).toBe(THEFTS);
  }, 300_000);
});
