import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type RunningProcess, startProcess } from '../../../support/child-process.mjs';
import type { Counters, Ready } from '../apps/server.js';

const PROGRAM = fileURLToPath(new URL('../apps/server.js', import.meta.url));

/** V8 shrinks the heap of a process that has nothing to do, and servers that take turns have: busy ones never see that. */
const FLAGS = ['--no-memory-reducer'];

/** One server, in a process of its own. */
export class ServerProcess {
  private constructor(
    private readonly process: RunningProcess,
    readonly url: string,
    /** That let a request through; where the variant has none of its own, the token that all get is needed. */
    readonly headers: Readonly<Record<string, string>> | undefined,
  ) {}

  static async start(platform: string, variant: string, redisUrl: string): Promise<ServerProcess> {
    const server = await startProcess(process.execPath, [...FLAGS, PROGRAM, platform, variant], {
      ready: /^ready (.+)\n/m,
      env: { ...process.env, REDIS_URL: redisUrl },
      stderr: 'inherit',
      ipc: true,
    });
    const { url, headers } = JSON.parse(server.match[1] ?? '') as Ready;
    return new ServerProcess(server, url, headers);
  }

  async counters(): Promise<Counters> {
    const died = this.process.ended.then((code): never => {
      throw new Error(`A server of the benchmark ended by itself, with exit code ${code}`);
    });
    const answer = once(this.process.child, 'message');
    this.process.child.send('counters');
    const [counters] = (await Promise.race([answer, died])) as unknown[];
    return counters as Counters;
  }

  async stop(): Promise<void> {
    await this.process.end('SIGTERM');
  }
}
