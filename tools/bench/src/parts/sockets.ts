import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { type RunningProcess, startProcess as startProgram } from '../../../support/child-process.mjs';
import type { SocketCounters } from '../apps/sockets.js';
import { type Process, startProcess } from '../support/core.js';
import type { Effort, Section } from '../support/section.js';
import { number, quantile, show, type Summary, summarize } from '../support/statistics.js';

const PROGRAM = fileURLToPath(new URL('../apps/sockets.js', import.meta.url));
const SOCKETS = 1_000;
/** Of these, this many belong to one user. */
const OF_ONE_USER = 10;
/** How many are opened at once, since a machine accepts only so many connections in a moment. */
const PORTION = 50;
const MESSAGES = 20_000;
const SENDERS = 50;
const ROUNDS = 7;
const LOGOUTS = 50;

export interface SocketFigures {
  /** Bytes of the heap for each socket, with the guard and without. Each socket has a session of its own. */
  readonly memory: { readonly guarded: number; readonly open: number };
  /** CPU of the server for each message, in microseconds. */
  readonly message: { readonly guarded: Summary; readonly open: Summary };
  /** From the call in another process until the last of the user's sockets is closed, in milliseconds, ascending. */
  readonly logouts: readonly number[];
}

/** Measures the costs of an admitted socket, and how fast a logout in another process closes it. */
export async function measureSockets({ quick, redisUrl }: Effort): Promise<Section[]> {
  const signer = await startProcess(redisUrl);
  const open = await measureServer('open', quick, redisUrl, signer);
  const guarded = await measureServer('guarded', quick, redisUrl, signer);
  await signer.stop();
  const figures: SocketFigures = {
    memory: { guarded: guarded.memory, open: open.memory },
    message: { guarded: guarded.message, open: open.message },
    logouts: guarded.logouts,
  };
  return [costs(figures), closing(figures)];
}

function costs({ memory, message }: SocketFigures): Section {
  return {
    name: 'sockets',
    title: `A socket of ws, beside ${number(SOCKETS)} others`,
    head: ['', 'memory for each socket, bytes', 'CPU of the server for each message, us'],
    rows: [
      ['without a guard', number(memory.open), show(message.open, 1)],
      ['admitted, with the guard', number(memory.guarded), show(message.guarded, 1)],
      ['the library', number(memory.guarded - memory.open), number(message.guarded.median - message.open.median, 1)],
    ],
    remarks: ['Each socket has a session of its own.'],
    figures: { memory, message },
  };
}

function closing({ logouts }: SocketFigures): Section {
  return {
    name: 'socket-logouts',
    title: `From a logout in another process until the user's ${OF_ONE_USER} of ${number(SOCKETS)} sockets are closed, ms`,
    head: ['median', 'p99', 'most', 'of'],
    rows: [
      [
        number(quantile(logouts, 0.5), 1),
        number(quantile(logouts, 0.99), 1),
        number(quantile(logouts, 1), 1),
        `${logouts.length}`,
      ],
    ],
    remarks: [],
    figures: logouts,
  };
}

interface Measured {
  readonly memory: number;
  readonly message: Summary;
  readonly logouts: readonly number[];
}

async function measureServer(
  kind: 'open' | 'guarded',
  quick: boolean,
  redisUrl: string,
  signer: Process,
): Promise<Measured> {
  const server = await startProgram(process.execPath, ['--expose-gc', PROGRAM, kind], {
    ready: /^ready (.+)\n/m,
    env: { ...process.env, REDIS_URL: redisUrl },
    stderr: 'inherit',
    ipc: true,
  });
  const url = (server.match[1] ?? '').replace('http', 'ws');
  const users = await openAll(url, signer);
  const sockets = users.flat();
  const count = quick ? 1_000 : MESSAGES;
  // The first round warms the code, and is not counted.
  await exchange(sockets, count);
  const memory = await openedLater(server, url, signer);
  const rounds = [];
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
    const { cpu } = await counters(server);
    await exchange(sockets, count);
    rounds.push(((await counters(server)).cpu - cpu) / count);
  }
  const logouts = kind === 'guarded' ? await endAll(users.slice(0, quick ? 2 : LOGOUTS), signer) : [];
  for (const socket of sockets) socket.terminate();
  await server.end('SIGTERM');
  return { memory, message: summarize(rounds), logouts };
}

/** Bytes for each of a second thousand of sockets, in a process that has served the first. */
async function openedLater(server: RunningProcess, url: string, signer: Process): Promise<number> {
  const { heap } = await counters(server);
  const more = (await openAll(url, signer)).flat();
  const bytes = ((await counters(server)).heap - heap) / more.length;
  await Promise.all(
    more.map(async (socket) => {
      socket.close();
      await once(socket, 'close');
    }),
  );
  return bytes;
}

let users = 0;

/** @returns the sockets of each user */
async function openAll(url: string, { core }: Process): Promise<WebSocket[][]> {
  const opened: WebSocket[][] = [];
  for (let first = 0; first < SOCKETS / OF_ONE_USER; first += PORTION / OF_ONE_USER) {
    const portion = Array.from({ length: PORTION / OF_ONE_USER }, () => {
      const sub = `user-${users++}`;
      return Promise.all(
        Array.from({ length: OF_ONE_USER }, async () => {
          const { token } = core.signer.first(Object.assign({ sub }, { role: 'member' }), 0);
          const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
          await once(socket, 'open');
          await exchange([socket], 1);
          return Object.assign(socket, { sub });
        }),
      );
    });
    opened.push(...(await Promise.all(portion)));
  }
  return opened;
}

/** Sends messages over some of the sockets, each after the answer to the one before. */
async function exchange(sockets: readonly WebSocket[], count: number): Promise<void> {
  let left = count;
  const senders = sockets.slice(0, SENDERS);
  await Promise.all(
    senders.map(async (socket) => {
      while (left-- > 0) {
        const answer = once(socket, 'message');
        socket.send('{"event":"hello"}');
        const [text] = (await answer) as [Buffer];
        if (!text.includes('world')) throw new Error(`A socket of the benchmark was answered with ${text.toString()}`);
      }
    }),
  );
}

/** @returns ascending */
async function endAll(sockets: readonly (readonly WebSocket[])[], { core }: Process): Promise<number[]> {
  const times: number[] = [];
  for (const own of sockets) {
    const { sub } = own[0] as WebSocket & { sub: string };
    const closed = Promise.all(own.map((socket) => once(socket, 'close')));
    const started = performance.now();
    await core.revocations.revokeUser(sub);
    await closed;
    times.push(performance.now() - started);
  }
  return times.sort((left, right) => left - right);
}

async function counters(server: RunningProcess): Promise<SocketCounters> {
  const answer = once(server.child, 'message');
  server.child.send('counters');
  const [found] = (await answer) as [SocketCounters];
  return found;
}
