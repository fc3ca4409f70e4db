// `nestjs-refresh-auth/testing`, as the tests of an application use it.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, type INestApplication, Module, Post, Req, Res, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import axios from 'axios';
import {
  CurrentUser,
  getCurrentUser,
  type HttpRequest,
  type HttpResponse,
  Public,
  RefreshAuthGuard,
  RefreshAuthModule,
  RefreshAuthService,
  type TokenClaims,
  TokenState,
} from 'nestjs-refresh-auth';
import { InMemorySessionStore, type SessionStore } from 'nestjs-refresh-auth/store';
import {
  assertTokenDelivered,
  deliveredToken,
  inMemory,
  mintToken,
  refreshAuthTestingModule,
  sessionStoreContract,
  signedInAs,
  TestClock,
  wrapStore,
} from 'nestjs-refresh-auth/testing';
import { bearer } from './support/delivered.js';
import { send } from './support/http.js';

@Controller()
class ProfileController {
  constructor(private readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('profile')
  profile(
    @CurrentUser() user: object | undefined,
    @TokenState() state: string | undefined,
    @Req() request: HttpRequest,
  ) {
    return { user, state, ofRequest: getCurrentUser(request) };
  }

  @Public()
  @Get('public')
  open(@CurrentUser() user: object | undefined) {
    return { user: user ?? 'nobody' };
  }

  @Public()
  @Post('login')
  async login(@Res({ passthrough: true }) response: HttpResponse) {
    await this.auth.signIn(response, { sub: '1' });
  }

  @Public()
  @Post('logout')
  async logout(@Req() request: HttpRequest, @Res({ passthrough: true }) response: HttpResponse) {
    await this.auth.signOut(request, response);
  }
}

const SECRET = 'a secret of the application, long enough for HS256';
/** Where no Redis ever listens: whoever connects to it fails. */
const NO_REDIS = 'redis://127.0.0.1:1';

/** An application as its authors write it, with the registration that keeps `overrideProvider` working. */
@Module({
  imports: [RefreshAuthModule.forRoot({ secret: SECRET, redis: NO_REDIS, storeTimeout: '10s' })],
  controllers: [ProfileController],
  providers: [{ provide: APP_GUARD, useExisting: RefreshAuthGuard }],
})
class AppModule {}

@UseGuards(RefreshAuthGuard)
@Controller()
class GuardedController {
  @Get('guarded')
  guarded(@CurrentUser() user: object) {
    return user;
  }
}

describe('inMemory', () => {
  test('keeps the sessions of a whole application in memory, on the clock of the test', async () => {
    const clock = new TestClock();
    const testing = await inMemory(Test.createTestingModule({ imports: [AppModule] }), clock).compile();
    const app = testing.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    try {
      const url = await app.getUrl();
      const { token } = await mintToken(app, { sub: '1' });

      const profile = async (): Promise<unknown> => (await send(`${url}/profile`, bearer(token))).json();
      expect(await profile()).toMatchObject({ state: 'valid' });
      clock.advance('15m');
      expect(await profile()).toMatchObject({ state: 'refreshable' });
      expect(await profile()).toMatchObject({ state: 'already-refreshed' });
      clock.advance('7d');
      expect(await profile()).toMatchObject({ code: 'token_expired' });
    } finally {
      await app.close();
    }
  });

  test('gives each module of an application its own store', async () => {
    const testing = await inMemory(
      Test.createTestingModule({
        imports: [
          RefreshAuthModule.forRoot({ secret: SECRET, redis: NO_REDIS, audience: 'users' }),
          RefreshAuthModule.forRoot({
            secret: SECRET,
            redis: NO_REDIS,
            audience: 'staff',
            name: 'staff',
            delivery: { cookie: false },
          }),
        ],
      }),
    ).compile();
    await testing.init();
    try {
      const user = await mintToken(testing, { sub: '1' }, { state: 'already-refreshed' });
      const member = await mintToken(testing, { sub: '1' }, { state: 'already-refreshed', module: 'staff' });

      expect([user, member].map(({ claims }) => claims)).toMatchObject([{ aud: 'users' }, { aud: 'staff' }]);
    } finally {
      await testing.close();
    }
  });
});

describe('mintToken', () => {
  const clock = new TestClock();
  let app: INestApplication;

  beforeEach(async () => {
    const module = refreshAuthTestingModule({ clock, expiresIn: '5m', refreshWindow: '1h', clockTolerance: 10 });
    const testing = await Test.createTestingModule({ imports: [module] }).compile();
    app = testing.createNestApplication({ logger: false });
    await app.init();
  });
  afterEach(() => app.close());

  const inspect = (token: string): Promise<unknown> => app.get(RefreshAuthService).inspect(token);

  test.each([
    ['valid', undefined, 0],
    ['valid', '4m', 240],
    ['refreshable', undefined, 310],
    ['refreshable', '10m', 600],
    ['refreshable', 600_000, 600],
    ['already-refreshed', undefined, 310],
    ['already-refreshed', '59m', 3540],
    ['dead', undefined, 3610],
    ['dead', '2d', 172_800],
  ] as const)('gives one that is %s, of age %s', async (state, age, seconds) => {
    const { token, claims } = await mintToken(app, { sub: '1' }, { state, age });

    expect(await inspect(token)).toMatchObject({ state });
    expect(claims).toMatchObject({ sub: '1', gen: 0, iat: clock.now() / 1000 - seconds });
  });

  test.each([
    ['valid', '6m', 'refreshable'],
    ['refreshable', 0, 'valid'],
    ['already-refreshed', '1m', 'valid'],
    ['dead', '30m', 'refreshable'],
  ] as const)('refuses to call one %s that is of age %s', async (state, age, found) => {
    await expect(mintToken(app, { sub: '1' }, { state, age })).rejects.toThrow(
      new RangeError(
        `A token of age ${age} is not ${state} but ${found}: expiresIn is 300 s, refreshWindow 3600 s, clockTolerance 10 s`,
      ),
    );
  });

  test('refuses an age that is not a span of time', async () => {
    await expect(mintToken(app, { sub: '1' }, { age: '10' })).rejects.toThrow(
      new TypeError(`"10" is not a span of time: write milliseconds, or a string such as '15m'`),
    );
  });

  test('mints a live token even if its user signed out everywhere before', async () => {
    await app.get(RefreshAuthService).revokeUser('1');

    const { token } = await mintToken(app, { sub: '1' }, { age: '1m' });

    expect(await inspect(token)).toMatchObject({ state: 'valid' });
  });
});

describe('deliveredToken', () => {
  const clock = new TestClock();
  let app: INestApplication;
  let url: string;

  beforeEach(async () => {
    const testing = await inMemory(Test.createTestingModule({ imports: [AppModule] }), clock).compile();
    app = testing.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterEach(() => app.close());

  const clients: [string, (path: string, headers: Record<string, string>) => Promise<{ headers: object }>][] = [
    ['fetch', (path, headers) => fetch(url + path, { headers })],
    ['axios', (path, headers) => axios.get(url + path, { headers })],
    [
      'node:http, and supertest, whose headers are those of node:http',
      (path, headers) => send(url + path, { headers }),
    ],
  ];

  test.each(clients)('finds the new token in a response of %s', async (_, get) => {
    const { token } = await mintToken(app, { sub: '1' }, { state: 'refreshable' });

    const refreshed = await get('/profile', { authorization: `Bearer ${token}` });
    const handedOver = await get('/profile', { cookie: `__Host-authorization=${token}` });

    const found = assertTokenDelivered(refreshed);
    expect(found).not.toBe(token);
    expect(deliveredToken(handedOver)).toBe(found);
    expect(deliveredToken(refreshed, { cookie: false })).toBe(found);
    expect(deliveredToken(refreshed, { header: false })).toBe(found);
    expect(deliveredToken(await get('/profile', { authorization: `Bearer ${found}` }))).toBeUndefined();
  });

  test('finds none if the cookie is removed', async () => {
    const { token } = await mintToken(app, { sub: '1' });

    const answer = await send(`${url}/logout`, {
      method: 'POST',
      headers: { cookie: `__Host-authorization=${token}` },
    });

    expect(answer.setCookies).toEqual([expect.stringMatching(/^__Host-authorization=;/)]);
    expect(deliveredToken(answer)).toBeUndefined();
  });

  test('[F21] finds the token of the current cookie beside the removal of an earlier one of the same name', () => {
    const lines = ['token=; Max-Age=0; Path=/app', 'token=one; Max-Age=60; Path=/'];
    const delivery = { header: false, cookie: { name: 'token', previous: [{ name: 'token', path: '/app' }] } } as const;

    expect(deliveredToken({ headers: { 'set-cookie': lines } }, delivery)).toBe('one');
    expect(deliveredToken({ headers: { 'set-cookie': [lines[0]] } }, delivery)).toBeUndefined();
  });

  test('fails if there is none, or two different ones', async () => {
    const { token } = await mintToken(app, { sub: '1' });
    const answer = await send(`${url}/profile`, bearer(token));

    expect(() => assertTokenDelivered(answer)).toThrow(
      'The response carries no new token: looked for header Authorization and cookie __Host-authorization',
    );
    expect(() => assertTokenDelivered(answer, { header: { name: 'X-Token' }, cookie: false })).toThrow(
      'The response carries no new token: looked for header X-Token',
    );
    const two = { headers: { authorization: 'Bearer one', 'set-cookie': ['__Host-authorization=two'] } };
    expect(() => deliveredToken(two)).toThrow('The response carries different tokens in header and cookie');
  });

  test('reads the header by the name and scheme of the option', () => {
    const answer = { headers: { 'x-token': 'one' } };

    expect(deliveredToken(answer, { header: { name: 'X-Token', scheme: '' } })).toBe('one');
    expect(deliveredToken(answer, { header: { name: 'X-Token', scheme: 'Token' } })).toBeUndefined();
  });
});

describe('signedInAs', () => {
  const ada = { sub: '7', role: 'admin' };

  async function answers(builder: TestingModuleBuilder, ...paths: string[]): Promise<unknown[]> {
    const app = (await builder.compile()).createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    try {
      const url = await app.getUrl();
      return await Promise.all(paths.map(async (path) => (await send(url + path)).json()));
    } finally {
      await app.close();
    }
  }

  test('replaces the global guard, with overrideProvider', async () => {
    const builder = inMemory(Test.createTestingModule({ imports: [AppModule] }));

    builder.overrideProvider(RefreshAuthGuard).useValue(signedInAs(ada));

    expect(await answers(builder, '/profile', '/public')).toEqual([
      { user: ada, state: 'valid', ofRequest: ada },
      { user: 'nobody' },
    ]);
  });

  test('replaces the guard of a route, with overrideGuard', async () => {
    const builder = Test.createTestingModule({
      imports: [refreshAuthTestingModule()],
      controllers: [GuardedController],
    });

    builder.overrideGuard(RefreshAuthGuard).useValue(signedInAs(ada));

    expect(await answers(builder, '/guarded')).toEqual([ada]);
  });

  test('cannot replace a guard that Nest creates with useClass', async () => {
    const builder = Test.createTestingModule({
      imports: [refreshAuthTestingModule()],
      controllers: [ProfileController],
      providers: [{ provide: APP_GUARD, useClass: RefreshAuthGuard }],
    });

    builder.overrideProvider(RefreshAuthGuard).useValue(signedInAs(ada));

    expect(await answers(builder, '/profile')).toMatchObject([{ statusCode: 401 }]);
  });

  test('without it, the real guard runs', async () => {
    const builder = Test.createTestingModule({
      imports: [refreshAuthTestingModule()],
      controllers: [GuardedController],
    });

    expect(await answers(builder, '/guarded')).toMatchObject([{ statusCode: 401 }]);
  });
});

describe('sessionStoreContract', () => {
  /** A store with one fault. */
  function faultyStore(clock: TestClock): SessionStore {
    const store = new InMemorySessionStore(clock);
    return wrapStore(store, {
      async rotate(request) {
        const answer = await store.rotate(request);
        return answer.outcome === 'handed-over' ? { ...answer, sealed: Buffer.from('another') } : answer;
      },
    });
  }

  const broken = async (make: (clock: TestClock) => SessionStore): Promise<string[]> => {
    const open = () => {
      const clock = new TestClock();
      const store = make(clock);
      const pass = async (milliseconds: number) => clock.advance(milliseconds);
      return { stores: [store] as const, clock, pass, close: async () => store.close?.() };
    };
    const names: string[] = [];
    for (const { name, check } of sessionStoreContract(open, { restores: false })) {
      await check().catch(() => names.push(name));
    }
    return names;
  };

  test('passes for a correct store', async () => {
    expect(await broken((clock) => new InMemorySessionStore(clock))).toEqual([]);
  });

  test('fails for a broken store, and names what it breaks', async () => {
    expect(await broken(faultyStore)).toEqual(
      expect.arrayContaining([
        'rule 2 and 4: a latest token that is newer than the generation: is the answer where no candidate is given',
        'returns the bytes of a successor exactly as they came: every byte',
      ]),
    );
  });
});
