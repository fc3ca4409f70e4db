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
