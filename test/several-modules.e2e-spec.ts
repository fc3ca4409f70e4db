// Several modules in one application, each with a name.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Delete, Get, Inject, Injectable, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import {
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  InjectRefreshAuth,
  RefreshAuthGuard,
  RefreshAuthModule,
  type RefreshAuthOptions,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { Test } from '@nestjs/testing';
import { HOUR } from './support/aged-tokens.js';
import { adapters, type RunningApp, startApp } from './support/apps.js';
import { type AuthService, SECRET, withClock } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, nothing } from './support/delivered.js';
import { type HttpAnswer, type RequestOptions, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const ADMIN_SECRET = 'another secret that only the tests know, long enough';
const ADMIN_COOKIE = 'admin-authorization';

@Controller('shop')
@UseGuards(RefreshAuthGuard)
class ShopController {
  @Get()
  get(@CurrentUser('sub') sub: unknown, @TokenState() state: unknown): unknown {
    return { sub, state };
  }
}

@Controller('admin')
@UseGuards(RefreshAuthGuard.named('admin'))
class AdminController {
  @Get()
  get(@CurrentUser('sub') sub: unknown, @TokenState() state: unknown): unknown {
    return { sub, state };
  }
}

/** The unnamed forms mean the module without a name. */
@Injectable()
class Services {
  constructor(
    @InjectRefreshAuth() readonly unnamed: AuthService,
    @Inject(RefreshAuthService) readonly customers: AuthService,
    @InjectRefreshAuth('admin') readonly admins: AuthService,
  ) {}
}

@Controller('sessions')
class SessionsController {
  constructor(@Inject(Services) private readonly services: Services) {}

  @Post(':module')
  async signIn(@Param('module') module: string, @Res({ passthrough: true }) response: HttpResponse): Promise<unknown> {
    return this.#of(module).signIn(response, { sub: `${module} 1` });
  }

  @Delete(':module')
  async signOut(
    @Param('module') module: string,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<void> {
    await this.#of(module).signOut(request, response);
  }

  @Post('admin/out/customer/in')
  async change(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse): Promise<void> {
    await this.services.admins.signOut(request, response);
    await this.services.customers.signIn(response, { sub: 'customer 1' });
  }

  #of(module: string): RefreshAuthService<TokenClaims> {
    return module === 'admin' ? this.services.admins : this.services.customers;
  }
}

/** The token that an answer carries for each module, in header and cookie. */
function carried({ headers, setCookies }: HttpAnswer): { header: string | undefined; cookies: Record<string, string> } {
  const cookies = setCookies.map((line) => /^([^=]*)=([^;]*)/.exec(line)!.slice(1) as [string, string]);
  return { header: headers.authorization?.replace(/^Bearer /, ''), cookies: Object.fromEntries(cookies) };
}

describe.each(adapters)('two modules in one application on %s', (adapter) => {
  const clock = new TestClock();
  let redis: RedisServer;
  let app: RunningApp;
  let services: Services;

  beforeAll(async () => {
    redis = await startRedis();
    app = await startApp(adapter, {
      imports: [
        withClock(RefreshAuthModule.forRoot({ secret: SECRET, redis: redis.url }), clock),
        withClock(
          RefreshAuthModule.forRootAsync({
            name: 'admin',
            useFactory: () => ({
              secret: ADMIN_SECRET,
              redis: redis.url,
              expiresIn: '5m',
              delivery: { cookie: { name: ADMIN_COOKIE } },
            }),
          }),
          clock,
        ),
      ],
      controllers: [ShopController, AdminController, SessionsController],
      providers: [Services],
    });
    services = app.app.get(Services);
  });

  afterAll(async () => {
    await app.close();
    await redis.stop();
  });

  const get = (path: string, options: RequestOptions): Promise<HttpAnswer> => send(`${app.url}/${path}`, options);
  const tokens = async (): Promise<{ customer: string; admin: string }> => ({
    customer: (await services.customers.issue({ sub: 'customer 1' })).token,
    admin: (await services.admins.issue({ sub: 'admin 1' })).token,
  });
  const both = ({ customer, admin }: { customer: string; admin: string }): RequestOptions => ({
    headers: { cookie: `__Host-authorization=${customer}; ${ADMIN_COOKIE}=${admin}` },
  });

  let present: { customer: string; admin: string };
  beforeEach(async () => {
    present = await tokens();
  });

  test('each has its own service, and the unnamed forms refer to the one without a name', () => {
    expect(services.unnamed === services.customers).toBe(true);
    expect(services.admins === services.customers).toBe(false);
    expect(RefreshAuthGuard.named('admin') === RefreshAuthGuard.named('admin')).toBe(true);
  });

  test('each guard takes its own cookie from one request', async () => {
    const answers = [await get('shop', both(present)), await get('admin', both(present))];

    expect(answers.map((answer) => answer.json())).toEqual([
      { sub: 'customer 1', state: 'valid' },
      { sub: 'admin 1', state: 'valid' },
    ]);
  });

  test('[F28] a sign-out of one leaves the header with the token that the other delivers', async () => {
    const answer = await get('sessions/admin/out/customer/in', { method: 'POST', body: '', ...both(present) });

    const { header, cookies } = carried(answer);
    expect(answer.status).toBe(201);
    expect(cookies).toEqual({ '__Host-authorization': header, [ADMIN_COOKIE]: '' });
    expect((await get('shop', bearer(header ?? ''))).status).toBe(200);
  });

  test('neither accepts the tokens of the other', async () => {
    const answers = [await get('shop', bearer(present.admin)), await get('admin', bearer(present.customer))];

    expect(answers.map(refusal)).toEqual([dead('token_invalid'), dead('token_invalid')]);
  });

  test('each refreshes its own, by its own lifetimes, into its own cookie', async () => {
    clock.advance(HOUR / 12);
    const [valid, refreshed] = [await get('shop', both(present)), await get('admin', both(present))];

    expect(valid.json()).toEqual({ sub: 'customer 1', state: 'valid' });
    expect(carried(valid)).toEqual({ header: undefined, cookies: {} });
    expect(refreshed.json()).toEqual({ sub: 'admin 1', state: 'refreshable' });
    const { header: successor = '', cookies } = carried(refreshed);
    expect(cookies).toEqual({ [ADMIN_COOKIE]: successor });
    expect((await get('admin', bearer(successor))).json()).toEqual({ sub: 'admin 1', state: 'valid' });

    clock.advance(HOUR);
    const later = await get('shop', both(present));
    expect(later.json()).toEqual({ sub: 'customer 1', state: 'refreshable' });
    expect(carried(later).cookies).toEqual({ '__Host-authorization': carried(later).header });
  });

  test('signing in to one and out of one does not affect the other', async () => {
    const signedIn = await send(`${app.url}/sessions/admin`, { method: 'POST', body: '', ...both(present) });
    const { header: fresh = '', cookies } = carried(signedIn);
    expect(cookies).toEqual({ [ADMIN_COOKIE]: fresh });
    expect(refusal(await get('admin', bearer(present.admin)))).toEqual(dead('session_revoked'));
    expect((await get('shop', both(present))).status).toBe(200);

    const signedOut = await send(`${app.url}/sessions/customer`, {
      method: 'DELETE',
      ...both({ ...present, admin: fresh }),
    });
    expect(carried(signedOut)).toEqual({ header: undefined, cookies: { '__Host-authorization': '' } });
    expect(refusal(await get('shop', bearer(present.customer)))).toEqual(dead('session_revoked'));
    expect((await get('admin', bearer(fresh))).json()).toEqual({ sub: 'admin 1', state: 'valid' });
  });

  test('equal `sub`s in two modules are different users', async () => {
    const customer = (await services.customers.issue({ sub: 'same' })).token;
    const admin = (await services.admins.issue({ sub: 'same' })).token;

    await services.customers.revokeUser('same');

    expect(refusal(await get('shop', bearer(customer)))).toEqual(dead('session_revoked'));
    const answer = await get('admin', bearer(admin));
    expect([answer.json(), carried(answer).header]).toEqual([{ sub: 'same', state: 'valid' }, nothing.header]);
  });
});

describe('two modules do not boot', () => {
  const distinct: RefreshAuthOptions = { secret: ADMIN_SECRET, delivery: { cookie: { name: ADMIN_COOKIE } } };

  async function boot(name: string | undefined, options: RefreshAuthOptions, first: RefreshAuthOptions = {}) {
    const module = await Test.createTestingModule({
      imports: [
        RefreshAuthModule.forRoot({ secret: SECRET, ...first }),
        RefreshAuthModule.forRoot({ ...(name === undefined ? {} : { name }), ...options }),
      ],
    }).compile();
    try {
      await module.init();
    } finally {
      await module.close();
    }
  }

  test('unless they differ in everything that separates their sessions', async () => {
    await expect(boot('admin', distinct)).resolves.toBeUndefined();
  });

  test('unless one of them needs no cookie', async () => {
    await expect(boot('admin', { secret: ADMIN_SECRET, delivery: { cookie: false } })).resolves.toBeUndefined();
  });

  test('unless one secret has two audiences', async () => {
    const shared = { ...distinct, secret: SECRET, audience: 'admins' };

    await expect(boot('admin', shared, { audience: 'customers' })).resolves.toBeUndefined();
  });

  test.each<
    [what: string, name: string | undefined, options: RefreshAuthOptions, first: RefreshAuthOptions, says: RegExp]
  >([
    ['one cookie name', 'admin', { secret: ADMIN_SECRET }, {}, /option `delivery\.cookie\.name` is that of/],
    [
      'one cookie of an earlier deployment',
      'admin',
      {
        secret: ADMIN_SECRET,
        delivery: { cookie: { name: ADMIN_COOKIE, previous: [{ name: '__Host-authorization' }] } },
      },
      {},
      /option `delivery\.cookie\.previous` has the name `__Host-authorization`, and so has that of/,
    ],
    ['one secret', 'admin', { ...distinct, secret: SECRET }, {}, /option `audience` does not differ from that of/],
    [
      'one secret and one audience',
      'admin',
      { ...distinct, secret: SECRET, audience: 'same' },
      { audience: 'same' },
      /option `audience` does not differ from that of/,
    ],
    [
      'one secret and an audience for one of them',
      'admin',
      { ...distinct, secret: SECRET, audience: 'admins' },
      {},
      /option `audience` does not differ from that of/,
    ],
    [
      'one secret among their keys',
      'admin',
      { delivery: distinct.delivery, keys: [{ kid: 'a', algorithm: 'HS256', secret: SECRET }] },
      {},
      /option `audience` does not differ from that of/,
    ],
    ['one key prefix', 'admin', { ...distinct, keyPrefix: 'refresh-auth' }, {}, /option `keyPrefix` is that of/],
    ['no name', undefined, distinct, {}, /option `name` is that of the module without a name/],
    ['what is no name', 'the admins', distinct, {}, /option `name` is not a name/],
  ])('with %s', async (_, name, options, first, says) => {
    await expect(boot(name, options, first)).rejects.toThrow(says);
  });

  test('with one name', async () => {
    const module = await Test.createTestingModule({
      imports: [
        RefreshAuthModule.forRoot({ name: 'admin', secret: SECRET }),
        RefreshAuthModule.forRoot({ name: 'admin', ...distinct, keyPrefix: 'other' }),
      ],
    }).compile();

    await expect(module.init()).rejects.toThrow(/option `name` is that of module 'admin'/);
    await module.close();
  });
});
