// Where a new token is written, and where none may be.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  type NestInterceptor,
  NotFoundException,
  Redirect,
  Req,
  Res,
  Sse,
  StreamableFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  type RefreshAuthOptions,
  RefreshAuthService,
  type TokenClaims,
} from 'nestjs-refresh-auth';
import { type Observable, of } from 'rxjs';
import { DAY, HOUR, MINUTE } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, cookie, delivered, nothing } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';

/** The common part of Express responses and Fastify replies. */
interface Reply {
  status(code: number): Reply;
  header(name: string, value: string | string[]): Reply;
  getHeader(name: string): unknown;
  send(body?: unknown): unknown;
}

class RefusingGuard implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

/** Throws away what was prepared, and answers by itself. */
@Catch()
class AnsweringFilter implements ExceptionFilter {
  catch(_: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Reply>().status(502).send({ answered: 'by the filter' });
  }
}

@Controller()
class KindsOfAnswerController {
  @Get('json')
  json(): unknown {
    return { some: 'thing' };
  }

  @Get('http-exception')
  httpException(): never {
    throw new BadRequestException('No');
  }

  @Get('error')
  error(): never {
    throw new Error('Boom');
  }

  @Get('rejected')
  async rejected(): Promise<never> {
    throw new NotFoundException();
  }

  @UseGuards(RefusingGuard)
  @Get('later-guard')
  laterGuard(): void {}

  @UseFilters(AnsweringFilter)
  @Get('filtered')
  filtered(): never {
    throw new Error('Boom');
  }

  @Get('direct')
  direct(@Res() reply: Reply): void {
    reply.status(202).header('Content-Type', 'text/plain').send('direct');
  }

  @Get('not-modified')
  notModified(@Res() reply: Reply): void {
    reply.status(304).header('ETag', '"1"').header('Cache-Control', 'public, max-age=60').send();
  }

  @Redirect('/json', 303)
  @Get('redirect')
  redirect(): void {}

  @HttpCode(204)
  @Get('no-content')
  noContent(): void {}

  @Get('file')
  file(): StreamableFile {
    return new StreamableFile(Buffer.from('content'), { disposition: 'attachment; filename="a.txt"' });
  }

  @Sse('events')
  events(): Observable<{ data: string }> {
    return of({ data: 'one' }, { data: 'two' });
  }
}

/** The answer of each route, with or without a token. */
const kinds: [method: string, path: string, status: number, body: string | RegExp][] = [
  ['GET', 'json', 200, '{"some":"thing"}'],
  ['HEAD', 'json', 200, ''],
  ['GET', 'http-exception', 400, /"message":"No"/],
  ['GET', 'error', 500, /"Internal server error"/],
  ['GET', 'rejected', 404, /"Not Found"/],
  ['GET', 'later-guard', 403, /"Forbidden resource"/],
  ['GET', 'filtered', 502, '{"answered":"by the filter"}'],
  ['GET', 'direct', 202, 'direct'],
  ['GET', 'not-modified', 304, ''],
  ['GET', 'redirect', 303, /.*/],
  ['GET', 'no-content', 204, ''],
  ['GET', 'file', 200, 'content'],
  ['GET', 'events', 200, /data: one\n[^]*data: two\n/],
];

/** An expired token: it is refreshed by the next request. */
async function expired(app: AuthApp): Promise<string> {
  const { token } = await app.auth.issue({ sub: '1' });
  app.clock.advance(HOUR);
  return token;
}

describe.each(adapters)('[D3] [D4] a new token on %s', (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [KindsOfAnswerController] });
  });

  afterAll(() => app.close());

  test.each(kinds)('goes out with %s /%s, and its status %i', async (method, path, status, body) => {
    const token = await expired(app);

    const answer = await send(`${app.url}/${path}`, { method, ...bearer(token) });

    expect([answer.status, answer.body]).toEqual([status, expect.stringMatching(body)]);
    const { header: successor = '' } = delivered(answer);
    expect(delivered(answer)).toEqual({ header: successor, cookie: successor });
    expect(decodePayload(successor)).toMatchObject({ sid: decodePayload(token)['sid'], gen: 1 });
    // A stream says that it must not be transformed, which is none of our business.
    expect(answer.headers['cache-control']).toBe(`private, no-store${path === 'events' ? ', no-transform' : ''}`);
    expect(answer.headers['access-control-expose-headers']).toBe('Authorization');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
  });

  test.each(kinds)(
    'is not made for %s /%s with a valid one, which changes nothing',
    async (method, path, status, body) => {
      const { token } = await app.auth.issue({ sub: '1' });

      const answer = await send(`${app.url}/${path}`, { method, ...bearer(token) });

      expect([answer.status, answer.body]).toEqual([status, expect.stringMatching(body)]);
      expect(delivered(answer)).toEqual(nothing);
      expect(answer.headers['access-control-expose-headers']).toBeUndefined();
      expect(answer.headers['cache-control']).not.toBe('private, no-store');
    },
  );

  test('is sent with the actual response, not with one that is discarded (recipe: header and cookie set on a response that never left)', async () => {
    const token = await expired(app);

    const answers = await Promise.all(
      ['filtered', 'error', 'direct', 'later-guard'].map((path) => send(`${app.url}/${path}`, bearer(token))),
    );

    const tokens = answers.map(delivered);
    expect(tokens).toEqual(tokens.map(() => ({ header: tokens[0]?.header, cookie: tokens[0]?.header })));
    expect((await send(`${app.url}/json`, bearer(String(tokens[0]?.header)))).status).toBe(200);
  });

  test('answers a conditional request with 304, and is not stored', async () => {
    const token = await expired(app);
    const first = await send(`${app.url}/json`, bearer(token));
    const etag = first.headers.etag ?? '"none"';

    const answer = await send(`${app.url}/json`, {
      headers: { authorization: `Bearer ${token}`, 'if-none-match': etag },
    });

    expect(answer.status).toBe(adapter === 'express' ? 304 : 200);
    expect(delivered(answer)).toEqual(delivered(first));
    expect(answer.headers['cache-control']).toBe('private, no-store');
  });
});

@Controller()
class HandlersOwnHeadersController {
  @Header('Cache-Control', 'public, max-age=3600, s-maxage=7200')
  @Get('cached')
  cached(): unknown {
    return {};
  }

  @Get('cached-directly')
  cachedDirectly(@Res() reply: Reply): void {
    reply.header('Cache-Control', 'public, immutable').send('ok');
  }

  @Get('cookies')
  cookies(@Res({ passthrough: true }) reply: Reply): unknown {
    reply.header('Set-Cookie', ['a=1; Path=/', 'b=2']);
    return {};
  }

  @Get('one-cookie')
  oneCookie(@Res({ passthrough: true }) reply: Reply): unknown {
    reply.header('Set-Cookie', 'a=1');
    return {};
  }

  @Header('Vary', 'Accept-Language')
  @Get('vary')
  vary(): unknown {
    return {};
  }

  @Header('Access-Control-Expose-Headers', 'X-Total, X-Page')
  @Get('expose')
  expose(): unknown {
    return {};
  }

  @Header('Access-Control-Expose-Headers', 'X-Total,authorization')
  @Get('expose-it-already')
  exposeItAlready(): unknown {
    return {};
  }

  @Header('Access-Control-Expose-Headers', '*')
  @Get('expose-all')
  exposeAll(): unknown {
    return {};
  }
}

describe.each(adapters)("[D3] [D5] [D9] a handler's own headers on %s", (adapter) => {
  let app: AuthApp;

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [HandlersOwnHeadersController] });
  });

  afterAll(() => app.close());

  const ours = expect.stringMatching(/^__Host-authorization=eyJ/);

  test.each([
    ['cached', 'cache-control', 'public, max-age=3600, s-maxage=7200', 'private, no-store'],
    ['cached-directly', 'cache-control', 'public, immutable', 'private, no-store'],
    ['cookies', 'set-cookie', ['a=1; Path=/', 'b=2'], ['a=1; Path=/', 'b=2', ours]],
    ['one-cookie', 'set-cookie', ['a=1'], ['a=1', ours]],
    ['vary', 'vary', 'Accept-Language', 'Accept-Language'],
    ['expose', 'access-control-expose-headers', 'X-Total, X-Page', 'X-Total, X-Page, Authorization'],
    ['expose-it-already', 'access-control-expose-headers', 'X-Total,authorization', 'X-Total,authorization'],
    ['expose-all', 'access-control-expose-headers', '*', '*, Authorization'],
  ])('/%s: %s', async (path, name, alone, withToken) => {
    const { token } = await app.auth.issue({ sub: '1' });
    const before = await send(`${app.url}/${path}`, bearer(token));
    app.clock.advance(HOUR);
    const after = await send(`${app.url}/${path}`, bearer(token));

    expect(before.headers[name]).toEqual(alone);
    expect(after.headers[name]).toEqual(withToken);
    expect(delivered(after).header).toBe(delivered(after).cookie);
  });
});

/** Notes the header that the handler's response has by then. */
class LookingInterceptor implements NestInterceptor {
  static readonly seen: unknown[] = [];

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    LookingInterceptor.seen.push(context.switchToHttp().getResponse<Reply>().getHeader('Authorization'));
    return next.handle();
  }
}

/** Holds requests back until the test lets them go. */
class Gate {
  readonly #waiting: (() => void)[] = [];
  #arrived: () => void = () => undefined;

  readonly arrival = new Promise<void>((resolve) => (this.#arrived = resolve));

  wait(): Promise<void> {
    this.#arrived();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  open(): void {
    this.#waiting.forEach((go) => go());
  }
}

@Controller()
class ChangingController {
  constructor(
    private readonly auth: RefreshAuthService<TokenClaims>,
    private readonly clock: TestClock,
    private readonly gate: Gate,
  ) {}

  @UseInterceptors(LookingInterceptor)
  @Get('look')
  look(@Res({ passthrough: true }) reply: Reply): unknown {
    return { seen: reply.getHeader('Authorization') };
  }

  @Header('Cache-Control', 'public')
  @Get('revoke')
  async revoke(@CurrentUser('sid') sid: string): Promise<unknown> {
    await this.auth.revokeSession(sid);
    return {};
  }

  @Header('Cache-Control', 'public')
  @Get('sign-out')
  async signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<unknown> {
    await this.auth.signOut(request, response);
    return {};
  }

  @Get('sign-in')
  async signIn(@Res({ passthrough: true }) response: HttpResponse): Promise<unknown> {
    await this.auth.signIn(response, { sub: 'another' });
    return {};
  }

  @Get('sign-out-and-in')
  async signOutAndIn(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<unknown> {
    await this.auth.signOut(request, response);
    await this.auth.signIn(response, { sub: 'another' });
    return {};
  }

  @Get('sign-in-and-out')
  async signInAndOut(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<unknown> {
    await this.auth.signIn(response, { sub: 'another' });
    await this.auth.signOut(request, response);
    return {};
  }

  @Header('Cache-Control', 'public')
  @Get('slow')
  slow(): unknown {
    this.clock.advance(20 * MINUTE);
    return {};
  }

  @Header('Cache-Control', 'public')
  @Get('wait')
  async wait(): Promise<unknown> {
    await this.gate.wait();
    return {};
  }
}

describe.each(adapters)('a token that is due on %s', (adapter) => {
  let app: AuthApp;
  let gate: Gate;
  const get = (path: string, token: string): Promise<HttpAnswer> => send(`${app.url}/${path}`, bearer(token));

  beforeAll(async () => {
    const clock = new TestClock();
    gate = new Gate();
    app = await startAuthApp(adapter, {
      clock,
      controllers: [ChangingController],
      providers: [globalGuard, { provide: TestClock, useValue: clock }, { provide: Gate, useValue: gate }],
    });
  });

  afterAll(() => app.close());

  test('is seen by interceptors and handlers', async () => {
    LookingInterceptor.seen.length = 0;

    const answer = await get('look', await expired(app));

    const header = answer.headers.authorization;
    expect(header).toMatch(/^Bearer eyJ/);
    expect(answer.json()).toEqual({ seen: header });
    expect(LookingInterceptor.seen).toEqual([header]);
  });

  test.each([
    ['revoke', 'the session was revoked meanwhile', []],
    ['sign-out', 'the user signed out', ['__Host-authorization=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax']],
  ])('is not sent with /%s: %s', async (path, _, setCookies) => {
    const answer = await get(path, await expired(app));

    expect([answer.status, answer.json()]).toEqual([200, {}]);
    expect(answer.headers.authorization).toBeUndefined();
    expect(answer.setCookies.map(partsOf)).toEqual(setCookies.map(partsOf));
    expect(answer.headers['access-control-expose-headers']).toBeUndefined();
    expect(answer.headers['cache-control']).toBe('public');
  });

  test('[F27] is sent although it has expired, and the next request refreshes it', async () => {
    const { header = '' } = delivered(await get('slow', await expired(app)));

    const answer = await get('look', header);

    expect(decodePayload(header)['gen']).toBe(1);
    expect(decodePayload(String(delivered(answer).header))['gen']).toBe(2);
  });

  test('[L3] is not sent after another request signed the session out', async () => {
    const token = await expired(app);
    const waiting = get('wait', token);
    await gate.arrival;
    await get('sign-out', token);
    gate.open();

    const answer = await waiting;

    expect([answer.status, answer.json()]).toEqual([200, {}]);
    expect(delivered(answer)).toEqual(nothing);
    expect(answer.headers['cache-control']).toBe('public');
  });

  test.each(['sign-in', 'sign-out-and-in'])('is replaced by that of another session: /%s', async (path) => {
    const token = await expired(app);

    const answer = await get(path, token);

    const { header: other = '', cookie: sameInCookie } = delivered(answer);
    expect(sameInCookie).toBe(other);
    expect(decodePayload(other)).toMatchObject({ sub: 'another', gen: 0 });
    expect(answer.headers['cache-control']).toBe('private, no-store');
    expect((await get('look', token)).json()).toMatchObject({ code: 'session_revoked' });
    expect((await get('look', other)).status).toBe(200);
  });

  test('the last of sign-in and sign-out counts', async () => {
    const answer = await get('sign-in-and-out', await expired(app));

    expect(answer.headers.authorization).toBeUndefined();
    expect(delivered(answer)).toEqual({ header: undefined, cookie: '' });
  });
});

/** The order of attributes means nothing, and which token it is others tell. */
function partsOf(cookieLine: string): Set<string> {
  return new Set(withoutToken(cookieLine).split('; '));
}

function withoutToken(text: string): string {
  return text.replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/, 'TOKEN');
}

describe.each(adapters)('the option `delivery` on %s', (adapter) => {
  /** Returns the answer to a request with an expired token. */
  async function refreshWith(options: RefreshAuthOptions): Promise<HttpAnswer> {
    const app = await startAuthApp(adapter, { controllers: [KindsOfAnswerController], options });
    const answer = await send(`${app.url}/json`, bearer(await expired(app)));
    await app.close();
    return answer;
  }

  const usual = 'HttpOnly; Max-Age=604800; Path=/; SameSite=Lax; Secure';

  test.each<[RefreshAuthOptions['delivery'], name: string, header: string | undefined, cookie: string | undefined]>([
    [undefined, 'authorization', 'Bearer TOKEN', `__Host-authorization=TOKEN; ${usual}`],
    [{ header: false }, 'authorization', undefined, `__Host-authorization=TOKEN; ${usual}`],
    [{ cookie: false }, 'authorization', 'Bearer TOKEN', undefined],
    [{ header: { name: 'X-New-Token' } }, 'x-new-token', 'Bearer TOKEN', `__Host-authorization=TOKEN; ${usual}`],
    [{ header: { scheme: 'JWT' }, cookie: false }, 'authorization', 'JWT TOKEN', undefined],
    [{ header: { name: 'X-New-Token', scheme: '' }, cookie: false }, 'x-new-token', 'TOKEN', undefined],
    [{ header: false, cookie: { name: '__Host-token' } }, 'authorization', undefined, `__Host-token=TOKEN; ${usual}`],
    [
      { cookie: { domain: 'example.com', path: '/api', sameSite: 'none', partitioned: true } },
      'authorization',
      'Bearer TOKEN',
      'authorization=TOKEN; Domain=example.com; HttpOnly; Max-Age=604800; Partitioned; Path=/api; SameSite=None; Secure',
    ],
    [
      { cookie: { secure: false, httpOnly: false, sameSite: 'strict' } },
      'authorization',
      'Bearer TOKEN',
      'authorization=TOKEN; Max-Age=604800; Path=/; SameSite=Strict',
    ],
  ])('[D6] [D8] %j', async (delivery, name, header, cookieLine) => {
    const answer = await refreshWith(delivery === undefined ? {} : { delivery });

    expect(answer.status).toBe(200);
    expect([answer.headers[name] ?? []].flat().map(withoutToken)).toEqual([header ?? []].flat());
    expect(answer.setCookies.map(partsOf)).toEqual([cookieLine ?? []].flat().map(partsOf));
    expect(answer.headers['access-control-expose-headers']?.toLowerCase()).toBe(header && name);
    expect(answer.headers['cache-control']).toBe('private, no-store');
    expect(answer.body).toBe('{"some":"thing"}');
  });

  test.each<[RefreshAuthOptions, afterDays: number, maxAge: number]>([
    [{}, 1, 7 * 86_400],
    [{ sessionLifetime: '8d' }, 6, 2 * 86_400],
    [{ refreshWindow: '450d', sessionLifetime: '900d' }, 1, 400 * 86_400],
  ])(
    '[D7] the cookie of %j, refreshed after %i days, lives as long as its token can be refreshed',
    async (options, days, maxAge) => {
      const app = await startAuthApp(adapter, { controllers: [KindsOfAnswerController], options });
      const { token } = await app.auth.issue({ sub: '1' });
      app.clock.advance(days * DAY);

      const { setCookies } = await send(`${app.url}/json`, bearer(token));
      await app.close();

      expect(setCookies).toEqual([expect.stringMatching(`; Max-Age=${maxAge};`)]);
    },
  );

  test('determines where tokens are written; they are still read from the Authorization header, and from a cookie of that name', async () => {
    const app = await startAuthApp(adapter, {
      controllers: [KindsOfAnswerController],
      options: { delivery: { header: { name: 'X-New-Token', scheme: 'JWT' }, cookie: { name: 'session' } } },
    });
    const { token } = await app.auth.issue({ sub: '1' });

    const answers = await Promise.all([
      send(`${app.url}/json`, bearer(token)),
      send(`${app.url}/json`, { headers: { cookie: `session=${token}` } }),
      send(`${app.url}/json`, cookie(token)),
      send(`${app.url}/json`, { headers: { 'x-new-token': `JWT ${token}` } }),
      send(`${app.url}/json`, { headers: { authorization: `JWT ${token}` } }),
    ]);
    await app.close();

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 401, 401, 401]);
  });

  test('with the cookie off, no cookie is read', async () => {
    const app = await startAuthApp(adapter, {
      controllers: [KindsOfAnswerController],
      options: { delivery: { cookie: false } },
    });
    const { token } = await app.auth.issue({ sub: '1' });

    const answer = await send(`${app.url}/json`, cookie(token));
    await app.close();

    expect(answer.json()).toMatchObject({ code: 'token_missing' });
  });

  describe('[D7] a token too large for a cookie', () => {
    const large = { sub: '1', notes: 'x'.repeat(3000) } as { sub: string };

    async function refreshLarge(options: RefreshAuthOptions): Promise<{ answer: HttpAnswer; types: string[] }> {
      const app = await startAuthApp(adapter, { controllers: [KindsOfAnswerController], options });
      const { token } = await app.auth.issue(large);
      app.clock.advance(HOUR);
      const answer = await send(`${app.url}/json`, bearer(token));
      await app.close();
      return { answer, types: app.events.map(({ type }) => type) };
    }

    test('is sent only in the header', async () => {
      const { answer } = await refreshLarge({});

      expect(answer.status).toBe(200);
      expect(decodePayload(String(delivered(answer).header))).toMatchObject({ ...large, gen: 1 });
      expect(answer.setCookies).toEqual([]);
    });

    test('is reported by an event', async () => {
      expect((await refreshLarge({})).types).not.toEqual(['refreshed']);
    });

    test('is not created if only cookies are on', async () => {
      const { answer, types } = await refreshLarge({ delivery: { header: false } });

      expect([answer.status, answer.json()]).toMatchObject([503, { code: 'store_unavailable' }]);
      expect(types).not.toContain('refreshed');
    });
  });
});
