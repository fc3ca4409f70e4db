// `npm run demo:cluster`: several processes of the demo behind one port.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import type { Browser } from 'playwright-core';
import { WebSocket } from 'ws';
import { HOUR } from './support/aged-tokens.js';
import { bearer, cookie } from './support/delivered.js';
import { type DemoCluster, startDemoCluster } from './support/demo-cluster.js';
import { launchChromium, Visitor } from './support/demo-page.js';
import { type HttpAnswer, send } from './support/http.js';
import { signInOf } from './support/past-sign-in.js';

const JWT_SECRET = 'a secret of the cluster’s tests, long enough for them';
const ADA = { sub: '1', type: 'admin', scope: 'read write' };

async function expiredToken(): Promise<string> {
  return (await signInOf(HOUR, { secret: JWT_SECRET }, ADA)).token;
}

describe('npm run demo:cluster', () => {
  let browser: Browser;
  let cluster: DemoCluster;

  beforeAll(async () => {
    [browser, cluster] = await Promise.all([
      launchChromium(),
      // A long timeout, so that load by other tests does not count as an outage of the store. Below, only npm's own process gets a signal.
      startDemoCluster(3, { JWT_SECRET, STORE_TIMEOUT: '8s' }, ['npm', 'run', 'demo:cluster']),
    ]);
  }, 180_000);

  afterAll(() => browser.close());

  const ask = async (process: number, path: string, token?: string): Promise<HttpAnswer> =>
    send(`${cluster.url}${path}`, {
      headers: { 'x-demo-process': String(process), ...(token !== undefined && bearer(token).headers) },
    });

  test('has several processes behind one port, in turn or by X-Demo-Process', async () => {
    const inTurn = [];
    for (let count = 0; count < 3; count += 1) inTurn.push(await send(`${cluster.url}/public`));

    const names = [...inTurn, await ask(2, '/public'), await ask(2, '/public')].map(
      ({ headers }) => headers['x-demo-process'],
    );
    expect(new Set(names.slice(0, 3))).toEqual(new Set(['1', '2', '3']));
    expect(names.slice(3)).toEqual(['2', '2']);
  });

  test('[R1] the page shows a storm over all of them: one refresh', async () => {
    const visitor = await Visitor.of(browser, cluster.url, { stored: { 'demo-token': await expiredToken() } });
    const page = await visitor.open();
    expect(await page.text('facts')).toContain('3 processes');

    expect(await page.storm(60)).toBe(
      'Of 60 requests, over 3 processes, 1 refreshed the token and 59 got the same new one. 1 distinct new token came back.',
    );
    expect(await page.stormBy('process')).toEqual({ 1: 20, 2: 20, 3: 20 });
    await page.page.selectOption('#storm-target', '2');
    await page.page.uncheck('#storm-wait');
    await page.storm(5);
    expect(await page.stormBy('process')).toEqual({ 2: 5 });
    expect(visitor.problems).toEqual([]);
    await visitor.context.close();
  }, 180_000);

  test('[F52] sockets go to all of them, and close after one sign-out everywhere', async () => {
    // Another user, since the tokens of the other tests are older than this sign-out.
    const { token } = await signInOf(HOUR, { secret: JWT_SECRET }, { ...ADA, sub: '2' });
    const headers = { ...(cookie(token).headers as Record<string, string>), origin: cluster.url };
    const sockets = [1, 2, 3].map(() => new WebSocket(`${cluster.url.replace('http', 'ws')}/live`, { headers }));
    const closed = sockets.map((socket) => once(socket, 'close'));
    await Promise.all(sockets.map((socket) => once(socket, 'message')));
    await send(`${cluster.url}/auth/logout-everywhere`, { method: 'POST', body: {}, ...bearer(token) });

    for (const close of closed) expect((await close).map(String)).toEqual(['4401', 'session_revoked']);
  });

  test('the switch stops the store for all of them', async () => {
    const turn = (running: boolean): Promise<HttpAnswer> =>
      send(`${cluster.url}/faults/store`, { method: 'PUT', body: { running } });
    const token = await expiredToken();

    await turn(false);
    const out = await Promise.all([1, 2, 3].map(async (process) => ask(process, '/me', token)));
    await turn(true);

    expect(out.map(({ status }) => status)).toEqual([503, 503, 503]);
    for (const process of [1, 2, 3]) {
      let answer = await ask(process, '/me', token);
      while (answer.status === 503) answer = await ask(process, '/me', token);
      expect(answer.status).toBe(200);
    }
  });

  /** The last test. It would never end if anything were left that writes where the cluster wrote. */
  test('leaves nothing behind when npm is told to end', async () => {
    await cluster.end('SIGTERM');

    await expect(send(cluster.url)).rejects.toThrow('ECONNREFUSED');
    const [, redisPort] = /redis:\/\/127\.0\.0\.1:(\d+)/.exec(cluster.output()) ?? [];
    await expect(send(`http://127.0.0.1:${redisPort}`)).rejects.toThrow('ECONNREFUSED');
    expect(cluster.output()).not.toContain('has ended');
  });
});
