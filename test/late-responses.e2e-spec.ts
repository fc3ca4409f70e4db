// Responses that go out after their session has changed.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, Injectable, Param, Req, Res } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RefreshAuthError, type RefreshAuthEvent, RefreshAuthService, type TokenClaims } from 'nestjs-refresh-auth';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { CookieJar } from 'tough-cookie';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { Gates } from './support/gates.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';
import { type AnyRequest, type AnyResponse, takeOver } from './support/raw-response.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let gates = new Gates();
/** The errors of handlers after the response was sent. */
let late: unknown[] = [];

@Controller()
class LateController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('gate/:name')
  async gate(@Param('name') name: string): Promise<object> {
    await gates.pass(name);
    return {};
  }

  @Get('hang-up')
  hangUp(@Req() incoming: AnyRequest): object {
    ('raw' in incoming ? incoming.raw : incoming).socket.destroy();
    return {};
  }

  @Get('answered')
  answered(): void {}

  @Get('too-late')
  async tooLate(@Req() incoming: AnyRequest, @Res() response: AnyResponse): Promise<void> {
    const raw = takeOver(response);
    raw.write('begun, ');
    try {
      await this.auth.signIn(response, { sub: '2' });
      await this.auth.signOut(incoming, response);
    } catch (error) {
      late.push(error);
    }
    raw.end('ended');
  }

  @Get('refused-too-late')
  refusedTooLate(@Res() response: AnyResponse): never {
    takeOver(response).write('begun');
    throw new RefreshAuthError('store_unavailable');
  }
}

/** Answers some requests itself, and lets them pass all the same. */
@Injectable()
class AnsweringGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    if (http.getRequest<{ url: string }>().url !== '/answered') return true;
    takeOver(http.getResponse<AnyResponse>()).writeHead(202).end();
    return true;
  }
}

describe.each(adapters)('on %s', (adapter) => {
  let app: AuthApp;
  let token: string;
  let sid: string;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [LateController],
      providers: [globalGuard, { provide: APP_GUARD, useClass: AnsweringGuard }],
      options: { refreshAhead: '5m' },
    });
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    gates = new Gates();
    late = [];
    const issued = await app.auth.issue({ sub: '1' });
    ({ token } = issued);
    ({ sid } = issued.claims);
    app.clock.advance(HOUR);
  });

  const ask = (path: string, presented = token): Promise<HttpAnswer> => send(`${app.url}/${path}`, bearer(presented));

  describe('a response that is slow', () => {
    async function slow(meanwhile: () => unknown): Promise<HttpAnswer> {
      const answer = ask('gate/slow');
      await gates.arrival('slow');
      await meanwhile();
      gates.open('slow');
      return answer;
    }

    test('carries the token', async () => {
      expect(delivered(await slow(() => undefined))).toEqual({
        header: expect.any(String),
        cookie: expect.any(String),
      });
    });

    test('[L3] carries none once the session was revoked', async () => {
      const answer = await slow(() => app.auth.revokeSession(sid));

      expect([answer.status, delivered(answer)]).toEqual([200, nothing]);
    });

    test('[F27] carries a token that has expired in the meantime, and the client goes on with it', async () => {
      const { header = '' } = delivered(await slow(() => app.clock.advance(15 * MINUTE)));

      gates.open('next');
      expect(decodePayload(header)).toMatchObject({ sid, gen: 1 });
      expect(decodePayload(delivered(await ask('gate/next', header)).header ?? '')).toMatchObject({ sid, gen: 2 });
    });

    test('[F27] carries none that can no longer be refreshed', async () => {
      expect(delivered(await slow(() => app.clock.advance(7 * 24 * HOUR)))).toEqual(nothing);
    });
  });

  /** Resolves with the event, for refreshes that no response waits for. */
  function rotated(gen: number): Promise<RefreshAuthEvent> {
    return new Promise((resolve) => {
      const subscription = app.auth.events.subscribe((event) => {
        if (event.type !== 'refreshed' || event.gen !== gen) return;
        subscription.unsubscribe();
        resolve(event);
      });
    });
  }

  describe('[D11] of two responses, in any order', () => {
    test.each([
      [
        ['older', 'newer'],
        [undefined, 2],
      ],
      [
        ['newer', 'older'],
        [2, undefined],
      ],
    ])('%j: the client ends with the newer token', async (order, carried) => {
      const older = send(`${app.url}/gate/older`, cookie(token));
      await gates.arrival('older');
      gates.open('open');
      const { header: first = '' } = delivered(await ask('gate/open'));
      app.clock.advance(11 * MINUTE);
      const refresh = rotated(2);
      const newer = send(`${app.url}/gate/newer`, cookie(first));
      await Promise.all([refresh, gates.arrival('newer')]);
      const answers = { older, newer };

      const jar = new CookieJar();
      const generations: unknown[] = [];
      for (const name of order as ('older' | 'newer')[]) {
        gates.open(name);
        const { setCookies } = await answers[name];
        for (const line of setCookies) await jar.setCookie(line, app.url);
        const { cookie: value } = delivered(await answers[name]);
        generations.push(value && decodePayload(value)['gen']);
      }

      const [kept] = await jar.getCookies(app.url);
      expect(generations).toEqual(carried);
      expect(decodePayload(kept?.value ?? '')).toMatchObject({ sid, gen: 2 });
    });

    test('ten requests with one token get one successor', async () => {
      const answers = Promise.all(Array.from({ length: 10 }, () => send(`${app.url}/gate/all`, cookie(token))));
      await gates.arrival('all');
      gates.open('all');

      expect(new Set((await answers).map((answer) => delivered(answer).cookie)).size).toBe(1);
    });
  });

  describe('late writes do not throw', () => {
    test('when a guard has answered before the handler', async () => {
      const answer = await ask('answered');

      expect([answer.status, delivered(answer).header]).toEqual([202, expect.any(String)]);
    });

    test('when a handler signs in and out after the headers went out', async () => {
      const answer = await ask('too-late');

      expect([answer.status, answer.body, late]).toEqual([200, 'begun, ended', []]);
      expect(delivered(answer).header).toEqual(expect.any(String));
    });

    test('when a refusal comes after the headers went out', async () => {
      const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
        request(`${app.url}/refused-too-late`, { agent: false, ...bearer(token) }, resolve)
          .once('error', reject)
          .end();
      });
      const [first] = (await once(incoming, 'data')) as [Buffer];
      incoming.destroy();

      expect([incoming.statusCode, first.toString()]).toEqual([200, 'begun']);
      expect((await ask('gate/x', 'no token')).status).toBe(401);
    });

    test('when the handler destroys the response', async () => {
      await expect(ask('hang-up')).rejects.toThrow('socket hang up');

      expect(await app.auth.inspect(token)).toMatchObject({ state: 'already-refreshed' });
    });

    test('when the client disconnects; it gets the token when it retries', async () => {
      const hangingUp = request(`${app.url}/gate/client`, { agent: false, ...bearer(token) });
      const failed = once(hangingUp, 'error');
      hangingUp.end();
      await gates.arrival('client');
      hangingUp.destroy();
      await failed;
      gates.open('client');

      gates.open('again');
      const answer = await ask('gate/again');
      expect(decodePayload(delivered(answer).header ?? '')).toMatchObject({ sid, gen: 1 });
    });
  });
});
