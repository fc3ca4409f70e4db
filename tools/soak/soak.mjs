// Sessions over several processes against a Redis that fails in every way at random; at the end the counts must add up.
// `npm run soak` (a minute), `npm run soak -- --minutes 10 --seed 7`.
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build } from '../scripts/build.mjs';
import { startProcess } from '../support/child-process.mjs';
import { Ledger, runClient } from './clients.mjs';
import { startUnreliableRedis } from './unreliable-redis.mjs';

const PROCESSES = 3;
const CLIENTS = 40;
/** In milliseconds: the refresh window, and twice the minute by which clocks may differ. */
const LONGEST_TTL = (120 + 120) * 1000;
/** Caches fill up to their bounds, and what the engine keeps differs from one collection to the next; in bytes. */
const MEMORY_SLACK = 16 * 2 ** 20;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('Write `--minutes` as a number above 0, and `--seed` as an integer.');
  process.exit(2);
}

/** mulberry32: the same disturbances, in the same order, for the same seed. */
function randomFrom(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One for all processes. */
const secret = randomBytes(48).toString('base64');

async function startDemo(redisUrl, adapter) {
  const args = ['--expose-gc', '--import', './tools/soak/watched.mjs', 'dist/apps/demo/main.js'];
  return startProcess(process.execPath, args, {
    ready: /(http:\S+).*\n/,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      JWT_SECRET: secret,
      REDIS_URL: redisUrl,
      TOKEN_EXPIRES_IN: '3',
      TOKEN_REFRESH_WINDOW: '2m',
      SESSION_LIFETIME: '10m',
      HTTP_ADAPTER: adapter,
      ...(seed % 2 === 0 && { REUSE_GRACE: '10' }),
    },
    // Each outage is a warning of the demo's, of which here there are many.
    stderr: 'ignore',
    ipc: true,
  });
}

async function lookInto({ child }) {
  if (child.exitCode !== null) return { unhandled: 1, heap: 0 };
  child.send('look');
  const [found] = await once(child, 'message');
  return found;
}

async function disturb(redis, random, until, losses) {
  const happened = {};
  const names = Object.keys(redis.disturbances);
  await delay(1000);
  while (Date.now() < until) {
    const name = names[Math.floor(random() * names.length)];
    const { loses, happen } = redis.disturbances[name];
    const from = Date.now();
    await happen();
    if (loses) losses.push({ from, to: Date.now() });
    happened[name] = (happened[name] ?? 0) + 1;
    await delay(1000 + 3000 * random());
  }
  return happened;
}

await build();
console.log(`seed ${seed}, ${minutes} min, ${PROCESSES} processes, ${CLIENTS} clients`);
const random = randomFrom(seed);
const redis = await startUnreliableRedis(random);
const demos = await Promise.all(
  Array.from({ length: PROCESSES }, (_, i) => startDemo(redis.url, i % 2 === 0 ? 'express' : 'fastify')),
);
const urls = demos.map(({ match }) => match[1]);
const ledger = new Ledger();
const losses = [];
const until = Date.now() + minutes * 60_000;
const isOver = () => Date.now() > until;

const clients = Array.from({ length: CLIENTS }, (_, i) =>
  runClient({ urls, random: randomFrom(seed + i + 1), ledger, isOver }),
);
const disturbing = disturb(redis, random, until, losses);
await delay((minutes * 60_000) / 3);
const early = await Promise.all(demos.map(lookInto));
const happened = await disturbing;
await Promise.all(clients);
const late = await Promise.all(demos.map(lookInto));
const keys = await redis.keys();

for (const demo of demos) await demo.end('SIGTERM');
await redis.stop();

const answered = Object.values(ledger.answers).reduce((sum, count) => sum + count, 0);
// A session has two latest tokens where a token was handed over for a generation that the store has lost since, and only there.
const unexplained = ledger.forks.filter((fork) => !losses.some(({ from, to }) => from <= fork.to && to >= fork.from));
const growth = late.map(({ heap }, i) => heap - early[i].heap);
const endless = keys.filter(([, ttl]) => ttl === -1 || ttl > LONGEST_TTL);
const megabytes = ({ heap }) => Number((heap / 2 ** 20).toFixed(1));

console.log('disturbances:', happened);
console.log('sessions:', { signIns: ledger.signIns, refreshes: ledger.refreshes, logouts: ledger.logouts });
console.log('requests:', { sent: ledger.sent, answered: ledger.answers, slowestInMs: Math.round(ledger.slowest) });
console.log(`keys: ${keys.length}, of which without an end, or with one too late: ${endless.length}`);
console.log(`two latest tokens: ${ledger.forks.length}, of which not by a loss of data: ${unexplained.length}`);
console.log(
  'unhandled rejections:',
  late.map(({ unhandled }) => unhandled),
);
console.log('heap, MB:', { atOneThird: early.map(megabytes), atTheEnd: late.map(megabytes) });
for (const surprise of ledger.surprises.slice(0, 20)) console.log('surprise:', surprise);

const faults = {
  'requests without an answer': ledger.sent - answered + (ledger.answers.none ?? 0),
  'answers that were wrong': ledger.surprises.length,
  'sessions with two latest tokens': unexplained.length,
  'keys without an end, or with one too late': endless.length,
  'unhandled rejections': late.reduce((sum, { unhandled }) => sum + unhandled, 0),
  'processes that grew': growth.filter((bytes) => bytes > MEMORY_SLACK).length,
  'refreshes missing': ledger.refreshes === 0 ? 1 : 0,
};
const failed = Object.entries(faults).filter(([, count]) => count > 0);
console.log(failed.length === 0 ? 'All adds up.' : `Does not add up: ${JSON.stringify(Object.fromEntries(failed))}`);
process.exit(failed.length === 0 ? 0 : 1);
