// How fast a logout reaches the other processes, and what that costs. Run `npm run build` first; needs redis-server on the PATH.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { KnownRevocations } from '../libs/refresh-auth/dist/esm/sessions/known-revocations.js';

const LOGOUTS = 200;
const LOGOUTS_UNHEARD = 25;
const VALID_REQUESTS = 5_000;
const PENDING = 100_000;
const PORT = 20_000 + Math.floor(Math.random() * 10_000);

const folder = mkdtempSync(join(tmpdir(), 'revocation-'));
const server = spawn('redis-server', ['--port', String(PORT), '--save', '', '--dir', folder], { stdio: 'ignore' });
const redis = new Redis(PORT, { retryStrategy: () => 50, maxRetriesPerRequest: null });
redis.on('error', () => {});

async function startDemo(redisUrl) {
  const demo = spawn(process.execPath, ['dist/apps/demo/main.js'], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      JWT_SECRET: 'of the benchmark: 32 bytes or more of it',
      REDIS_URL: redisUrl,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(demo.stdout, 'data');
  return { demo, url: /http:\S+/.exec(String(line))[0] };
}

async function signIn(url) {
  const response = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"username":"ada","password":"lovelace"}',
  });
  return { authorization: response.headers.get('authorization') };
}

/** Milliseconds from the 204 on one process to the first 401 on the other. */
async function measureLogouts(one, other, count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const headers = await signIn(one);
    await (await fetch(`${other}/me`, { headers })).text();
    await fetch(`${one}/auth/logout`, { method: 'POST', headers });
    const answered = performance.now();
    for (;;) {
      const response = await fetch(`${other}/me`, { headers });
      await response.text();
      if (response.status === 401) break;
    }
    times.push(performance.now() - answered);
  }
  times.sort((left, right) => left - right);
  const at = (part) => times[Math.floor(part * (times.length - 1))].toFixed(1);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms, of ${count}`;
}

async function scriptCalls() {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

try {
  await redis.ping();
  // This user may not listen to any channel: its processes hear no bell.
  await redis.call('ACL', 'SETUSER', 'deaf', 'on', '>deaf', '~*', '+@all', 'resetchannels');
  const demos = await Promise.all([
    startDemo(`redis://127.0.0.1:${PORT}`),
    startDemo(`redis://127.0.0.1:${PORT}`),
    startDemo(`redis://deaf:deaf@127.0.0.1:${PORT}`),
  ]);
  const [one, other, deaf] = demos.map(({ url }) => url);

  console.log(`204 to first 401 elsewhere, bell working: ${await measureLogouts(one, other, LOGOUTS)}`);
  console.log(`204 to first 401 elsewhere, bell cut:     ${await measureLogouts(one, deaf, LOGOUTS_UNHEARD)}`);

  const headers = await signIn(one);
  const before = await scriptCalls();
  const started = performance.now();
  for (let i = 0; i < VALID_REQUESTS; i++) await (await fetch(`${other}/me`, { headers })).text();
  const polls = Math.ceil(((performance.now() - started) / 2000) * demos.length);
  console.log(
    `store commands during ${VALID_REQUESTS} valid requests: ${(await scriptCalls()) - before} (three processes poll every 2 s: about ${polls} expected)`,
  );

  for (const { demo } of demos) demo.kill();
} finally {
  redis.disconnect();
  server.kill();
  await once(server, 'exit');
  rmSync(folder, { recursive: true, force: true });
}

globalThis.gc?.();
const heap = process.memoryUsage().heapUsed;
const known = new KnownRevocations({ now: () => Date.now() }, 60_000);
for (let i = 0; i < PENDING; i++) known.add({ session: String(i).padStart(43, 'x'), at: i });
globalThis.gc?.();
const bytes = (process.memoryUsage().heapUsed - heap) / known.size;
console.log(`memory for each of ${known.size} pending revocations: ${bytes.toFixed(0)} bytes`);
