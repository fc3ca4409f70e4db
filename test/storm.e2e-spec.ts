// Hundreds of requests with one expired token, on several processes: one refresh.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Agent } from 'node:http';
import { Redis } from 'ioredis';
import type { IssuedToken } from 'nestjs-refresh-auth';
import { HOUR, issueAged, SECOND } from './support/aged-tokens.js';
import { bearer, delivered, nothing } from './support/delivered.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { decodePayload } from './support/hostile-tokens.js';
import { connections, type HttpAnswer, send } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { refusal, storeUnavailable } from './support/http-refusals.js';

const JWT_SECRET = 'one secret for all processes of the storm';
const ROUNDS = 20;
const REQUESTS = 400;

const ada = { sub: '1', type: 'admin', scope: 'read write' };
const alan = { sub: '2', type: 'user', scope: 'read' };
const profiles: Record<string, object> = {
  '1': { uid: 1, type: 'admin', scope: 'read write' },
  '2': { uid: 2, type: 'user', scope: 'read' },
};

/** Signed an hour ago: expired, and for days inside its refresh window. */
function expired(claims: { sub: string }): IssuedToken {
  return issueAged(HOUR, { secret: JWT_SECRET }, claims);
}

/**
 * All requests at once, the tokens in turn, and each token evenly to all processes; over connections of this storm's own, since a
 * server may close one that waited for the next.
 */
async function storm(demos: DemoProcess[], tokens: string[]): Promise<HttpAnswer[][]> {
  const perToken = REQUESTS / tokens.length;
  const agents = demos.map(() => connections(REQUESTS / demos.length));
  try {
    return await Promise.all(
      tokens.map((token) =>
        Promise.all(
          Array.from({ length: perToken }, async (_, index) => {
            const [demo, agent] = [demos[index % demos.length], agents[index % demos.length]] as [DemoProcess, Agent];
            return send(`${demo.url}/me`, { ...bearer(token), agent });
          }),
        ),
      ),
    );
  } finally {
    agents.forEach((agent) => agent.destroy());
  }
}

function count(values: unknown[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

/** One refreshed the token, and everybody has the same new one, in the header and in the cookie. */
function expectOneWinner({ claims }: IssuedToken, answers: HttpAnswer[]): void {
  expect(count(answers.map(({ status }) => status))).toEqual({ 200: answers.length });
  expect(count(answers.map(({ headers }) => headers['x-token-state']))).toEqual({
    refreshable: 1,
    'already-refreshed': answers.length - 1,
  });
  expect(count(answers.map(({ body }) => body))).toEqual({
    [JSON.stringify(profiles[claims.sub])]: answers.length,
  });

  const tokens = answers.map(delivered);
  const successor = String(tokens[0]?.header);
  expect(tokens).toEqual(answers.map(() => ({ header: successor, cookie: successor })));
  expect(decodePayload(successor)).toMatchObject({ sub: claims.sub, sid: claims.sid, gen: claims.gen + 1 });
}

/** Version of the format, latest token, when it became the latest token, and used. */
function numbersOf(record: Buffer): string {
  return /^1:\d+:[\d@,]*:/.exec(record.toString('latin1'))?.[0] ?? '';
}

describe('a storm on four processes and one Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let demos: DemoProcess[];

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    demos = await Promise.all(
      ['express', 'fastify', 'express', 'fastify'].map((adapter) =>
        startDemo({ JWT_SECRET, REDIS_URL: redis.url, HTTP_ADAPTER: adapter }),
      ),
    );
  });

  afterAll(async () => {
    await Promise.all(demos.map((demo) => demo.stop()));
    client.disconnect();
    await redis.stop();
  });

  beforeEach(() => client.flushall());

  test.each(Array.from({ length: ROUNDS }, (_, index) => index + 1))(
    '[R1] one expired token, 400 requests at once: one winner, one successor, and nobody is left without it (round %i)',
    async () => {
      const session = expired(ada);

      const [answers = []] = await storm(demos, [session.token]);

      expectOneWinner(session, answers);
    },
  );

  test.each(Array.from({ length: 5 }, (_, index) => index + 1))(
    '[R1] two clients with a token each: two winners, and no user sees the other (round %i)',
    async () => {
      const sessions = [expired(ada), expired(alan)];

      const answers = await storm(
        demos,
        sessions.map(({ token }) => token),
      );

      sessions.forEach((session, index) => expectOneWinner(session, answers[index] ?? []));
    },
  );

  test('[G3] leaves one key, which expires and contains nothing that a thief could use', async () => {
    const { token, claims } = expired(ada);
    const [[answer] = []] = await storm(demos, [token]);
    const successor = String(answer && delivered(answer).header);

    const keys = await client.keys('*:session:*');

    expect(keys).toEqual([expect.stringMatching(/^refresh-auth:\{[\w-]{8}\}:session:[\w-]{22}$/)]);
    const [key = ''] = keys;
    const record = `${key}\n${(await client.getBuffer(key))?.toString('latin1')}`;
    [token, successor].forEach((each) => each.split('.').forEach((part) => expect(record).not.toContain(part)));
    expect(record).not.toContain('eyJhbGci');
    expect(record).not.toContain(claims.sid);
    expect(record).not.toContain(String(decodePayload(successor)['jti']));
  });

  test('keeps the record for as long as a token can be refreshed (recipe: seconds where Redis expects milliseconds)', async () => {
    const { token } = expired(ada);
    const [[answer] = []] = await storm(demos, [token]);
    const { refresh_exp } = decodePayload(String(answer && delivered(answer).header));

    const [key = ''] = await client.keys('*:session:*');

    const forgottenAt = Date.now() + (await client.pttl(key));
    const needed = Number(refresh_exp) * SECOND;
    expect(forgottenAt).toBeGreaterThanOrEqual(needed);
    // Twice the minute by which clocks may differ, and one more second for the time since the request.
    expect(forgottenAt).toBeLessThanOrEqual(needed + 121 * SECOND);
  });

  describe('an altered record is rejected and never handed over', () => {
    interface Refreshed {
      session: IssuedToken;
      successor: string;
      key: string;
      record: Buffer;
    }

    const url = (): string => `${demos[0]?.url}/me`;

    /** A session that was refreshed once, with its record. */
    async function refreshed(claims: { sub: string }): Promise<Refreshed> {
      const before = await client.keys('*:session:*');
      const session = expired(claims);
      const successor = String(delivered(await send(url(), bearer(session.token))).header);
      const [key = ''] = (await client.keys('*:session:*')).filter((name) => !before.includes(name));
      return { session, successor, key, record: await bytesAt(key) };
    }

    async function bytesAt(key: string): Promise<Buffer> {
      return (await client.getBuffer(key)) ?? Buffer.alloc(0);
    }

    /** Counts as a lost write: the session goes on, in the next generation, with a token that is really its own. */
    async function expectReplaced({ session: { token, claims }, successor }: Refreshed, gen: number): Promise<void> {
      const answers = [await send(url(), bearer(token)), await send(url(), bearer(token))];

      const tokens = answers.map((answer) => String(delivered(answer).header));
      expect(answers.map(({ status, headers, body }) => [status, headers['x-token-state'], body])).toEqual(
        answers.map(() => [200, 'already-refreshed', JSON.stringify(profiles[claims.sub])]),
      );
      expect(tokens[1]).toBe(tokens[0]);
      expect(tokens[0]).not.toBe(successor);
      expect(decodePayload(String(tokens[0]))).toMatchObject({ sub: claims.sub, sid: claims.sid, gen });
      expect((await send(url(), bearer(String(tokens[0])))).headers['x-token-state']).toBe('valid');
    }

    async function expectLeftAlone({ session, key }: Refreshed, record: Buffer): Promise<void> {
      const answer = await send(url(), bearer(session.token));

      expect(refusal(answer)).toEqual(storeUnavailable);
      expect(delivered(answer)).toEqual(nothing);
      expect(await bytesAt(key)).toEqual(record);
    }

    /** Behind the numbers in front: version, length of the kid (none here), nonce, ciphertext, tag. */
    test.each([
      ['the version', 0],
      ['the length of the kid', 1],
      ['the first byte of the nonce', 2],
      ['the last byte of the nonce', 13],
      ['the first byte of the ciphertext', 14],
      ['a byte in the middle', 100],
      ['the first byte of the tag', -16],
      ['the last byte', -1],
    ])('one bit of %s is flipped', async (_, position) => {
      const victim = await refreshed(alan);
      const altered = Buffer.from(victim.record);
      const byte = position < 0 ? altered.length + position : numbersOf(altered).length + position;
      altered.writeUInt8(altered.readUInt8(byte) ^ 1, byte);
      await client.set(victim.key, altered, 'KEEPTTL');

      await expectReplaced(victim, 2);
    });

    test('it is cut short', async () => {
      const victim = await refreshed(alan);
      await client.set(victim.key, victim.record.subarray(0, -1), 'KEEPTTL');

      await expectReplaced(victim, 2);
    });

    test("another session's record is copied over it", async () => {
      const [victim, other] = [await refreshed(alan), await refreshed(ada)];
      await client.set(victim.key, other.record, 'KEEPTTL');

      await expectReplaced(victim, 2);
    });

    test('it claims another generation', async () => {
      const victim = await refreshed(alan);
      await client.set(
        victim.key,
        Buffer.concat([Buffer.from('1:7:'), victim.record.subarray('1:1:'.length)]),
        'KEEPTTL',
      );

      await expectReplaced(victim, 8);
    });

    test.each([
      ['the token of an administrator', () => refreshed(ada)],
      ['its own successor', (victim: Refreshed) => victim],
    ])('%s is planted, not sealed', async (_, take) => {
      const victim = await refreshed(alan);
      const planted = Buffer.from(`${numbersOf(victim.record)}${(await take(victim)).successor}`);
      await client.set(victim.key, planted, 'KEEPTTL');

      // A token begins with "e", which is no version that we know: left alone, like any newer one.
      await expectLeftAlone(victim, planted);
    });

    test('it was written by a newer version', async () => {
      const victim = await refreshed(alan);
      const newer = Buffer.concat([Buffer.from('2:1:'), victim.record.subarray(4)]);
      await client.set(victim.key, newer, 'KEEPTTL');

      await expectLeftAlone(victim, newer);
    });

    test('it is of another type', async () => {
      const { session, key } = await refreshed(alan);
      await client.del(key);
      await client.rpush(key, 'planted');

      const answer = await send(url(), bearer(session.token));

      expect(refusal(answer)).toEqual(storeUnavailable);
      expect(delivered(answer)).toEqual(nothing);
      expect(await client.lrange(key, 0, -1)).toEqual(['planted']);
    });
  });
});

describe('a storm on one process that keeps its sessions in memory', () => {
  let demo: DemoProcess;

  beforeAll(async () => {
    demo = await startDemo({ JWT_SECRET });
  });

  afterAll(async () => {
    await demo.stop();
  });

  test.each(Array.from({ length: ROUNDS }, (_, index) => index + 1))(
    '[R1] one expired token, 400 requests at once: one winner, one successor (round %i)',
    async () => {
      const session = expired(ada);

      const [answers = []] = await storm([demo], [session.token]);

      expectOneWinner(session, answers);
    },
  );

  test('[R1] two clients with a token each: two refreshes, and no user gets the other’s token', async () => {
    const sessions = [expired(ada), expired(alan)];

    const answers = await storm(
      [demo],
      sessions.map(({ token }) => token),
    );

    sessions.forEach((session, index) => expectOneWinner(session, answers[index] ?? []));
  });
});
