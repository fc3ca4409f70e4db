import { Redis } from 'ioredis';

export async function redisVersion(url: string): Promise<string> {
  const client = new Redis(url);
  const info = await client.info('server');
  client.disconnect();
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
}

/** Returns the CPU time that a server has used since it was started, in microseconds. */
export async function redisCpu(client: Redis): Promise<number> {
  const info = await client.info('cpu');
  const [user, system] = ['user', 'sys'].map((kind) =>
    Number(new RegExp(`^used_cpu_${kind}:(.*)$`, 'm').exec(info)?.[1]),
  );
  return ((user ?? 0) + (system ?? 0)) * 1e6;
}

/** Returns how often a server has run a command since it was started, those of scripts included. */
export async function callsOf(client: Redis, command: string): Promise<number> {
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(await client.info('commandstats'))?.[1] ?? 0);
}
