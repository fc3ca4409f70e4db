import { afterEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  CurrentUser,
  type RefreshAuthEvent,
  type RefreshAuthOptions,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { mintToken } from 'nestjs-refresh-auth/testing';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { HOUR, MINUTE, SECOND } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, notRefreshedForOrigin, refusal } from './support/http-refusals.js';

const OPTIONS = { expiresIn: '1m', refreshWindow: '2h', sessionLifetime: '1d' } as const;
const NO_REFRESH = /^warn A request with the header `Refresh-Auth: no-refresh`.*`reuseDetection\.allowNoRefresh`/;

@Controller()
class RoutesController {
  @Get('state')
  state(@CurrentUser() { gen }: TokenClaims, @TokenState() state: unknown): unknown {
    return { state, gen };
  }

  @Post('upload')
  upload(@CurrentUser() user: TokenClaims, @TokenState() state: unknown): unknown {
    return this.state(user, state);
  }
}

describe.each(adapters)('on %s', (adapter) => {
  const apps: AuthApp[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  async function start(options: RefreshAuthOptions = {}): Promise<AuthApp> {
    const app = await startAuthApp(adapter, { controllers: [RoutesController], options: { ...OPTIONS, ...options } });
    apps.push(app);
    return app;
  }

  const startDetecting = (reuseDetection: RefreshAuthOptions['reuseDetection'] = {}): Promise<AuthApp> =>
    start({ reuseDetection });

  const ask = ({ url }: AuthApp, request: RequestOptions): Promise<HttpAnswer> => send(`${url}/state`, request);

  const withHeader = (token: string, value = 'no-refresh'): RequestOptions => ({
    headers: { ...bearer(token).headers, 'refresh-auth': value },
  });

  const recordUses = ({ app }: AuthApp): Promise<void> | undefined => app.get(RefreshAuthCore).usedGenerations?.flush();

  /** A browser presents a token, and keeps what it is handed. */
  async function use(app: AuthApp, token: string, state: string): Promise<string> {
    const answer = await ask(app, bearer(token));
    expect([answer.status, answer.json()]).toEqual([200, expect.objectContaining({ state })]);
    await recordUses(app);
    return delivered(answer).header ?? token;
  }

  const issue = async (app: AuthApp): Promise<string> => (await app.auth.issue({ sub: '1' })).token;

  /** An expired token, and its successor that nobody has used yet. */
  async function refreshed(app: AuthApp): Promise<{ token: string; successor: string }> {
    const token = await issue(app);
    app.clock.advance(MINUTE);
    return { token, successor: await use(app, token, 'refreshable') };
  }

  const of = (app: AuthApp, ...types: RefreshAuthEvent['type'][]): RefreshAuthEvent[] =>
    app.events.filter(({ type }) => types.includes(type));

  /** Begins an upload. It has arrived; its body ends when `finish` is called. */
  async function upload(
    { app, url }: AuthApp,
    token: string,
    server = app.getHttpServer() as Server,
  ): Promise<{ finish(): Promise<[number, unknown]> }> {
    const headers = { ...bearer(token).headers, 'content-type': 'application/json', 'content-length': 2 };
    const outgoing = httpRequest(`${url}/upload`, { method: 'POST', agent: false, headers });
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    const arrived = once(server, 'request');
    outgoing.write('{');
    await arrived;
    return {
      async finish() {
        outgoing.end('}');
        const [response] = await answered;
        return [response.statusCode ?? 0, JSON.parse(await text(response)) as unknown];
      },
    };
  }

  describe('[F23] a slow upload', () => {
    test('that began before its token expired is served, though something newer was in use meanwhile', async () => {
      const app = await startDetecting();
      const token = await issue(app);
      app.clock.advance(55 * SECOND);
      const slow = await upload(app, token);
      app.clock.advance(5 * SECOND);
      await use(app, await use(app, token, 'refreshable'), 'valid');
      app.clock.advance(20 * MINUTE);

      expect(await slow.finish()).toEqual([201, { state: 'already-refreshed', gen: 2 }]);
      expect(of(app, 'reuse-suspected', 'reuse-detected')).toEqual([]);
    });

    test('that is held for longer than `revokeAfter` is rejected, and its session lives', async () => {
      const app = await startDetecting();
      const token = await issue(app);
      const slow = await upload(app, token);
      app.clock.advance(60 * SECOND);
      await use(app, await use(app, token, 'refreshable'), 'valid');
      app.clock.advance(40 * MINUTE);

      expect(await slow.finish()).toEqual([401, expect.objectContaining({ code: 'token_superseded' })]);
      expect(of(app, 'reuse-detected')).toEqual([]);
    });

    test.each([
      ['within the grace', 30 * SECOND - 1, 201, { state: 'already-refreshed' }],
      ['after the grace', 30 * SECOND, 401, { code: 'token_superseded' }],
      ['after `revokeAfter`', 30 * MINUTE, 401, { code: 'token_reused' }],
    ])('is judged by when it arrived: %s', async (_, age, status, body) => {
      const app = await startDetecting();
      const { token, successor } = await refreshed(app);
      await use(app, successor, 'valid');
      app.clock.advance(age);
      const slow = await upload(app, token);
      app.clock.advance(20 * MINUTE);

      expect(await slow.finish()).toEqual([status, expect.objectContaining(body)]);
    });

    test.each<[string, RefreshAuthOptions]>([
      ['without reuse detection', {}],
      ['with it', { reuseDetection: {} }],
    ])('that began inside the refresh window is served up to a minute after its end, %s', async (_, options) => {
      const app = await start(options);
      const token = await issue(app);
      app.clock.advance(2 * HOUR - SECOND);
      const [slow, slower] = [await upload(app, token), await upload(app, token)];

      app.clock.advance(MINUTE);
      expect(await slow.finish()).toEqual([201, { state: 'refreshable', gen: 1 }]);
      app.clock.advance(SECOND);
      expect(await slower.finish()).toEqual([401, expect.objectContaining({ code: 'token_expired' })]);
    });

    test('is rejected if its session ended while it arrived', async () => {
      const app = await startDetecting();
      const { token, claims } = await app.auth.issue({ sub: '1' });
      const slow = await upload(app, token);
      app.clock.advance(MINUTE);
      await app.auth.revokeSession(claims.sid);

      expect(await slow.finish()).toEqual([401, expect.objectContaining({ code: 'session_revoked' })]);
    });
  });

  describe('a slow upload to a server that NestJS does not know, as Fastify has one for each further address of localhost', () => {
    const servers: Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close()));

    /** The same application on a server of its own. */
    async function serveElsewhere(app: AuthApp): Promise<[AuthApp, Server]> {
      const instance: unknown = app.app.getHttpAdapter().getInstance();
      const handle = (adapter === 'express' ? instance : (instance as { routing: unknown }).routing) as RequestListener;
      const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
      return [{ ...app, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, server];
    }

    test('is judged by when it arrived', async () => {
      const app = await startDetecting();
      const [elsewhere, server] = await serveElsewhere(app);
      const token = await issue(app);
      await use(elsewhere, token, 'valid');
      app.clock.advance(55 * SECOND);
      const slow = await upload(elsewhere, token, server);
      app.clock.advance(5 * SECOND);
      await use(app, await use(app, token, 'refreshable'), 'valid');
      app.clock.advance(20 * MINUTE);

      expect(await slow.finish()).toEqual([201, { state: 'already-refreshed', gen: 2 }]);
    });

    test('is served although it is the first request of that server, if another one came soon after it', async () => {
      const app = await startDetecting();
      const [elsewhere, server] = await serveElsewhere(app);
      const token = await issue(app);
      const slow = await upload(elsewhere, token, server);
      await use(elsewhere, token, 'valid');
      app.clock.advance(60 * SECOND);
      await use(app, await use(app, token, 'refreshable'), 'valid');
      app.clock.advance(20 * MINUTE);

      expect(await slow.finish()).toEqual([201, { state: 'already-refreshed', gen: 2 }]);
    });

    test('is listened to no longer than it is open, and not after the application has closed', async () => {
      const app = await startDetecting();
      const [elsewhere, server] = await serveElsewhere(app);
      const before = server.listenerCount('request');
      const token = await issue(app);
      await use(elsewhere, token, 'valid');
      await use(elsewhere, token, 'valid');
      expect(server.listenerCount('request')).toBe(before + 1);
      await app.app.get(RefreshAuthCore).stop();

      expect(server.listenerCount('request')).toBe(before);
    });
  });

  describe('[F24] service.authenticate', () => {
    const rejects = (app: AuthApp, token: string, code: string): Promise<void> =>
      expect(app.auth.authenticate(token)).rejects.toMatchObject({ code });

    test('accepts an expired token as it is, and refreshes nothing', async () => {
      const app = await startDetecting();
      const token = await issue(app);
      app.clock.advance(MINUTE);

      const first = await app.auth.authenticate(token);
      const successor = await use(app, token, 'refreshable');
      const second = await app.auth.authenticate(token);

      expect([first, second]).toEqual([
        { state: 'refreshable', claims: expect.objectContaining({ gen: 0 }) },
        { state: 'already-refreshed', claims: expect.objectContaining({ gen: 0 }) },
      ]);
      expect(of(app, 'refreshed')).toHaveLength(1);
      await use(app, successor, 'valid');
    });

    test('does not count as a use of the token', async () => {
      const app = await startDetecting();
      const { token, successor } = await refreshed(app);
      expect(await app.auth.authenticate(successor)).toMatchObject({ state: 'valid' });
      app.clock.advance(MINUTE);
      expect(await app.auth.authenticate(successor)).toMatchObject({ state: 'refreshable' });
      await recordUses(app);

      app.clock.advance(HOUR);

      await use(app, token, 'already-refreshed');
    });

    test('rejects a superseded token by its age, and ends no session', async () => {
      const app = await startDetecting();
      const { token, successor } = await refreshed(app);
      await use(app, successor, 'valid');

      app.clock.advance(30 * SECOND);
      await rejects(app, token, 'token_superseded');
      app.clock.advance(30 * MINUTE);
      await rejects(app, token, 'token_reused');

      expect(of(app, 'reuse-suspected', 'reuse-detected', 'session-revoked')).toEqual([]);
      await use(app, successor, 'refreshable');
    });

    test('refreshes when asked to, and still does not count as a use', async () => {
      const app = await startDetecting();
      const token = await issue(app);
      app.clock.advance(MINUTE);
      const { state, refreshed: next } = await app.auth.authenticate(token, { refresh: true });
      expect([state, next?.claims.gen]).toEqual(['refreshable', 1]);
      app.clock.advance(MINUTE);
      await app.auth.authenticate(next?.token ?? '', { refresh: true });
      await recordUses(app);

      app.clock.advance(HOUR);

      await use(app, token, 'already-refreshed');
    });
  });

  describe('[F25] Refresh-Auth: no-refresh', () => {
    test.each<[string, RefreshAuthOptions, string]>([
      ['without reuse detection', {}, 'no-refresh'],
      ['with `allowNoRefresh`', { reuseDetection: { allowNoRefresh: true } }, 'no-refresh'],
      ['in any case', { reuseDetection: { allowNoRefresh: true } }, ' No-REFRESH '],
    ])('serves an expired token without a new one: %s', async (_, options, value) => {
      const app = await start(options);
      const token = await issue(app);
      app.clock.advance(MINUTE);

      const before = await ask(app, withHeader(token, value));
      await use(app, token, 'refreshable');
      const after = await ask(app, withHeader(token, value));

      expect([before, after].map((answer) => [answer.status, answer.json(), delivered(answer)])).toEqual([
        [200, { state: 'refreshable', gen: 0 }, nothing],
        [200, { state: 'already-refreshed', gen: 0 }, nothing],
      ]);
      expect(of(app, 'refreshed', 'already-refreshed')).toHaveLength(1);
      expect(app.logs.filter((line) => NO_REFRESH.test(line))).toEqual([]);
    });

    test('serves a valid token, refreshes nothing ahead, and does not count as a use', async () => {
      const app = await start({ refreshAhead: 0.5, reuseDetection: { allowNoRefresh: true } });
      const { token, successor } = await refreshed(app);
      app.clock.advance(40 * SECOND);

      const answers = [await ask(app, withHeader(successor)), await ask(app, withHeader(successor))];
      await recordUses(app);

      expect(answers.map((answer) => [answer.json(), delivered(answer)])).toEqual(
        answers.map(() => [{ state: 'valid', gen: 1 }, nothing]),
      );
      expect(of(app, 'refreshed')).toHaveLength(1);
      app.clock.advance(HOUR);
      await use(app, token, 'already-refreshed');
    });

    test('does not count as a use of a token that this process knows already', async () => {
      const app = await startDetecting({ allowNoRefresh: true });
      const { token } = await mintToken(app.app, { sub: '1' }, { state: 'refreshable' });
      const successor = delivered(await ask(app, bearer(token))).header ?? '';

      const answers = [await ask(app, withHeader(successor)), await ask(app, withHeader(successor))];
      await recordUses(app);

      expect(answers.map((answer) => answer.json())).toEqual(answers.map(() => ({ state: 'valid', gen: 1 })));
      app.clock.advance(HOUR);
      await use(app, token, 'already-refreshed');
    });

    test('rejects a superseded token by its age, and ends no session', async () => {
      const app = await startDetecting({ allowNoRefresh: true });
      const { token, successor } = await refreshed(app);
      await use(app, successor, 'valid');

      app.clock.advance(30 * SECOND);
      expect(refusal(await ask(app, withHeader(token)))).toEqual(dead('token_superseded'));
      app.clock.advance(30 * MINUTE);
      expect(refusal(await ask(app, withHeader(token)))).toEqual(dead('token_reused'));

      await use(app, successor, 'refreshable');
    });

    test('rejects a token whose session has ended, or that is past its window', async () => {
      const app = await startDetecting({ allowNoRefresh: true });
      const [{ token, claims }, other] = [await app.auth.issue({ sub: '1' }), await issue(app)];
      await app.auth.revokeSession(claims.sid);
      app.clock.advance(MINUTE);
      expect(refusal(await ask(app, withHeader(token)))).toEqual(dead('session_revoked'));
      app.clock.advance(2 * HOUR);
      expect(refusal(await ask(app, withHeader(other)))).toEqual(dead('token_expired'));
    });

    test('changes nothing for a cookie that another origin made the browser send', async () => {
      const app = await startDetecting({ allowNoRefresh: true });
      const token = await issue(app);
      const foreign = { ...cookie(token).headers, 'refresh-auth': 'no-refresh', origin: 'https://other.example' };
      expect((await ask(app, { headers: foreign })).json()).toEqual({ state: 'valid', gen: 0 });
      app.clock.advance(MINUTE);

      const answer = await ask(app, { headers: foreign });

      expect([refusal(answer), delivered(answer)]).toEqual([notRefreshedForOrigin, nothing]);
    });

    test('is ignored under reuse detection alone, and one warning names the option', async () => {
      const app = await startDetecting();
      const token = await issue(app);
      await ask(app, withHeader(token));
      app.clock.advance(MINUTE);

      const answer = await ask(app, withHeader(token));
      await ask(app, withHeader(token));

      expect(answer.json()).toEqual({ state: 'refreshable', gen: 1 });
      expect(delivered(answer).header).toEqual(expect.stringMatching(/^ey/));
      expect(app.logs.filter((line) => NO_REFRESH.test(line))).toHaveLength(1);
    });

    test.each(['', 'refresh', 'no-refresh, no-refresh', 'no-refresh;q=1', 'norefresh', 'true'])(
      'ignores the value %j, and warns of nothing',
      async (value) => {
        const app = await startDetecting();
        const token = await issue(app);
        app.clock.advance(MINUTE);

        const answer = await ask(app, withHeader(token, value));

        expect(answer.json()).toEqual({ state: 'refreshable', gen: 1 });
        expect(app.logs.filter((line) => NO_REFRESH.test(line))).toEqual([]);
      },
    );
  });
});
