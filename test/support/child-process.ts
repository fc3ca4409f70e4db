import {
  type RunningProcess,
  type StartOptions,
  startProcess as startAnyProcess,
} from '../../tools/support/child-process.mjs';
import { inspectOutput } from './leak-watch.js';

export type { RunningProcess };

const LONGEST_LEAK = 20_000;

/** Starts a child process in whose output there must not be a token or a secret. */
export function startProcess(command: string, args: readonly string[], options: StartOptions): Promise<RunningProcess> {
  return startAnyProcess(command, args, { ...options, onOutput: inspectionOf([command, ...args].join(' ')) });
}

/** Call it with all output of a process whenever there is more. */
export function inspectionOf(name: string): (output: string) => void {
  // A leak may begin in one chunk and end in the next one.
  return (output) => inspectOutput(name, output.slice(-LONGEST_LEAK));
}
