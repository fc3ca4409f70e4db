// Requests that wait for a slow refresh hold up nobody else.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Server } from 'node:http';
import { Controller, Get } from '@nestjs/common';
import { Redis } from 'ioredis';
import { CurrentUser } from 'nestjs-refresh-auth';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, delivered } from './support/delivered.js';
import { refusal, storeUnavailable } from './support/http-refusals.js';
import { connections, type HttpAnswer, send } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { watchRedis } from './support/redis-watch.js';

const WAITERS = 1_000;
const OTHERS = 50;

@Controller()
class UserController {
  @Get()
  user(@CurrentUser('sub') sub: unknown): unknown {
    return { sub };
  }
}

describe.each(adapters)('[M2] on %s a thousand requests with one expired token, while Redis hangs', (adapter) => {
  let redis: RedisServer;
  let client: Redis;
  let app: AuthApp;
  const agent = connections(WAITERS);

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    app = await startAuthApp(adapter, {
      controllers: [UserController],
      options: { redis: redis.url, storeTimeout: '60s' },
    });
  });

  afterAll(async () => {
    redis.resume();
    agent.destroy();
    client.disconnect();
    await app.close();
    await redis.stop();
  });

  test('do not delay others, and are all answered by one call', async () => {
    // The clock stands still, so that what the process has read of the log stays fresh and valid tokens need no store.
    const { token: expired } = await mintToken(app.app, { sub: '1' }, { state: 'refreshable' });
    const { token: valid } = await app.auth.issue({ sub: '2' });
    const watch = await watchRedis(client);
    const order: string[] = [];
    const ask = async (token: string): Promise<HttpAnswer> => {
      const answer = await send(app.url, { ...bearer(token), agent });
      order.push((answer.json() as { sub: string }).sub);
      return answer;
    };
    const arrived = new Promise<void>((resolve) => {
      let count = 0;
      (app.app.getHttpServer() as Server).on('request', () => ++count === WAITERS && resolve());
    });

    let waiting: Promise<HttpAnswer[]> = Promise.resolve([]);
    const commands = await watch.sessionCommandsDuring(async () => {
      redis.pause();
      waiting = Promise.all(Array.from({ length: WAITERS }, () => ask(expired)));
      await arrived;
      agent.maxSockets += OTHERS;
      await Promise.all(Array.from({ length: OTHERS }, () => ask(valid)));
      redis.resume();
      await waiting;
    });
    watch.stop();

    expect(order.slice(0, OTHERS)).toEqual(Array.from({ length: OTHERS }, () => '2'));
    const answers = await waiting;
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(WAITERS);
    expect(new Set(answers.map((answer) => delivered(answer).header)).size).toBe(1);
    expect(commands.filter((name) => name === 'evalsha')).toHaveLength(1);
  });

  test('are all answered when storeTimeout is over, while the store hangs', async () => {
    const impatient = await startAuthApp(adapter, {
      controllers: [UserController],
      options: { redis: redis.url, storeTimeout: '500ms' },
    });
    const { token } = await impatient.auth.issue({ sub: '1' });
    impatient.clock.advance(60 * 60 * 1000);

    redis.pause();
    const answers = await Promise.all(
      Array.from({ length: WAITERS }, () => send(impatient.url, { ...bearer(token), agent })),
    );
    redis.resume();
    await impatient.close();

    expect(answers.map(refusal)).toEqual(answers.map(() => storeUnavailable));
  });
});
