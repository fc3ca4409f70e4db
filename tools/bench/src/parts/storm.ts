import { Redis } from 'ioredis';
import { ROTATE } from '../../../../libs/refresh-auth/dist/compiled/store/redis/redis-scripts.js';
import type { Effort, Section } from '../support/section.js';
import { ServerProcess } from '../support/server-process.js';
import { number } from '../support/statistics.js';
import { expiredTokens } from '../support/tokens.js';

const PROCESSES = 4;
const REQUESTS = 10_000;
const CONNECTIONS_EACH = 100;
/** More than the storm can make Redis do. */
const MOST_COMMANDS = 10 * REQUESTS;

/** Many requests with one expired token, on several processes: what reaches Redis of it. */
export async function measureStorm({ quick, redisUrl }: Effort): Promise<Section[]> {
  const requests = quick ? 1_000 : REQUESTS;
  const servers = await Promise.all(
    Array.from({ length: PROCESSES }, () => ServerProcess.start('fastify', 'pushed', redisUrl)),
  );
  const redis = new Redis(redisUrl);
  await logEverything(redis);
  try {
    const [token = ''] = expiredTokens(1);
    const started = performance.now();
    const successors = (await Promise.all(servers.map(({ url }) => ask(url, token, requests / PROCESSES)))).flat();
    const seconds = (performance.now() - started) / 1000;
    return [
      report({ requests, seconds, rotations: await countRotations(redis), successors: new Set(successors).size }),
    ];
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    redis.disconnect();
  }
}

/** @returns the tokens that were answered */
async function ask(url: string, token: string, requests: number): Promise<string[]> {
  const answered: string[] = [];
  let left = requests;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
      await response.text();
      const successor = response.headers.get('authorization');
      if (successor === null) throw new Error(`A request of the storm was answered with ${response.status}`);
      answered.push(successor);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS_EACH }, work));
  return answered;
}

/** Every command is a slow one. */
async function logEverything(redis: Redis): Promise<void> {
  await redis.config('SET', 'slowlog-max-len', MOST_COMMANDS);
  await redis.config('SET', 'slowlog-log-slower-than', 0);
}

async function countRotations(redis: Redis): Promise<number> {
  const entries = (await redis.slowlog('GET', MOST_COMMANDS)) as [
    id: number,
    time: number,
    duration: number,
    command: string[],
  ][];
  return entries.filter(([, , , [name, sha1]]) => name?.toLowerCase() === 'evalsha' && sha1 === ROTATE.sha1).length;
}

interface StormFigures {
  readonly requests: number;
  readonly seconds: number;
  readonly rotations: number;
  readonly successors: number;
}

function report(figures: StormFigures): Section {
  const { requests, seconds, rotations, successors } = figures;
  return {
    name: 'storm',
    title: `${number(requests)} requests with one expired token, on ${PROCESSES} processes`,
    head: ['', ''],
    rows: [
      ['under way at once in each process', `${CONNECTIONS_EACH}`],
      ['seconds', number(seconds, 1)],
      ['rotations that Redis was asked for', number(rotations)],
      ['different tokens in the answers', number(successors)],
    ],
    remarks: [],
    figures,
  };
}
