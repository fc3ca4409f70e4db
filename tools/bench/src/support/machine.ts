import { cpus, loadavg } from 'node:os';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly node: string;
  /** Of the minute before. */
  readonly load: number;
}

export function machine(): Machine {
  const [first, ...others] = cpus();
  return {
    cores: others.length + 1,
    cpu: first?.model.trim() ?? 'unknown',
    node: process.versions.node,
    load: loadavg()[0] ?? 0,
  };
}
