import type { Redis } from 'ioredis';

/** What a Redis server is asked, by whomever. */
export interface RedisWatch {
  /** Every command that the server was sent meanwhile, with its arguments. */
  commandsDuring(act: () => Promise<unknown>): Promise<string[][]>;
  /** The names of those about sessions: reading the log of revocations, which happens by itself now and then, names none. */
  sessionCommandsDuring(act: () => Promise<unknown>): Promise<string[]>;
  stop(): void;
}

/** `MONITOR`, which hears of a command a moment later: so marks tell where the beginning and the end are. */
export async function watchRedis(client: Redis, prefix = 'refresh-auth'): Promise<RedisWatch> {
  const monitor = await client.monitor();

  async function commandsDuring(act: () => Promise<unknown>): Promise<string[][]> {
    const heard: string[][] = [];
    const complete = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, command: string[]) => {
        heard.push(command);
        if (command[1] === 'the end') resolve();
      });
    });
    await client.echo('the beginning');
    await act();
    await client.echo('the end');
    await complete;
    monitor.removeAllListeners('monitor');
    const marks = heard.map(([, argument]) => argument);
    return heard.slice(marks.indexOf('the beginning') + 1, marks.indexOf('the end'));
  }

  return {
    commandsDuring,
    async sessionCommandsDuring(act) {
      const commands = await commandsDuring(act);
      return commands
        .filter((command) => command.some((argument) => argument.startsWith(`${prefix}:{`)))
        .map(([name = '']) => name.toLowerCase());
    },
    stop: () => monitor.disconnect(),
  };
}
