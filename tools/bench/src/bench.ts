// npm run bench [-- --quick] [-- --only=fastify --only=micro] [-- --write-docs]
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { measureCache } from './parts/cache.js';
import { measureHttp } from './parts/http.js';
import { measureListing } from './parts/listing.js';
import { measureMicro } from './parts/micro.js';
import { measureRefreshes } from './parts/refreshes.js';
import { measureRevocations } from './parts/revocations.js';
import { measureSessions } from './parts/sessions.js';
import { measureSockets } from './parts/sockets.js';
import { measureStorm } from './parts/storm.js';
import { measureWaiters } from './parts/waiters.js';
import { startRedis } from '../../support/redis-server.mjs';
import { tidy, writeDocs } from './report/docs.js';
import { describeRun } from './report/run.js';
import { sizing } from './report/sizing.js';
import { summary } from './report/summary.js';
import { machine } from './support/machine.js';
import { redisVersion } from './support/redis-facts.js';
import { type Effort, type Section, toMarkdown } from './support/section.js';

const RESULTS = new URL('../../../tools/bench/results.json', import.meta.url);

const PARTS: Readonly<Record<string, (effort: Effort) => Promise<Section[]>>> = {
  fastify: (effort) => measureHttp('fastify', effort),
  express: (effort) => measureHttp('express', effort),
  micro: measureMicro,
  refreshes: measureRefreshes,
  storm: measureStorm,
  waiters: measureWaiters,
  sessions: measureSessions,
  listing: measureListing,
  revocations: measureRevocations,
  sockets: measureSockets,
  cache: measureCache,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: Object.keys(PARTS) },
    'write-docs': { type: 'boolean', default: false },
  },
});
const { quick, 'write-docs': writesDocs } = values;
const only = values.only.flatMap((parts) => parts.split(','));
const isWhole = Object.keys(PARTS).every((part) => only.includes(part));
if (writesDocs && (quick || !isWhole)) throw new Error('--write-docs needs a whole run: leave --quick and --only out');

if (quick) console.log('A quick run shows that the benchmark works, and measures nothing worth reading.');
const under = machine();
if (under.load > under.cores / 2) {
  console.log(`The machine is busy with something else (load ${under.load.toFixed(1)}): read the ratios with care.`);
}
const sections: Section[] = [];
for (const part of only) await add(await run(part));
if (isWhole) await add([sizing(sections), summary(sections)]);
await writeFile(RESULTS, JSON.stringify(sections, undefined, 2));
if (writesDocs) await writeDocs(sections);

/** With a Redis of its own: what one part has left behind is nothing to the next. */
async function run(part: string): Promise<Section[]> {
  const measure = PARTS[part];
  if (!measure) throw new Error(`There is no part ${part}: choose from ${Object.keys(PARTS).join(', ')}`);
  const redis = await startRedis();
  try {
    if (sections.length === 0) await add([describeRun(under, await redisVersion(redis.url))]);
    return await measure({ quick, redisUrl: redis.url });
  } finally {
    await redis.stop();
  }
}

/** Shown as soon as it is known. */
async function add(found: readonly Section[]): Promise<void> {
  sections.push(...found);
  for (const section of found) console.log(await tidy(`## ${section.title}\n\n${toMarkdown(section)}\n`));
}
