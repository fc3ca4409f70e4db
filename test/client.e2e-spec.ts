// RefreshAuthClient against a real application and a real Redis.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, ForbiddenException, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { RefreshAuthClient, type RefreshAuthClientEvent } from 'nestjs-refresh-auth/client';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { DAY, HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

@Controller()
class RoutesController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Public()
  @Post('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Public()
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }

  @Get('state')
  state(@TokenState() state: string): { state: string } {
    return { state };
  }

  @Get('forbidden')
  forbidden(): never {
    throw new ForbiddenException();
  }
}

describe.each(adapters)('RefreshAuthClient with fetch of Node, and an application on %s', (adapter) => {
  let redis: RedisServer;
  let app: AuthApp;
  let client: RefreshAuthClient;
  let heard: RefreshAuthClientEvent[];

  beforeAll(async () => {
    redis = await startRedis();
    app = await startAuthApp(adapter, { controllers: [RoutesController], options: { redis: redis.url } });
  });

  afterAll(async () => {
    await app.close();
    await redis.stop();
  });

  beforeEach(async () => {
    heard = [];
    // Idle connections would outlive the test.
    const closing: typeof fetch = (input, init) => {
      const request = new Request(input, init);
      request.headers.set('connection', 'close');
      return fetch(request);
    };
    client = new RefreshAuthClient({ origins: [app.url], fetch: closing });
    await client.fetch(`${app.url}/sign-in`, { method: 'POST' });
    client.subscribe((event) => heard.push(event));
  });

  const stateOf = async (response: Response): Promise<unknown> => ((await response.json()) as { state: unknown }).state;
  const get = (path: string): Promise<Response> => client.fetch(`${app.url}/${path}`);
  const generation = (): unknown => decodePayload(client.token ?? '')['gen'];

  test('signs in, and gets through an expiry without noticing', async () => {
    const states = [await stateOf(await get('state'))];
    app.clock.advance(HOUR);
    states.push(await stateOf(await get('state')), await stateOf(await get('state')));

    expect(states).toEqual(['valid', 'refreshable', 'valid']);
    expect([generation(), heard]).toEqual([1, [{ type: 'token', token: client.token, elsewhere: false }]]);
  });

  test('one of twenty simultaneous requests refreshes, and the client ends with that token', async () => {
    app.clock.advance(HOUR);
    const states = await Promise.all(Array.from({ length: 20 }, async () => stateOf(await get('state'))));

    expect(states.filter((state) => state === 'refreshable')).toHaveLength(1);
    expect(states.filter((state) => state === 'already-refreshed')).toHaveLength(19);
    expect([generation(), heard.length]).toEqual([1, 1]);
  });

  test.each([
    ['forbidden', 403],
    ['unknown', 404],
  ])('takes the new token from /%s too, which answers %i', async (path, status) => {
    app.clock.advance(HOUR);
    const response = await get(path);
    // No guard runs where there is no route.
    expect([response.status, generation()]).toEqual([status, status === 403 ? 1 : 0]);
  });

  test('signs out, and gets an event for the 401 that follows', async () => {
    expect((await client.signOut(`${app.url}/sign-out`)).status).toBe(204);
    expect((await get('state')).status).toBe(401);

    expect([client.token, heard.map(({ type }) => type)]).toEqual([undefined, ['token', 'unauthorized']]);
  });

  test('gets an event with the reason why its token is dead, and keeps the token', async () => {
    app.clock.advance(7 * DAY);
    await get('state');

    const [event] = heard;
    expect(event?.type === 'unauthorized' && (await event.response.json())).toMatchObject({ code: 'token_expired' });
    expect(generation()).toBe(0);
  });

  test('keeps a token that was rejected as superseded, so that the next sign-in ends the session of whoever has the newer one', async () => {
    const own = await startAuthApp(adapter, {
      controllers: [RoutesController],
      options: { reuseDetection: {}, delivery: { cookie: false } },
    });
    try {
      const victim = new RefreshAuthClient({ origins: [own.url] });
      await victim.fetch(`${own.url}/sign-in`, { method: 'POST' });
      own.clock.advance(HOUR);
      const stolen = await own.auth.authenticate(victim.token ?? '', { refresh: true });
      const thief = { headers: { authorization: `Bearer ${stolen.refreshed?.token}` } };
      expect((await fetch(`${own.url}/state`, thief)).status).toBe(200);
      await own.app.get(RefreshAuthCore).usedGenerations?.flush();
      own.clock.advance(HOUR / 4);

      const rejected = await victim.fetch(`${own.url}/state`);
      expect([rejected.status, await rejected.json()]).toEqual([
        401,
        expect.objectContaining({ code: 'token_superseded' }),
      ]);
      await victim.fetch(`${own.url}/sign-in`, { method: 'POST' });

      expect((await victim.fetch(`${own.url}/state`)).status).toBe(200);
      expect((await fetch(`${own.url}/state`, thief)).status).toBe(401);
    } finally {
      await own.close();
    }
  });

  /** The last test: from here on there is no Redis. */
  test('loses nothing while the store is down, and does not retry by itself', async () => {
    app.clock.advance(HOUR);
    const { token } = client;
    await redis.kill();

    const answers = [await get('state'), await client.signOut(`${app.url}/sign-out`)];

    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    expect([client.token, heard]).toEqual([token, []]);
  });
});
