import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Redis } from 'ioredis';

const ARGUMENT = /"((?:[^"\\]|\\.)*)"/g;

/** The commands that a Redis server receives, from all clients. */
export interface RedisWatch {
  /** Every command that the server was sent meanwhile, with its arguments. */
  commandsDuring(act: () => Promise<unknown>): Promise<string[][]>;
  /** The names of those about sessions and users: what concerns the log of revocations happens by itself now and then. */
  sessionCommandsDuring(act: () => Promise<unknown>): Promise<string[]>;
  /** As `sessionCommandsDuring`, without those that a script runs. */
  sessionCommandsSentDuring(act: () => Promise<unknown>): Promise<string[]>;
  stop(): void;
}

/**
 * `MONITOR`, which hears of a command a moment later: so two echoes tell where the beginning and the end are. Over a bare socket, since the
 * monitor of ioredis takes what it hears in the moment of its beginning for a reply that it did not ask for.
 */
export async function watchRedis(client: Redis, prefix = 'refresh-auth'): Promise<RedisWatch> {
  const { port = 6379, host, password } = client.options;
  const socket = connect(port, host);
  const monitor = createInterface({ input: socket });
  for (const command of [...(password ? [`AUTH ${password}`] : []), 'MONITOR']) {
    socket.write(`${command}\r\n`);
    const [reply] = (await once(monitor, 'line')) as string[];
    if (reply !== '+OK') throw new Error(`Redis is not to be watched: ${reply}`);
  }

  async function commandsDuring(
    act: () => Promise<unknown>,
    isHeard: (line: string) => boolean = () => true,
  ): Promise<string[][]> {
    const heard: string[][] = [];
    const complete = new Promise<void>((resolve) => {
      monitor.on('line', (line) => {
        if (!isHeard(line)) return;
        const command = Array.from(line.matchAll(ARGUMENT), ([, argument = '']) => argument);
        heard.push(command);
        if (command[1] === 'the end') resolve();
      });
    });
    await client.echo('the beginning');
    await act();
    await client.echo('the end');
    await complete;
    monitor.removeAllListeners('line');
    const said = heard.map(([, argument]) => argument);
    return heard.slice(said.indexOf('the beginning') + 1, said.indexOf('the end'));
  }

  function namesOfSessionCommands(commands: string[][]): string[] {
    const log = `${prefix}:revocations`;
    return commands
      .filter((command) => command.some((key) => key.startsWith(`${prefix}:`) && !key.startsWith(log)))
      .map(([name = '']) => name.toLowerCase());
  }

  return {
    commandsDuring: (act) => commandsDuring(act),
    sessionCommandsDuring: async (act) => namesOfSessionCommands(await commandsDuring(act)),
    sessionCommandsSentDuring: async (act) =>
      namesOfSessionCommands(await commandsDuring(act, (line) => !/^\S+ \[\d+ lua\]/.test(line))),
    stop: () => socket.destroy(),
  };
}
