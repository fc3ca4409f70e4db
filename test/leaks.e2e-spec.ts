// Nothing that is logged, stored, sent or reported shows a token, a claim or a secret.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import {
  type HttpRequest,
  type HttpResponse,
  Public,
  type RefreshAuthOptions,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { DAY, HOUR, issueAged, MINUTE } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { startAuthApp } from './support/auth-app.js';
import { bearer, cookie, delivered } from './support/delivered.js';
import { startDemo } from './support/demo-process.js';
import { flipBit, respell } from './support/hostile-tokens.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { rsa } from './support/key-material.js';
import { formsOf, takeLeaks, watchOutFor } from './support/leak-watch.js';
import { contentOf, type RedisServer, startRedis } from './support/redis-server.js';
import { watchRedis } from './support/redis-watch.js';

const SECRET = watchOutFor('c4n4ry-Xh7QmZ2vLkT9pWs4RdBn8YfGjUe6AoKi0qVxJ');
const PASSWORD = watchOutFor('canary-password-of-redis-c4n4ry');
const MAIL = watchOutFor('canary.claim@example.com');
/** A `sub` with a line break. What follows the break must not begin a line of a log. */
const SUB = watchOutFor('canary-user\nERROR a forged line');
/** The error of the application's `reloadClaims`, which belongs only in the log. */
const OWN_ERROR = 'canary-error-of-the-application';

@Public()
@Controller()
class PublicController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Post('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signIn(response, { sub: SUB, mail: MAIL } as { sub: string });
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.auth.signOut(request, response);
  }
}

@Controller()
class GuardedController {
  @Get('guarded')
  guarded(): string {
    return 'guarded';
  }
}

/** Everything by which somebody could use, forge or recognize a token: of each token that was seen, and of the rest that is secret. */
class Canaries {
  readonly #forms = new Set([SECRET, PASSWORD, MAIL, SUB, OWN_ERROR].flatMap(formsOf));

  addToken(token: string): void {
    const [, payload = '', signature = ''] = token.split('.');
    const { sid, jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as TokenClaims;
    for (const part of [payload, signature, sid, jti]) for (const form of formsOf(part)) this.#forms.add(form);
  }

  /** Returns the secrets that a text contains. */
  in(text: string): string[] {
    return [...this.#forms].filter((form) => text.includes(form));
  }
}

const policies: [name: string, options: RefreshAuthOptions][] = [
  ['the defaults', {}],
  [
    'a grace, tracked sessions, refresh ahead',
    { reuseDetection: { grace: '30s' }, sessions: 'tracked', refreshAhead: '2m' },
  ],
  ['a question for every request', { revocation: 'every-request', reuseDetection: { grace: '1s', onReuse: 'reject' } }],
];

describe.each(adapters)('[G1] [G3] [G4] on %s nothing shows a token, a claim or a secret', (adapter) => {
  /** The latest first, also where a test has failed half-way. */
  const closing: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  test.each(policies)('with %s', async (_, options) => {
    const redis = await startRedis({ args: ['--requirepass', PASSWORD] });
    closing.unshift(() => redis.stop());
    const url = redis.url.replace('://', `://:${PASSWORD}@`);
    const client = new Redis(url);
    const watch = await watchRedis(client);
    closing.unshift(
      () => watch.stop(),
      () => client.disconnect(),
    );
    let doesReload = true;
    const app = await startAuthApp(adapter, {
      controllers: [PublicController, GuardedController],
      options: {
        secret: SECRET,
        redis: url,
        reloadClaims: (claims: TokenClaims) => {
          if (!doesReload) throw new Error(OWN_ERROR);
          return { sub: claims.sub, mail: MAIL };
        },
        ...options,
      },
    });
    closing.unshift(() => app.close());
    const canaries = new Canaries();
    const answers: HttpAnswer[] = [];
    const errors: unknown[] = [];

    async function request(method: string, path: string, how: RequestOptions = {}): Promise<string> {
      const answer = await send(`${app.url}/${path}`, { method, ...(method === 'POST' && { body: {} }), ...how });
      answers.push(answer);
      const { header = '' } = delivered(answer);
      if (header !== '') canaries.addToken(header);
      return header;
    }
    const use = (token: string, present: typeof bearer = bearer): Promise<string> =>
      request('GET', 'guarded', present(token));
    const fails = (act: Promise<unknown>): Promise<unknown> => act.catch((error: unknown) => errors.push(error));
    async function issue(): Promise<string> {
      const { token } = await app.auth.issue({ sub: SUB, mail: MAIL } as { sub: string });
      canaries.addToken(token);
      return token;
    }

    const commands = await watch.commandsDuring(async () => {
      const token = await request('POST', 'sign-in');
      await use(token);
      app.clock.advance(14 * MINUTE);
      await use(token);
      app.clock.advance(2 * MINUTE);
      const next = (await use(token)) || token;
      await use(token, cookie);
      await app.auth.inspect(token);
      app.clock.advance(HOUR);
      await use(next);
      await use(token);
      await fails(app.auth.authenticate(token, { refresh: true }));

      for (const hostile of [
        flipBit(token),
        respell(token)[0] ?? '',
        `${token}=`,
        `${token},${next}`,
        token.slice(9),
        `${token}.e30.e30`,
      ]) {
        await use(hostile);
        await use(hostile, cookie);
        await fails(app.auth.authenticate(hostile));
      }
      await request('GET', 'guarded', { headers: { authorization: `Bearer ${token} ${next}` } });
      await request('GET', 'guarded', {
        headers: { cookie: `__Host-authorization=${token}; __Host-authorization=${next}` },
      });
      await request('POST', 'sign-out', { headers: { ...cookie(token).headers, 'sec-fetch-site': 'cross-site' } });

      doesReload = false;
      const unloadable = await issue();
      app.clock.advance(HOUR);
      await use(unloadable);
      await fails(app.auth.authenticate(unloadable, { refresh: true }));
      doesReload = true;
      await use(unloadable);

      await request('POST', 'sign-out', bearer(next));
      await use(next);
      await fails(app.auth.authenticate(next));
      const revoked = await issue();
      await app.auth.revokeUser(SUB);
      await use(revoked);
      app.clock.advance(8 * DAY);
      await use(token);
    });

    const keys = await client.keys('*');
    const dump = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    // These commands show data that a dump compresses.
    const contents = await Promise.all(keys.map((key) => contentOf(client, key)));

    const survivor = await issue();
    app.clock.advance(HOUR);
    await redis.kill();
    await use(survivor);
    await fails(app.auth.revokeUser(SUB));
    await request('POST', 'sign-out', bearer(survivor));

    const refusals = answers.filter(({ status }) => status >= 400);
    const codes = new Set(refusals.map((answer) => (answer.json() as { code: string }).code));
    expect([...codes]).toEqual(
      expect.arrayContaining([
        'token_malformed',
        'token_invalid',
        'token_expired',
        'session_revoked',
        'request_cross_site',
        'store_unavailable',
        'reload_failed',
      ]),
    );
    expect(keys.length).toBeGreaterThan(0);
    expect(app.events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['refreshed', 'token-rejected', 'session-revoked', 'user-revoked', 'store-failed']),
    );
    expect(errors.length).toBeGreaterThan(8);
    expect(app.logs.join('\n')).toContain('The session store failed');
    // The application's own error, in its own words, is in the log alone.
    const logs = app.logs.filter((line) => !line.includes(OWN_ERROR));
    expect(app.logs.length - logs.length).toBe(2);

    const seen = {
      refusals: refusals.map(({ rawHeaders, body }) => [rawHeaders, body].join('\n')),
      errors: errors.map((error) => inspect(error, { depth: 9, showHidden: true })),
      events: app.events.map((event) => inspect(event, { depth: 9 })),
      logs,
      keys,
      dump: dump.map((value) => value?.toString('latin1')),
      contents,
      // The password is what Redis itself asks for.
      commands: commands.filter(([name]) => name !== 'auth').map((command) => command.join(' ')),
    };
    for (const [where, texts] of Object.entries(seen))
      expect({ where, leaks: canaries.in(texts.join('\n')) }).toEqual({ where, leaks: [] });
    expect(logs.filter((line) => /[\r\n]/.test(line))).toEqual([]);
    expect(takeLeaks()).toEqual([]);
  });
});

describe('[G1] an error that stops a boot names the option, and quotes no secret', () => {
  const privateKey = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const publicKey = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const short = watchOutFor('c4n4ry-too-short');
  const environment = process.env['NODE_ENV'];

  // Where secrets that can be guessed stop a boot as well.
  beforeAll(() => {
    process.env['NODE_ENV'] = 'production';
  });
  afterAll(() => {
    process.env['NODE_ENV'] = environment;
  });

  test.each<[option: string, options: object]>([
    ['secret', { secret: short }],
    ['secret', { secret: short.repeat(4) }],
    ['secret', { secret: [SECRET] }],
    ['secret', { secret: privateKey }],
    ['secret', { secret: SECRET, keys: [{ algorithm: 'HS256', secret: SECRET }] }],
    ['keys', { keys: { algorithm: 'HS256', secret: SECRET } }],
    ['keys[0]', { keys: [SECRET] }],
    ['keys[0].key', { keys: [{ algorithm: 'HS256', key: SECRET }] }],
    ['keys[0].secret', { keys: [{ algorithm: 'HS512', secret: SECRET }] }],
    ['keys[0].secret', { keys: [{ algorithm: 'RS256', secret: SECRET }] }],
    ['keys[0].algorithm', { keys: [{ algorithm: SECRET, secret: SECRET }] }],
    ['keys[0].kid', { keys: [{ kid: `${SECRET}\n`, algorithm: 'HS256', secret: SECRET }] }],
    ['keys[0].privateKey', { keys: [{ algorithm: 'RS256', privateKey: SECRET }] }],
    ['keys[0].privateKey', { keys: [{ algorithm: 'RS256', privateKey: privateKey.replace('MII', 'M!I') }] }],
    ['keys[0].publicKey', { keys: [{ algorithm: 'RS256', publicKey: privateKey }] }],
    ['keys[0]', { keys: [{ algorithm: 'ES256', privateKey }] }],
    ['keys[0]', { keys: [{ algorithm: 'RS256', publicKey }] }],
    ['redis', { secret: SECRET, redis: `http://:${PASSWORD}@127.0.0.1:1` }],
    ['redis', { secret: SECRET, redis: `redis//:${PASSWORD}@127.0.0.1:1` }],
    ['redis', { secret: SECRET, redis: new URL(`redis://:${PASSWORD}@127.0.0.1:1`) }],
    ['store', { secret: SECRET, store: { password: PASSWORD } }],
    ['secrets', { secrets: SECRET }],
  ])('%s, in place %#', async (option, options) => {
    const error: unknown = await startAuthApp('express', {
      options: { secret: undefined, ...options },
    }).catch((reason: unknown) => reason);

    expect(error).toMatchObject({ name: 'RefreshAuthOptionsError', option });
    expect(new Canaries().in(inspect(error, { depth: 9, showHidden: true }))).toEqual([]);
    expect(takeLeaks()).toEqual([]);
  });
});

describe('[G1] a real process', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  test('prints no part of a secret, a token or a password, for any request', async () => {
    const canaries = new Canaries();
    const demo = await startDemo({
      JWT_SECRET: SECRET,
      REDIS_URL: redis.url,
      REUSE_GRACE: '1s',
      TOKEN_EXPIRES_IN: '2s',
      TOKEN_REFRESH_WINDOW: '1h',
    });
    const body = { username: 'ada', password: 'lovelace' };
    const login = await send(`${demo.url}/auth/login`, { method: 'POST', body });
    const { header: token = '' } = delivered(login);
    const old = issueAged(5 * MINUTE, { secret: SECRET, expiresIn: 2, refreshWindow: '1h' }, { sub: '1' }).token;
    for (const each of [token, old]) canaries.addToken(each);
    const answers: HttpAnswer[] = [];
    for (const each of [token, old, flipBit(token), `${token}.${token}`, `${old} ${token}`, 'x'.repeat(9000)]) {
      for (const path of ['me', 'auth/session', 'users/0', 'nowhere', `me?access_token=${encodeURIComponent(each)}`]) {
        answers.push(await send(`${demo.url}/${path}`, bearer(each)));
      }
      answers.push(
        await send(`${demo.url}/auth/login`, {
          method: 'POST',
          body: '{"password":',
          headers: { ...bearer(each).headers, 'content-type': 'application/json' },
        }),
      );
    }
    await redis.kill();
    answers.push(await send(`${demo.url}/auth/logout`, { method: 'POST', ...bearer(token) }));
    const output = demo.output();
    await demo.stop();

    expect(answers.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 401, 404, 503]));
    expect(output).toContain('http://127.0.0.1');
    expect(canaries.in(output + demo.output())).toEqual([]);
    expect(output + demo.output()).not.toContain('lovelace');
    expect(takeLeaks()).toEqual([]);
  });
});
