import { fileURLToPath } from 'node:url';
import { startProcess } from './child-process.js';

const REPOSITORY_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** For a demo with a clock of its own, which is `CLOCK_OFFSET` ms off and which `passTime` moves on by `CLOCK_STEP` ms. */
export const OWN_CLOCK = {
  NODE_OPTIONS: `--import=${fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))}`,
  CLOCK_OFFSET: '0',
  CLOCK_STEP: '0',
};

export interface DemoProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** All that it has written so far. */
  output(): string;
  /** Moves its clock on, soon. Only with `OWN_CLOCK`. */
  passTime(): void;
  /** Asks it to end, as a deployment does: the exit code, or `null` where it ended by the signal alone. */
  stop(): Promise<number | null>;
}

/**
 * The demo as it is really run, a process of its own, because several of them side by side are what the library is for.
 * Of this process's environment it sees the path alone: a `JWT_SECRET` or `REDIS_URL` of the developer decides no test.
 */
export async function startDemo(env: Record<string, string> = {}): Promise<DemoProcess> {
  const demo = await startProcess(process.execPath, ['dist/apps/demo/main.js'], {
    cwd: REPOSITORY_ROOT,
    // Several processes share few cores with other tests, which is no outage of the store.
    env: { PATH: process.env['PATH'], PORT: '0', STORE_TIMEOUT: '8s', ...env },
    ready: /(http:\/\/127\.0\.0\.1:(\d+)).*\n/,
  });
  const [, url = '', port] = demo.match;
  return {
    url,
    port: Number(port),
    pid: demo.pid,
    output: () => demo.output(),
    passTime: () => void process.kill(demo.pid, 'SIGCONT'),
    stop: () => demo.end('SIGTERM'),
  };
}
