import { type ChildProcess, spawn } from 'node:child_process';
import { inspectOutput } from './leak-watch.js';

const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 60_000;
const LONGEST_LEAK = 20_000;

export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What the `ready` pattern matched. */
  readonly match: RegExpExecArray;
  /** All that was written so far, standard output and standard error together. */
  output(): string;
  /** Sends the signal and waits for the end: the exit code, or `null` where a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * A child process that counts as started once its own output says so. Its output and not its port, because several test
 * workers start servers at once: whoever answers on a port may be somebody else's server.
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  { ready, ...options }: { ready: RegExp; cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<RunningProcess> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const name = [command, ...args].join(' ');
  let output = '';

  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(limit);
      reject(new Error(`${name} ${why}. Its output:\n${output}`));
    };
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`was not ready within ${START_LIMIT_MS} ms`);
    }, START_LIMIT_MS);
    const read = (chunk: string): void => {
      output += chunk;
      // What a chunk begins the next one may end.
      inspectOutput(name, output.slice(-LONGEST_LEAK));
      const found = ready.exec(output);
      if (found) {
        clearTimeout(limit);
        resolve(found);
      }
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('error', (error) => fail(`could not be started (${error.message})`));
    child.once('close', (code, signal) => fail(`ended too early (${signal ?? `exit code ${code}`})`));
    endWithThisProcess(child);
  });

  return {
    child,
    pid: Number(child.pid),
    match,
    output: () => output,
    async end(signal) {
      child.kill(signal);
      const limit = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
      const code = await closed;
      clearTimeout(limit);
      return code;
    },
  };
}

/**
 * A shell that waits for this process to die, by whatever cause, and takes the child along. `process.on('exit')` cannot do
 * it: Jest gives the tests a copy of `process` whose listeners are never called.
 */
function endWithThisProcess(child: ChildProcess): void {
  if (child.pid === undefined) {
    return;
  }
  const watchdog = spawn('sh', ['-c', 'read -r _; kill -9 "$1"', 'watchdog', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.once('exit', () => watchdog.kill('SIGKILL'));
}
