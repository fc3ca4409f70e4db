// Several processes of the demo behind one port, on one real Redis.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { startProcess } from '../support/child-process.mjs';
import { HOST, startRedis } from '../support/redis-server.mjs';
import { build } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { ensureRedis } from './ensure-redis.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Ends everything that was started, the last first. */
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

/**
 * Keeps what is being started until the end: it is ended along with the others, and takes them along when it ends by itself.
 *
 * @param {string} name
 * @param {Promise<T>} starting
 * @param {{ processOf: (started: T) => import('../support/child-process.mjs').RunningProcess, stop: (started: T) => Promise<unknown> }} how
 * @template T
 */
async function keep(name, starting, { processOf, stop }) {
  endings.unshift(async () => {
    const started = await starting.catch(() => undefined);
    if (started) await stop(started);
  });
  const giveUp = (why) => {
    if (!ending) console.error(`${name} ${why}, and everything else with it.`);
    end(1);
  };
  try {
    const started = await starting;
    void processOf(started).ended.then(() => giveUp('has ended'));
    return started;
  } catch (error) {
    giveUp(`did not start: ${error.message}`);
    // Nothing is to go on meanwhile.
    return new Promise(() => {});
  }
}

async function startOwnRedis() {
  const { url } = await keep('Redis', startRedis({ program: ensureRedis() }), {
    processOf: (redis) => redis.process,
    stop: (redis) => redis.stop(),
  });
  return url;
}

async function startDemo(name, env) {
  const starting = startProcess(process.execPath, ['dist/apps/demo/main.js'], {
    ready: /(http:\/\/\S+).*\n/,
    cwd: root,
    env: { ...env, HOST, PORT: '0', DEMO_PROCESS: String(name) },
    stderr: 'inherit',
  });
  const demo = await keep(`Process ${name}`, starting, {
    processOf: (started) => started,
    stop: (started) => started.end('SIGTERM'),
  });
  return new URL(demo.match[1]);
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
    const forwarded = forward(wanted ?? demos[turn++ % demos.length], incoming, passOn).on('error', giveUp(response));
    // A client that leaves a stream.
    response.once('close', () => response.writableEnded || forwarded.destroy());
    incoming.pipe(forwarded);
  };
  const joinSocket = ({ method, url, rawHeaders }, socket, head) => {
    const { hostname, port } = demos[turn++ % demos.length];
    const upstream = connect(port, hostname);
    const headers = rawHeaders.map((text, index) => text + (index % 2 === 0 ? ': ' : '\r\n')).join('');
    upstream.write(`${method} ${url} HTTP/1.1\r\n${headers}\r\n`, 'latin1');
    upstream.write(head);
    // Each closes the other, also after an error.
    pipeline(socket, upstream, socket, () => undefined);
  };
  return createServer((incoming, response) => void answer(incoming, response)).on('upgrade', joinSocket);
}

ensureInstalled();
await build();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => end(0));
// npm passes a signal on to its shell, which ends and leaves its children to themselves.
setInterval(() => process.ppid !== parent && end(0), 200).unref();

const processes = Number(process.env.PROCESSES || 3);
const env = {
  DEMO_FAULTS: '1',
  JWT_SECRET: randomBytes(48).toString('base64'),
  ...process.env,
  DEMO_PROCESSES: String(processes),
  REDIS_URL: process.env.REDIS_URL || (await startOwnRedis()),
};
const names = Array.from({ length: processes }, (_, index) => index + 1);
const demos = await Promise.all(names.map((name) => startDemo(name, env)));
const front = createFront(demos).listen(Number(process.env.PORT || 3000), HOST);
await once(front, 'listening');
endings.unshift(() => front.close() && front.closeAllConnections());
console.log(
  `nestjs-refresh-auth demo: http://${HOST}:${front.address().port} (${processes} processes, ${env.REDIS_URL})`,
);
