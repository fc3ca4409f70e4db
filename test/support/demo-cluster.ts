import { fileURLToPath } from 'node:url';
import { type RunningProcess, startProcess } from './child-process.js';

const REPOSITORY_ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface DemoCluster extends RunningProcess {
  readonly url: string;
}

/** Several processes of the demo behind one port. All of them write to one pipe: once its end is there, none is left. */
export async function startDemoCluster(
  processes: number,
  env: Record<string, string> = {},
  [command, ...args]: [string, ...string[]] = [process.execPath, 'tools/scripts/demo-cluster.mjs'],
): Promise<DemoCluster> {
  const cluster = await startProcess(command, args, {
    cwd: REPOSITORY_ROOT,
    env: { PATH: process.env['PATH'], PORT: '0', PROCESSES: String(processes), ...env },
    ready: /demo: (http:\/\/127\.0\.0\.1:\d+)/,
  });
  return { ...cluster, url: cluster.match[1] ?? '' };
}
