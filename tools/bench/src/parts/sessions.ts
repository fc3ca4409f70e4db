import { Redis } from 'ioredis';
import { AT_ONCE, startProcess } from '../support/core.js';
import type { Effort, Section } from '../support/section.js';
import { number } from '../support/statistics.js';
import { LIFETIMES } from '../support/tokens.js';

const REFRESHES = [1, 10, 600];
const SESSIONS = 10_000;
export interface SessionFigures {
  readonly records: readonly { readonly refreshes: number; readonly token: number; readonly bytes: number }[];
  /** Bytes, with its share of the tables of keys. */
  readonly perSession: number;
  readonly perGib: number;
  /** Bytes of a session that was ended. */
  readonly revokedRecord: number;
}

const GIB = 2 ** 30;
/** Beside the token itself: version, kid's length, nonce and tag. */
const SEAL_BYTES = 30;

/** Measures the memory of a session in Redis. */
export async function measureSessions({ quick, redisUrl }: Effort): Promise<Section[]> {
  const redis = new Redis(redisUrl);
  // Each refresh finds the token expired: the clock moves on by its lifetime.
  const clock = { time: Date.now(), now: () => clock.time, monotonic: () => performance.now() };
  const client = new Redis(redisUrl);
  const { core, stop } = await startProcess(client, clock);
  const claims: { sub: string } = Object.assign({ sub: 'ada' }, { role: 'member' });
  try {
    let { token } = core.signer.first(claims, 0);
    const records: SessionFigures['records'][number][] = [];
    for (let refreshes = 1; refreshes <= (quick ? 10 : 600); refreshes++) {
      clock.time += LIFETIMES.expiresIn * 1000;
      token = (await core.authenticator.authenticate(token, 'refresh', AT_ONCE)).refreshed?.token ?? token;
      if (REFRESHES.includes(refreshes))
        records.push({ refreshes, token: token.length, bytes: await recordBytes(redis) });
    }
    const perSession = await bytesPerSession(quick ? 500 : SESSIONS, redis, async (i) => {
      const first = core.signer.first({ ...claims, sub: `user-${i}` }, 0);
      clock.time += LIFETIMES.expiresIn * 1000;
      await core.authenticator.authenticate(first.token, 'refresh', AT_ONCE);
      clock.time -= LIFETIMES.expiresIn * 1000;
    });
    await redis.flushall();
    await core.revocations.revokeSession('ended');
    return [
      report({ records, perSession, perGib: Math.floor(GIB / perSession), revokedRecord: await recordBytes(redis) }),
    ];
  } finally {
    await stop();
    client.disconnect();
    redis.disconnect();
  }
}

async function recordBytes(redis: Redis): Promise<number> {
  const [key = ''] = await redis.keys('refresh-auth:{*');
  return Number(await redis.memory('USAGE', key));
}

async function bytesPerSession(
  sessions: number,
  redis: Redis,
  refreshOne: (index: number) => Promise<void>,
): Promise<number> {
  const before = await usedMemory(redis);
  for (let i = 0; i < sessions; i++) await refreshOne(i);
  return ((await usedMemory(redis)) - before) / sessions;
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

function report(figures: SessionFigures): Section {
  const { records, perSession, perGib, revokedRecord } = figures;
  return {
    name: 'sessions',
    title: 'A session in Redis (expiresIn 15 minutes, refreshWindow 7 days)',
    head: ['after refreshes', 'token, bytes', 'sealed, bytes', 'MEMORY USAGE, bytes'],
    rows: records.map(({ refreshes, token, bytes }) => [
      `${refreshes}`,
      `${token}`,
      `${token + SEAL_BYTES}`,
      `${bytes}`,
    ]),
    remarks: [
      `With its share of the tables of keys and times to live, a session takes ${number(perSession)} bytes: ${number(perGib)} sessions in a GiB. Sealing adds ${SEAL_BYTES} bytes to a token; a session that was never refreshed has no record; one that was ended takes ${revokedRecord} bytes.`,
    ],
    figures,
  };
}
