// npm run bench [-- --quick | --write-docs | --only=<part>]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureHttp } from './parts/http.js';
import { measureMicro } from './parts/micro.js';
import { measureRenewals } from './parts/renewals.js';
import { measureRevocations } from './parts/revocations.js';
import { measureSessions } from './parts/sessions.js';
import { measureStorm } from './parts/storm.js';
import { LOAD_GENERATOR } from './support/load.js';
import { machine } from './support/machine.js';
import { startRedis } from './support/redis-server.js';
import { type Effort, remarks, type Section, table } from './support/section.js';

const RESULTS = new URL('../../bench/results.json', import.meta.url);

const PARTS: Readonly<Record<string, (effort: Effort) => Promise<Section[]>>> = {
  fastify: (effort) => measureHttp('fastify', effort),
  express: (effort) => measureHttp('express', effort),
  micro: measureMicro,
  renewals: measureRenewals,
  storm: measureStorm,
  sessions: measureSessions,
  revocations: measureRevocations,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: Object.keys(PARTS) },
  },
});

const under = machine();
console.log(`Node.js ${under.node}, ${under.cores} cores of ${under.cpu}; load from ${LOAD_GENERATOR}`);
if (under.load > under.cores / 2) console.log(`The machine is busy already: its load is ${under.load.toFixed(1)}`);

const sections: Section[] = [];
for (const part of values.only) sections.push(...(await run(part)));
writeFileSync(RESULTS, JSON.stringify({ machine: under, loadGenerator: LOAD_GENERATOR, sections }, undefined, 2));

/** With a Redis of its own: what one part has left behind is nothing to the next. */
async function run(part: string): Promise<Section[]> {
  const measurePart = PARTS[part];
  if (!measurePart) throw new Error(`There is no part ${part}: choose from ${Object.keys(PARTS).join(', ')}`);
  const redis = await startRedis();
  try {
    const found = await measurePart({ quick: values.quick, redisUrl: redis.url });
    for (const section of found) console.log(`\n${section.title}\n\n${table(section)}\n${remarks(section)}`);
    return found;
  } finally {
    await redis.stop();
  }
}
