// Several processes of the demo behind one port, on one real Redis.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { ensureRedis } from './ensure-redis.mjs';

const HOST = '127.0.0.1';
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** What was started, the last first: how to end each. */
const endings = [];
const parent = process.ppid;
let ending;

/** Ends everything that was started, once, however many signals come. */
function end(code) {
  ending ??= (async () => {
    // Another one may be started while the first are being ended.
    while (endings.length > 0) await endings.shift()();
    process.exit(code);
  })();
}

/** A child that is ended along with the others, and takes them along when it ends by itself. */
function start(name, command, args, env) {
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').catch(() => undefined);
  child.once('error', (error) => console.error(`${name} could not be started: ${error.message}`));
  void ended.then(() => {
    if (!ending) console.error(`${name} has ended, and everything else with it.`);
    end(1);
  });
  endings.unshift(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return child;
}

/** What the child's output has to say before it counts as started. */
async function until(child, pattern) {
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    output += chunk;
    const found = pattern.exec(output);
    if (found) {
      child.stdout.resume();
      return found[1];
    }
  }
  // It has ended, and `start` sees to the rest.
  return new Promise(() => {});
}

async function freePort() {
  const server = createTcpServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'demo-redis-'));
  endings.unshift(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const args = ['--bind', HOST, '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'no'];
  await until(start('Redis', ensureRedis(), args, process.env), /(Ready to accept connections)/);
  return `redis://${HOST}:${port}`;
}

async function startDemo(name, env) {
  const demo = start(`Process ${name}`, process.execPath, ['dist/apps/demo/main.js'], {
    ...env,
    HOST,
    PORT: '0',
    DEMO_PROCESS: String(name),
  });
  return new URL(await until(demo, /(http:\/\/\S+)/));
}

const giveUp = (response) => () => {
  if (!response.headersSent) response.writeHead(502);
  response.end();
};

/** In turn, unless the request says which one it wants. */
function createFront(demos) {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  const forward = (demo, { method, url, headers }, respond) =>
    request({ host: demo.hostname, port: demo.port, method, path: url, headers, agent }, respond);
  const answer = async (incoming, response) => {
    const { url, headers } = incoming;
    const passOn = (answered) => {
      response.writeHead(answered.statusCode, answered.rawHeaders);
      answered.pipe(response);
    };
    if (url.startsWith('/faults/')) {
      // The store is one for all, and so is the way to it.
      const body = await buffer(incoming);
      demos.forEach((demo, index) => {
        forward(demo, incoming, index === 0 ? passOn : (answered) => answered.resume())
          .on('error', giveUp(response))
          .end(body);
      });
      return;
    }
    const wanted = demos[Number(headers['x-demo-process']) - 1];
    incoming.pipe(forward(wanted ?? demos[turn++ % demos.length], incoming, passOn).on('error', giveUp(response)));
  };
  return createServer((incoming, response) => void answer(incoming, response));
}

ensureInstalled();
build();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => end(0));
// npm passes a signal on to its shell, which ends and leaves its children to themselves.
setInterval(() => process.ppid !== parent && end(0), 200).unref();

const processes = Number(process.env.PROCESSES || 3);
const env = {
  DEMO_FAULTS: '1',
  JWT_SECRET: randomBytes(48).toString('base64'),
  ...process.env,
  DEMO_PROCESSES: String(processes),
  REDIS_URL: process.env.REDIS_URL || (await startRedis()),
};
const names = Array.from({ length: processes }, (_, index) => index + 1);
const demos = await Promise.all(names.map((name) => startDemo(name, env)));
const front = createFront(demos).listen(Number(process.env.PORT || 3000), HOST);
await once(front, 'listening');
endings.unshift(() => front.close() && front.closeAllConnections());
console.log(
  `nestjs-refresh-auth demo: http://${HOST}:${front.address().port} (${processes} processes, ${env.REDIS_URL})`,
);
