import { describe, expect, test } from '@jest/globals';
import { setImmediate as immediate } from 'node:timers/promises';
import { EarlierRuleStore } from './support/reuse-simulation/earlier-rule.js';
import { type Conditions, type Life, live } from './support/reuse-simulation/honest-client.js';
import { scenarios } from './support/reuse-simulation/scenarios.js';
import { type End, steal, type Theft, thefts } from './support/reuse-simulation/thieves.js';

/**
 * In each scenario. 4,000 are the measure. They take minutes, and much memory if all scenarios run in one process:
 * `REUSE_CLIENTS=4000 npm test -- reuse-simulation -t 'uploads of 1 to 20 minutes'`.
 */
const CLIENTS = Number(process.env['REUSE_CLIENTS'] || 40);
const THEFTS = Math.max(10, Math.round(CLIENTS / 20));
const TIMEOUT = 60_000 + CLIENTS * 1_000;

interface Count {
  /** Sessions that were revoked as stolen. */
  revoked: number;
  /** The seeds of clients whose session was revoked although they held a token that would have been accepted. */
  robbed: number[];
  signedOut: number;
}

async function count(conditions: Conditions, expiresIn: number, makeStore?: Life['makeStore']): Promise<Count> {
  const counted: Count = { revoked: 0, robbed: [], signedOut: 0 };
  for (let seed = 1; seed <= CLIENTS; seed++) {
    const outcome = await live({ ...conditions, seed, expiresIn, ...(makeStore && { makeStore }) });
    // Node.js lets go of much only between two turns of its event loop, and simulated time needs none.
    await immediate();
    counted.revoked += Number(outcome.revoked);
    counted.signedOut += Number(outcome.signedOut);
    if (outcome.robbed) counted.robbed.push(seed);
  }
  return counted;
}

/** A run of many clients prints what it finds, for the documentation. */
function report(what: string, found: object): void {
  if (process.env['REUSE_CLIENTS']) process.stdout.write(`${what}: ${JSON.stringify(found)}\n`);
}

describe.each([60, 900])('Reuse detection with tokens of %i s, in the simulated lives of clients:', (expiresIn) => {
  test.each(Object.entries(scenarios))(
    '[U2] %s: no client that holds a usable token loses its session',
    async (name, conditions) => {
      const counted = await count(conditions, expiresIn);
      report(`${expiresIn} s, ${name}`, counted);
      expect(counted.robbed).toEqual([]);
    },
    TIMEOUT,
  );
});

describe('The rule that came before, in the same lives:', () => {
  test.each([
    ['tabs that wake together, lost responses', 0.005],
    ['requests queued for 1 to 180 s', 0.5],
    ['uploads of 1 to 20 minutes', 0.5],
    ['uploads behind a proxy that buffers', 0.5],
  ])(
    '%s: takes honest clients for thieves',
    async (name, share) => {
      const { robbed, ...counted } = await count(scenarios[name]!, 60, (clock) => new EarlierRuleStore(clock));
      report(`earlier rule, 60 s, ${name}`, { ...counted, robbed: robbed.length });
      expect(robbed.length).toBeGreaterThanOrEqual(Math.floor(share * CLIENTS));
    },
    TIMEOUT,
  );
});

describe('Reuse detection, in the simulated lives of thieves:', () => {
  /** In minutes, of that share of the thieves who live no longer. */
  function within(share: number, all: readonly Theft[]): string {
    const lives = all.map(({ lived = Number.POSITIVE_INFINITY }) => lived / 60_000).sort((one, other) => one - other);
    const minutes = lives[Math.ceil(share * lives.length) - 1] ?? 0;
    return Number.isFinite(minutes) ? `${Math.round(minutes)} min` : 'more than a day';
  }

  test.each(Object.entries(thefts))(
    '[U1] %s',
    async (name, [thief, victim, end]) => {
      const all: Theft[] = [];
      for (let seed = 1; seed <= THEFTS; seed++) {
        all.push(await steal(seed, thief, victim));
        await immediate();
      }
      const found = all.filter(({ isFound }) => isFound).length;
      report(name, { thefts: THEFTS, found, half: within(0.5, all), nine: within(0.9, all), all: within(1, all) });

      const goOn = all.filter(({ lived }) => lived === undefined).length;
      const happened: End = goOn === 0 ? 'all end' : goOn === THEFTS ? 'none ends' : 'some go on';
      expect(happened).toBe(end);
    },
    TIMEOUT,
  );
});
