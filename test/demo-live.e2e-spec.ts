// The socket and the stream of the demo, in processes of their own.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EventSource } from 'eventsource';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { adapters } from './support/apps.js';
import { bearer, cookie, delivered } from './support/delivered.js';
import { type DemoProcess, startDemo } from './support/demo-process.js';
import { send } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

describe.each(adapters)('[F52] in the demo on %s, a logout in one process', (adapter) => {
  let redis: RedisServer;
  let demo: DemoProcess;
  let elsewhere: DemoProcess;
  let env: Record<string, string>;

  beforeAll(async () => {
    redis = await startRedis();
    env = {
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      JWT_SECRET: 'GZ2Bh-8Zlb2iTKvN8e3iVg-q1y5cMGE0UF0bMJvOQ7eBnl2R',
      HTTP_ADAPTER: adapter,
      COOKIE_SECURE: 'true',
    };
    [demo, elsewhere] = await Promise.all([startDemo(env), startDemo(env)]);
  });
  afterAll(async () => {
    await Promise.all([demo.stop(), elsewhere.stop()]);
    await redis.stop();
  });

  async function signIn(): Promise<string> {
    const credentials = JSON.stringify({ username: 'ada', password: 'lovelace' });
    const headers = { 'content-type': 'application/json' };
    const answer = await send(`${demo.url}/auth/login`, { method: 'POST', headers, body: credentials });
    return delivered(answer).header ?? '';
  }

  test('closes the socket in another, with the reason', async () => {
    const token = await signIn();
    const headers = { ...(cookie(token).headers as Record<string, string>), origin: demo.url };
    const socket = new WebSocket(`${demo.url.replace('http', 'ws')}/live`, { headers });
    const [welcome] = (await once(socket, 'message')) as [Buffer];
    const answered = once(socket, 'message') as Promise<[Buffer]>;
    socket.send(JSON.stringify({ event: 'me' }));
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;

    expect(JSON.parse(String(welcome))).toEqual({ event: 'welcome', data: { uid: 1 } });
    expect(JSON.parse(String((await answered)[0]))).toMatchObject({ event: 'me', data: { uid: 1, type: 'admin' } });
    const answer = await send(`${elsewhere.url}/auth/logout-everywhere`, {
      method: 'POST',
      body: {},
      ...bearer(token),
    });
    expect(answer.status).toBe(204);
    expect((await closed).map(String)).toEqual(['4401', 'session_revoked']);
  });

  test('ends the stream in another, and says why', async () => {
    const token = await signIn();
    const source = new EventSource(`${demo.url}/live/events`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
    });
    const events = source as never;
    const [first] = (await once(events, 'message')) as [{ data: string }];
    const ended = once(events, 'ended') as Promise<[{ data: string }]>;
    expect(JSON.parse(first.data)).toMatchObject({ uid: 1 });
    await send(`${elsewhere.url}/auth/logout`, { method: 'POST', body: {}, ...bearer(token) });

    expect((await ended)[0].data).toBe('session_revoked');
    source.close();
  });

  test('is not waited for by a process that is to end while a stream is open', async () => {
    const token = await signIn();
    const third = await startDemo(env);
    const { body } = await fetch(`${third.url}/live/events`, {
      headers: bearer(token).headers as Record<string, string>,
    });
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    let received = '';
    while (!received.includes('"uid":1')) received += (await reader.read()).value;
    await third.stop();

    // A stream that was cut off would reject.
    while (!(await reader.read()).done) continue;
    expect(received).toContain('data: {');
  });

  test('is not needed to close a socket of another site, or without a cookie', async () => {
    const token = await signIn();
    const origin = 'https://attacker.example';
    for (const [headers, reason] of [
      [{ ...(cookie(token).headers as Record<string, string>), origin }, ['4403', 'request_cross_site']],
      [{}, ['4401', 'token_missing']],
    ] as const) {
      const socket = new WebSocket(`${demo.url.replace('http', 'ws')}/live`, { headers });
      expect(((await once(socket, 'close')) as unknown[]).map(String)).toEqual(reason);
    }
  });
});
