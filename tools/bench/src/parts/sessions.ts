import { Redis } from 'ioredis';
import { startProcess } from '../support/core.js';
import type { Effort, Section } from '../support/section.js';
import { number } from '../support/statistics.js';
import { LIFETIMES } from '../support/tokens.js';

const RENEWALS = [1, 10, 600];
const SESSIONS = 10_000;
export interface SessionFigures {
  readonly records: readonly { readonly renewals: number; readonly token: number; readonly bytes: number }[];
  /** Bytes, with its share of the tables of keys. */
  readonly perSession: number;
  readonly perGib: number;
  /** Bytes of a session that was ended. */
  readonly tombstone: number;
}

const GIB = 2 ** 30;
/** Beside the token itself: version, kid's length, nonce and tag. */
const SEAL_BYTES = 30;

/** What a session occupies in Redis. */
export async function measureSessions({ quick, redisUrl }: Effort): Promise<Section[]> {
  const redis = new Redis(redisUrl);
  // Each renewal finds the token expired: the clock moves on by its lifetime.
  const clock = { time: Date.now(), now: () => clock.time, monotonic: () => performance.now() };
  const client = new Redis(redisUrl);
  const { core, stop } = await startProcess(client, clock);
  const claims: { sub: string } = Object.assign({ sub: 'ada' }, { role: 'member' });
  try {
    let { token } = core.signer.first(claims, 0);
    const records: SessionFigures['records'][number][] = [];
    for (let renewals = 1; renewals <= (quick ? 10 : 600); renewals++) {
      clock.time += LIFETIMES.expiresIn * 1000;
      token = (await core.authenticator.authenticate(token, true)).renewed?.token ?? token;
      if (RENEWALS.includes(renewals)) records.push({ renewals, token: token.length, bytes: await recordBytes(redis) });
    }
    const perSession = await bytesPerSession(quick ? 500 : SESSIONS, redis, async (i) => {
      const first = core.signer.first({ ...claims, sub: `user-${i}` }, 0);
      clock.time += LIFETIMES.expiresIn * 1000;
      await core.authenticator.authenticate(first.token, true);
      clock.time -= LIFETIMES.expiresIn * 1000;
    });
    await redis.flushall();
    await core.revocations.revokeSession('ended');
    return [report({ records, perSession, perGib: Math.floor(GIB / perSession), tombstone: await recordBytes(redis) })];
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
  renewOne: (index: number) => Promise<void>,
): Promise<number> {
  const before = await usedMemory(redis);
  for (let i = 0; i < sessions; i++) await renewOne(i);
  return ((await usedMemory(redis)) - before) / sessions;
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

function report(figures: SessionFigures): Section {
  const { records, perSession, perGib, tombstone } = figures;
  return {
    name: 'sessions',
    title: 'A session in Redis (expiresIn 15 minutes, refreshWindow 7 days)',
    head: ['after renewals', 'token, bytes', 'sealed, bytes', 'MEMORY USAGE, bytes'],
    rows: records.map(({ renewals, token, bytes }) => [`${renewals}`, `${token}`, `${token + SEAL_BYTES}`, `${bytes}`]),
    remarks: [
      `With its share of the tables of keys and times to live, a session takes ${number(perSession)} bytes: ${number(perGib)} sessions in a GiB. Sealing adds ${SEAL_BYTES} bytes to a token; a session that was never renewed has no record; one that was ended takes ${tombstone} bytes.`,
    ],
    figures,
  };
}
