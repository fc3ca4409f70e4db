import type { TokenTimes } from '../../tokens/token-times.js';
import type { RedisClient } from './redis-connection.js';

/**
 * Finds risks in the set-up of a Redis: settings that lose sessions, and clocks that differ. Each warning says what to do.
 *
 * @returns an empty list if Redis does not answer, or may not be asked
 */
export async function redisWarnings(
  client: Pick<RedisClient, 'info' | 'time'>,
  times: Pick<TokenTimes, 'now' | 'leeway'>,
): Promise<string[]> {
  const warnings = await Promise.all(
    [warnOfEviction(client), warnOfClock(client, times)].map((warning) => warning.catch(() => undefined)),
  );
  return warnings.filter((warning) => warning !== undefined);
}

async function warnOfEviction(client: Pick<RedisClient, 'info'>): Promise<string | undefined> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await client.info('memory'))?.[1];
  if (policy === undefined || policy === 'noeviction') return undefined;
  return `Redis evicts keys when its memory is full (maxmemory-policy ${policy}): a revoked session can come back to life, and a tracked one end. Set maxmemory-policy to noeviction.`;
}

async function warnOfClock(
  client: Pick<RedisClient, 'time'>,
  times: Pick<TokenTimes, 'now' | 'leeway'>,
): Promise<string | undefined> {
  const asked = times.now;
  const [seconds, microseconds] = (await client.time()).map(Number);
  const answered = times.now;
  const moment = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  // Redis read its clock somewhere between question and answer.
  const difference = Math.max(asked - moment, moment - answered);
  // Processes are not compared with each other, so another one may be as far off in the other direction.
  if (!(2 * difference > times.leeway)) return undefined;
  const lead = moment < asked ? 'behind' : 'ahead of';
  return `The clock of Redis is ${(difference / 1000).toFixed(1)} s ${lead} that of this process. Where another process is as far off in the other direction, one rejects the tokens of the other: their \`iat\` is more than ${times.leeway / 1000} s in the future. Synchronize the clocks (NTP), or set the option \`clockTolerance\` to how far they differ.`;
}
