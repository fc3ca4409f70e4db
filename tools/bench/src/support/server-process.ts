import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Counters, Ready } from '../apps/server.js';

const PROGRAM = fileURLToPath(new URL('../apps/server.js', import.meta.url));

/** V8 shrinks the heap of a process that has nothing to do, and servers that take turns have: busy ones never see that. */
const FLAGS = ['--no-memory-reducer'];

/** One server, in a process of its own. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly died: Promise<never>,
    readonly url: string,
    /** That let a request through; where the variant has none of its own, the token that all get is needed. */
    readonly headers: Readonly<Record<string, string>> | undefined,
  ) {}

  static async start(platform: string, variant: string, redisUrl: string): Promise<ServerProcess> {
    const child = fork(PROGRAM, [platform, variant], { env: { ...process.env, REDIS_URL: redisUrl }, execArgv: FLAGS });
    const died = once(child, 'exit').then(([code]): never => {
      throw new Error(`A server of the benchmark ended by itself, with exit code ${code}`);
    });
    const { url, headers } = (await answerOf(child, died)) as Ready;
    return new ServerProcess(child, died, url, headers);
  }

  async counters(): Promise<Counters> {
    const answer = answerOf(this.child, this.died);
    this.child.send('counters');
    return (await answer) as Counters;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    await exited;
  }
}

async function answerOf(child: ChildProcess, died: Promise<never>): Promise<unknown> {
  const [message] = (await Promise.race([once(child, 'message'), died])) as unknown[];
  return message;
}
