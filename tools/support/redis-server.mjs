// @ts-check
// Imports nothing but built-ins: scripts use it before anything is installed or built.
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from './child-process.mjs';

/** @import { RunningProcess, StartOptions } from './child-process.mjs' */

export const HOST = '127.0.0.1';
const PORT_ATTEMPTS = 10;

/**
 * @typedef {object} RedisServer
 * @property {number} port
 * @property {string} url
 * @property {string} directory where its data is
 * @property {RunningProcess} process another one after each `restart()`
 * @property {() => Promise<void>} stop ends the server for good and removes its data
 * @property {() => Promise<void>} kill a crash: the server is gone at once, its data stays for `restart()`
 * @property {() => void} pause a hung server: connections stay open, nothing is answered until `resume()`
 * @property {() => void} resume
 * @property {() => Promise<void>} restart a crash and a new start on the same port; the data is lost unless `args` turned persistence on
 */

/**
 * Starts a real Redis server for one run, in a directory of its own. It writes nothing to disk unless `args` say so.
 *
 * @param {object} [options]
 * @param {string} [options.program] defaults to the environment's `REDIS_SERVER`, else to the `redis-server` on the PATH
 * @param {readonly string[]} [options.args] further settings
 * @param {StartOptions['onOutput']} [options.onOutput]
 * @returns {Promise<RedisServer>}
 */
export async function startRedis({ program = redisProgram(), args = [], onOutput } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'redis-'));
  const removeDirectory = () => rm(directory, { recursive: true, force: true });
  const start = (/** @type {number} */ port) => {
    const fixed = ['--bind', HOST, '--port', String(port), '--dir', directory, '--save', '', '--appendonly', 'no'];
    // Else a master lets each new replica wait for five seconds, because others may come.
    const atOnce = ['--repl-diskless-sync-delay', '0'];
    return startProcess(program, [...fixed, ...atOnce, ...args], {
      ready: /Ready to accept connections/,
      ...(onOutput && { onOutput }),
    });
  };

  const { port, started } = await onFreePort(start).catch(async (error) => {
    await removeDirectory();
    throw error;
  });
  let running = started;

  return {
    port,
    url: `redis://${HOST}:${port}`,
    directory,
    get process() {
      return running;
    },
    async stop() {
      await running.end('SIGKILL');
      await removeDirectory();
    },
    async kill() {
      await running.end('SIGKILL');
    },
    pause() {
      running.child.kill('SIGSTOP');
    },
    resume() {
      running.child.kill('SIGCONT');
    },
    async restart() {
      await running.end('SIGKILL');
      running = await start(port);
    },
  };
}

export function redisProgram() {
  return process.env['REDIS_SERVER'] || 'redis-server';
}

/**
 * Starts a server on a port that is free. Redis itself finds out: between a check of ours and its start another process could take the
 * port. The range keeps the port and the cluster bus port (10,000 above) out of the ephemeral ports, where after a crash some client's
 * outgoing connection could take the port, even one that is reconnecting to it and would meet itself.
 *
 * @param {(port: number) => Promise<RunningProcess>} start
 * @returns {Promise<{ port: number, started: RunningProcess }>}
 */
export async function onFreePort(start) {
  for (let attempt = 1; ; attempt += 1) {
    const port = randomInt(10_000, 22_768);
    try {
      return { port, started: await start(port) };
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !String(error).includes('Address already in use')) throw error;
    }
  }
}
