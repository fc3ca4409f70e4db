// @ts-check
// Imports nothing but built-ins: scripts use it before anything is installed or built.
import { spawn } from 'node:child_process';

const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 60_000;

/**
 * @typedef {object} RunningProcess
 * @property {import('node:child_process').ChildProcess} child
 * @property {number} pid
 * @property {RegExpExecArray} match what the `ready` pattern matched
 * @property {() => string} output all that was written so far, standard output and standard error together
 * @property {Promise<number | null>} ended resolves when the process has ended: the exit code, or `null` where a signal ended it
 * @property {(signal: NodeJS.Signals) => Promise<number | null>} end sends the signal, and waits like `ended`
 */

/**
 * @typedef {object} StartOptions
 * @property {RegExp} ready what the output must say before the process counts as started
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {'pipe' | 'inherit' | 'ignore'} [stderr] where standard error goes; defaults to `'pipe'`, into the output
 * @property {boolean} [ipc] opens a channel for messages; defaults to `false`
 * @property {(output: string) => void} [onOutput] called with all output so far whenever there is more
 */

/**
 * Starts a child process, which counts as started once its own output says so. Its output and not its port, because several servers may
 * start at once: the one that answers on a port may be another.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {StartOptions} options
 * @returns {Promise<RunningProcess>}
 */
export async function startProcess(command, args, { ready, stderr = 'pipe', ipc = false, onOutput, ...options }) {
  /** @type {import('node:child_process').StdioOptions} */
  const stdio = ipc ? ['ignore', 'pipe', stderr, 'ipc'] : ['ignore', 'pipe', stderr];
  /** @type {import('node:child_process').ChildProcess} */
  const child = spawn(command, args, { ...options, stdio });
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => child.once('close', resolve));
  const name = [command, ...args].join(' ');
  let output = '';

  /** @type {RegExpExecArray} */
  const match = await new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ why) => {
      clearTimeout(limit);
      reject(new Error(`${name} ${why}. Its output:\n${output}`));
    };
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`was not ready within ${START_LIMIT_MS} ms`);
    }, START_LIMIT_MS);
    let isReady = false;
    const read = (/** @type {string} */ chunk) => {
      output += chunk;
      onOutput?.(output);
      const found = isReady ? null : ready.exec(output);
      if (!found) return;
      isReady = true;
      clearTimeout(limit);
      resolve(found);
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
    child.once('error', (error) => fail(`could not be started (${error.message})`));
    child.once('close', (code, signal) => fail(`ended too early (${signal ?? `exit code ${code}`})`));
    endWithThisProcess(child);
  });

  return {
    child,
    pid: Number(child.pid),
    match,
    output: () => output,
    ended,
    async end(signal) {
      child.kill(signal);
      const limit = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
      const code = await ended;
      clearTimeout(limit);
      return code;
    },
  };
}

/**
 * Starts a shell that waits for this process to die, by whatever cause, and takes the child along. `process.on('exit')` cannot do it: Jest
 * gives the tests a copy of `process` whose listeners are never called.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function endWithThisProcess(child) {
  if (child.pid === undefined) return;
  const watchdog = spawn('sh', ['-c', 'read -r _; kill -9 "$1"', 'watchdog', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.once('exit', () => watchdog.kill('SIGKILL'));
}
