// RefreshAuthModule: registration, options that stop the boot, and stores.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, type DynamicModule, Get, Inject, Injectable, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Cluster, Redis } from 'ioredis';
import {
  RefreshAuthGuard,
  RefreshAuthModule,
  type RefreshAuthOptions,
  RefreshAuthOptionsError,
  type RefreshAuthOptionsFactory,
  RefreshAuthService,
  TokenState,
} from 'nestjs-refresh-auth';
import { InMemorySessionStore, SessionStore } from 'nestjs-refresh-auth/store';
import { wrapStore } from 'nestjs-refresh-auth/testing';
import { HOUR } from './support/aged-tokens.js';
import { adapters, startApp } from './support/apps.js';
import { type AuthApp, type AuthService, SECRET, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered, nothing } from './support/delivered.js';
import { decodePayload } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal, storeUnavailable } from './support/http-refusals.js';
import { watchOutFor } from './support/leak-watch.js';
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from './support/redis-server.js';

@Controller()
class WhoController {
  @Get('who')
  who(@TokenState() state: unknown): unknown {
    return { state };
  }
}

const who = ({ url }: { url: string }, token: string): Promise<HttpAnswer> => send(`${url}/who`, bearer(token));
const globalGuard = { provide: APP_GUARD, useExisting: RefreshAuthGuard };

/** Where an application keeps its settings. */
@Injectable()
class Config {
  readonly secret = SECRET;
  readonly issuer: string = 'config';
}

@Module({ providers: [Config], exports: [Config] })
class ConfigModule {}

@Injectable()
class OptionsFromConfig implements RefreshAuthOptionsFactory {
  constructor(@Inject(Config) private readonly config: Config) {}

  async create(): Promise<RefreshAuthOptions> {
    return { secret: this.config.secret, issuer: this.config.issuer };
  }
}

@Module({ imports: [ConfigModule], providers: [OptionsFromConfig], exports: [OptionsFromConfig] })
class OptionsModule {}

describe.each(adapters)('RefreshAuthModule on %s', (adapter) => {
  test.each<[name: string, module: () => DynamicModule]>([
    ['forRoot', () => RefreshAuthModule.forRoot({ secret: SECRET, issuer: 'config' })],
    ['forRoot, isGlobal', () => RefreshAuthModule.forRoot({ secret: SECRET, issuer: 'config', isGlobal: true })],
    ['forRoot, not isGlobal', () => RefreshAuthModule.forRoot({ secret: SECRET, issuer: 'config', isGlobal: false })],
    [
      'forRootAsync with useFactory',
      () => RefreshAuthModule.forRootAsync({ useFactory: () => ({ secret: SECRET, issuer: 'config' }) }),
    ],
    [
      'forRootAsync with useFactory, imports and inject',
      () =>
        RefreshAuthModule.forRootAsync({
          imports: [ConfigModule],
          inject: [Config],
          useFactory: async ({ secret, issuer }: Config) => ({ secret, issuer }),
        }),
    ],
    [
      'forRootAsync with useClass',
      () => RefreshAuthModule.forRootAsync({ imports: [ConfigModule], useClass: OptionsFromConfig }),
    ],
    [
      'forRootAsync with useExisting',
      () => RefreshAuthModule.forRootAsync({ imports: [OptionsModule], useExisting: OptionsFromConfig }),
    ],
    [
      'forRootAsync, not isGlobal',
      () =>
        RefreshAuthModule.forRootAsync({
          isGlobal: false,
          imports: [OptionsModule],
          useExisting: OptionsFromConfig,
        }),
    ],
  ])('%s', async (_, module) => {
    const app = await startApp(adapter, {
      imports: [module()],
      controllers: [WhoController],
      providers: [globalGuard],
    });
    const { token, claims } = await app.app.get<AuthService>(RefreshAuthService).issue({ sub: '1' });

    const answers = [await who(app, token), await send(`${app.url}/who`)];
    await app.close();

    expect(claims).toMatchObject({ sub: '1', iss: 'config' });
    expect([answers[0]?.status, answers[0]?.json()]).toEqual([200, { state: 'valid' }]);
    expect(answers.slice(1).map(refusal)).toEqual([dead('token_missing', 'config')]);
  });
});

describe('isGlobal', () => {
  @UseGuards(RefreshAuthGuard)
  @Controller()
  class FeatureController {
    constructor(readonly auth: RefreshAuthService) {}

    @Get()
    get(): void {}
  }

  @Module({ controllers: [FeatureController] })
  class FeatureModule {}

  const boot = async (...imports: DynamicModule['imports'] & object): Promise<void> => {
    const module = await Test.createTestingModule({ imports }).compile();
    await module.close();
  };

  test.each<[name: string, module: DynamicModule]>([
    ['forRoot', RefreshAuthModule.forRoot({ secret: SECRET })],
    ['forRootAsync', RefreshAuthModule.forRootAsync({ useFactory: () => ({ secret: SECRET }) })],
  ])('defaults to true: modules need not import %s', async (_, module) => {
    await expect(boot(module, FeatureModule)).resolves.toBeUndefined();
  });

  test.each<[name: string, module: DynamicModule]>([
    ['forRoot', RefreshAuthModule.forRoot({ secret: SECRET, isGlobal: false })],
    ['forRootAsync', RefreshAuthModule.forRootAsync({ isGlobal: false, useFactory: () => ({ secret: SECRET }) })],
  ])('false: only modules that import %s see it', async (_, module) => {
    await expect(boot(module, FeatureModule)).rejects.toThrow(/RefreshAuth(Service|Core|Guard)/);
    await expect(
      boot({ module: FeatureModule, imports: [module], controllers: [FeatureController] }),
    ).resolves.toBeUndefined();
  });
});

describe('wrong options stop the boot, with an error that names the option, what is wrong and what to write', () => {
  const secretRemedy =
    'Write a random secret of at least 32 bytes, such as the output of `openssl rand -base64 48`, and keep it out of the source.';

  const wrong: [options: object, option: string, says: string][] = [
    [{}, 'secret', `is missing. ${secretRemedy}`],
    [
      { secret: process.env['NOT_SET'] },
      'secret',
      'is undefined. The environment variable that it is read from is not set: add it to .env. If it is there and you wrote forRoot(), that ran before .env was read. Write RefreshAuthModule.forRootAsync({ inject: [ConfigService]',
    ],
    [{ secret: 'short' }, 'secret', `has 5 bytes, which is too short for HS256. ${secretRemedy}`],
    [{ secret: SECRET, keys: [] }, 'secret', 'is given beside `keys`. Keep one of them.'],
    [
      { secret: SECRET, expiresIn: '900' },
      'expiresIn',
      "is '900', a number without a unit. Write 900 as a number, or a string with a unit such as '900s'.",
    ],
    // [F74] The default is named as one.
    [
      { secret: SECRET, expiresIn: '7d' },
      'expiresIn',
      "is '7d' (604800 s), too long for refreshWindow, which is 604800 s by default. Users stay signed in for `refreshWindow`, so '15m' is usually right; otherwise give `refreshWindow` too.",
    ],
    [
      { secret: SECRET, sessionLifetime: '1d' },
      'sessionLifetime',
      'is 86400 s, too short for refreshWindow (604800 s by default). Write a longer one, or a shorter `refreshWindow`.',
    ],
    // [F75]
    [
      { secret: SECRET, storeTimeout: 5 },
      'storeTimeout',
      "is 5, a number without a unit. Write a string with a unit, such as '500ms' or '2s'.",
    ],
    [
      { secret: SECRET, reloadTimeout: 5 },
      'reloadTimeout',
      "is 5, a number without a unit. Write a string with a unit, such as '500ms' or '2s'.",
    ],
    [
      { secret: SECRET, reuseDetection: new Map() },
      'reuseDetection',
      "is not an object. Write false, or an object such as { grace: '30s', revokeAfter: '30m' }; {} takes the defaults.",
    ],
    [
      { secret: SECRET, clockTolerance: '10m' },
      'clockTolerance',
      'is 600 s. Write at most 300, and let the clocks be synchronized.',
    ],
    [
      { secret: SECRET, audience: /api/ },
      'audience',
      'is not a non-empty string. Write one string: patterns and lists are not supported.',
    ],
    [
      { secret: SECRET, redis: 'localhost:6379' },
      'redis',
      "is not a way to reach Redis. Write a URL such as 'redis://localhost:6379', options of ioredis, or a Redis or Cluster instance of ioredis. Leave it out to keep sessions in memory.",
    ],
    [
      { secret: SECRET, store: new InMemorySessionStore(), redis: 'redis://localhost' },
      'store',
      'is given beside `redis`. Keep one of them.',
    ],
    [{ secret: SECRET, store: {} }, 'store', 'has no method rotate. Implement the interface SessionStore.'],
    [
      { secret: SECRET, delivery: { header: false, cookie: false } },
      'delivery',
      'switches off both header and cookie. Leave one of them on: without either, no new token reaches the client.',
    ],
    [
      { secret: SECRET, delivery: { cookie: { maxAge: 60 } } },
      'delivery.cookie.maxAge',
      'is not known. Use only name, domain, path, partitioned, secure, httpOnly, sameSite, previous.',
    ],
    [{ secret: SECRET, expiresin: '15m' }, 'expiresin', 'is not known. Use only secret, keys, expiresIn, '],
  ];

  const ways: [name: string, module: (options: RefreshAuthOptions) => DynamicModule][] = [
    ['forRoot', (options) => RefreshAuthModule.forRoot(options)],
    ['forRootAsync', (options) => RefreshAuthModule.forRootAsync({ useFactory: async () => options })],
  ];

  describe.each(ways)('%s', (_, module) => {
    test.each(wrong)('%j', async (options, option, says) => {
      const error: unknown = await Test.createTestingModule({ imports: [module(options)] })
        .compile()
        .catch((reason: unknown) => reason);

      expect(error).toBeInstanceOf(RefreshAuthOptionsError);
      expect(error).toMatchObject({ option, message: expect.stringContaining(`option \`${option}\` ${says}`) });
    });
  });

  const NAMED = watchOutFor('4f1c9a7be3d05c6812fa7d21b6e8035f');
  const messageOf = async (module: () => DynamicModule | typeof RefreshAuthModule): Promise<string> => {
    try {
      await Test.createTestingModule({ imports: [module()] }).compile();
      return 'It boots';
    } catch (error) {
      return (error as Error).message;
    }
  };
  /** For the calls that only JavaScript allows. */
  const forRoot: (options: object) => DynamicModule = RefreshAuthModule.forRoot;
  const forRootAsync: (options: object) => DynamicModule = RefreshAuthModule.forRootAsync;

  test.each<[what: string, module: () => DynamicModule | typeof RefreshAuthModule, message: string]>([
    [
      'the class without forRoot',
      () => RefreshAuthModule,
      'RefreshAuthModule: the argument is missing. Write RefreshAuthModule.forRoot({ secret }) in the `imports` of the root module, not the class alone. Other modules need not import it: it is global.',
    ],
    [
      'a factory for forRoot',
      () => forRoot.call(RefreshAuthModule, { useFactory: () => ({ secret: SECRET }) }),
      'RefreshAuthModule: option `useFactory` was given to forRoot. Write RefreshAuthModule.forRootAsync({ useFactory }) instead.',
    ],
    [
      'the options for forRootAsync',
      () => forRootAsync.call(RefreshAuthModule, { secret: SECRET }),
      'RefreshAuthModule.forRootAsync: option `secret` is not known here. Return it from the factory: useFactory: () => ({ secret }).',
    ],
    [
      'an option beside the factory',
      () => forRootAsync.call(RefreshAuthModule, { useFactory: () => ({ secret: SECRET }), issuer: 'here' }),
      'RefreshAuthModule.forRootAsync: option `issuer` is not known here. Return it from the factory: useFactory: () => ({ issuer }).',
    ],
    [
      'nothing for forRootAsync',
      () => forRootAsync.call(RefreshAuthModule, {}),
      'RefreshAuthModule.forRootAsync: the argument names no source of the options. Write useFactory, useClass or useExisting.',
    ],
    [
      'a factory that returns nothing',
      () => forRootAsync.call(RefreshAuthModule, { useFactory: () => undefined }),
      'RefreshAuthModule: the argument is undefined. Return the options from the factory: { secret, … }.',
    ],
    [
      'a factory that returns isGlobal',
      () => forRootAsync.call(RefreshAuthModule, { useFactory: () => ({ secret: SECRET, isGlobal: false }) }),
      'RefreshAuthModule: option `isGlobal` was returned by the factory, which runs too late for it. Write it beside the factory: RefreshAuthModule.forRootAsync({ isGlobal, useFactory }).',
    ],
    [
      'a factory that returns the name',
      () => forRootAsync.call(RefreshAuthModule, { useFactory: () => ({ secret: SECRET, name: 'admin' }) }),
      'RefreshAuthModule: option `name` was returned by the factory, which runs too late for it. Write it beside the factory: RefreshAuthModule.forRootAsync({ name, useFactory }).',
    ],
    [
      'a secret as the name, which errors would show',
      () => RefreshAuthModule.forRoot({ name: NAMED, secret: NAMED }),
      "RefreshAuthModule: option `name` is not a name. Write at most 31 letters, digits, '-' and '_': errors and log lines show it.",
    ],
    [
      'a wrong option for a module with a name',
      () => RefreshAuthModule.forRoot({ name: 'admin', secret: 'short' }),
      `RefreshAuthModule 'admin': option \`secret\` has 5 bytes, which is too short for HS256. ${secretRemedy}`,
    ],
  ])('%s', async (_, module, message) => {
    expect(await messageOf(module)).toBe(message);
  });

  test('an error of an asynchronous factory stops the boot unchanged', async () => {
    const module = RefreshAuthModule.forRootAsync({ useFactory: () => Promise.reject(new Error('No settings')) });

    await expect(Test.createTestingModule({ imports: [module] }).compile()).rejects.toThrow('No settings');
  });
});

describe('stores', () => {
  let redis: RedisServer;
  let client: Redis;
  const apps: AuthApp[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await client.flushall();
  });

  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });

  async function start(options: RefreshAuthOptions, clock?: TestClock): Promise<AuthApp> {
    const app = await startAuthApp('express', { controllers: [WhoController], options, ...(clock && { clock }) });
    apps.push(app);
    return app;
  }

  async function expired(app: AuthApp): Promise<string> {
    const { token } = await app.auth.issue({ sub: '1' });
    app.clock.advance(HOUR);
    return token;
  }

  /** Refreshes once and hands over once: both need the store. */
  async function expectRotation(app: AuthApp): Promise<void> {
    const token = await expired(app);

    const answers = [await who(app, token), await who(app, token)];

    expect(answers.map((answer) => answer.json())).toEqual([{ state: 'refreshable' }, { state: 'already-refreshed' }]);
    expect(delivered(answers[0]!)).toEqual(delivered(answers[1]!));
  }

  /** How many connections the server has of that name. */
  async function connections(name: string): Promise<number> {
    const list = String(await client.call('CLIENT', 'LIST'));
    return list.split('\n').filter((line) => line.includes(` name=${name} `)).length;
  }

  /** The server notices an ended connection a moment later. */
  async function expectConnections(name: string, count: number): Promise<void> {
    while ((await connections(name)) > count);
    expect(await connections(name)).toBe(count);
  }

  test.each<[name: string, redis: () => RefreshAuthOptions['redis']]>([
    ['a URL', () => `${redis.url}?connectionName=own`],
    ['options of ioredis', () => ({ host: '127.0.0.1', port: redis.port, connectionName: 'own' })],
  ])(
    'with %s the library opens a connection and one that listens, and closes both with the application',
    async (_, option) => {
      const app = await start({ redis: option() });
      await expectRotation(app);
      expect(await connections('own')).toBe(2);

      await apps.pop()?.close();

      await expectConnections('own', 0);
    },
  );

  test("[F7] a second connection listens for revocations under 'every-request' too", async () => {
    const app = await start({ redis: `${redis.url}?connectionName=own`, revocation: 'every-request' });
    await expectRotation(app);

    await expectConnections('own', 2);
  });

  test('a client of the application is used, and stays open', async () => {
    const shared = new Redis(redis.url, { connectionName: 'shared' });
    const app = await start({ redis: shared });
    await expectRotation(app);
    expect(await connections('shared')).toBe(2);

    await apps.pop()?.close();

    await expectConnections('shared', 1);
    expect([shared.status, await shared.ping()]).toEqual(['ready', 'PONG']);
    shared.disconnect();
  });

  test('a client with a keyPrefix prefixes our keys, too', async () => {
    const shared = new Redis(redis.url, { keyPrefix: 'tenant:' });
    await expectRotation(await start({ redis: shared }));

    expect((await client.keys('*')).sort()).toEqual([
      'tenant:refresh-auth:keys',
      'tenant:refresh-auth:revocations',
      expect.stringMatching(/^tenant:refresh-auth:\{/),
    ]);
    shared.disconnect();
  });

  describe('a Cluster', () => {
    let servers: RedisCluster;
    let cluster: Cluster;

    beforeAll(async () => {
      servers = await startRedisCluster();
      cluster = new Cluster(servers.nodes);
    });

    afterAll(async () => {
      cluster.disconnect();
      await servers.stop();
    });

    test('is used for sessions on every master, and stays open', async () => {
      const app = await start({ redis: cluster });
      for (let sessions = 1; sessions <= 12; sessions += 1) await expectRotation(app);

      await apps.pop()?.close();

      const sizes = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()));
      // And the log of revocations, and the keys that were announced.
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12 + 2);
      expect(cluster.status).toBe('ready');
    });
  });

  describe('two applications on one Redis', () => {
    test('with different prefixes do not see each other, even with the same secret', async () => {
      const clock = new TestClock();
      const [one, other] = [
        await start({ redis: redis.url, keyPrefix: 'one' }, clock),
        await start({ redis: redis.url, keyPrefix: 'other' }, clock),
      ];
      const token = await expired(one);

      const answers = [await who(one, token), await who(other, token)];
      await one.auth.revokeSession(String(decodePayload(token)['sid']));
      answers.push(await who(other, token));

      expect(answers.map((answer) => answer.json())).toEqual([
        { state: 'refreshable' },
        { state: 'refreshable' },
        { state: 'already-refreshed' },
      ]);
      expect(refusal(await who(one, token))).toEqual(dead('session_revoked'));
      expect((await client.keys('*')).toString()).toMatch(/one:.*other:|other:.*one:/);
    });

    test('with different prefixes reject each other’s sealed tokens', async () => {
      const clock = new TestClock();
      const [one, other] = [
        await start({ redis: redis.url, keyPrefix: 'one' }, clock),
        await start({ redis: redis.url, keyPrefix: 'other' }, clock),
      ];
      const token = await expired(one);
      const { header: successor } = delivered(await who(one, token));
      const [key = ''] = await client.keys('one:{*');
      await client.copy(key, key.replace('one', 'other'));

      const answer = await who(other, token);

      expect(answer.json()).toEqual({ state: 'already-refreshed' });
      expect(delivered(answer).header).not.toBe(successor);
      expect(other.events.map(({ type }) => type)).toContain('sealed-token-rejected');
    });

    test('with the same prefix are one application', async () => {
      const clock = new TestClock();
      const [one, other] = [await start({ redis: redis.url }, clock), await start({ redis: redis.url }, clock)];
      const token = await expired(one);

      const answers = [await who(one, token), await who(other, token)];

      expect(answers.map((answer) => answer.json())).toEqual([
        { state: 'refreshable' },
        { state: 'already-refreshed' },
      ]);
      expect(delivered(answers[0]!)).toEqual(delivered(answers[1]!));
    });
  });

  test('a store of the application is used, can be injected, and is not closed by the library', async () => {
    const clock = new TestClock();
    const calls: string[] = [];
    const own = new InMemorySessionStore(clock);
    const store = wrapStore(own, {
      async rotate(request) {
        const answer = await own.rotate(request);
        calls.push(answer.outcome);
        return answer;
      },
      async revoke(...session) {
        calls.push('revoke');
        await own.revoke(...session);
      },
      async close() {
        calls.push('close');
        await own.close();
      },
    });
    const app = await start({ store }, clock);
    expect(app.app.get(SessionStore)).toBe(store);

    await expectRotation(app);
    await app.auth.revokeSession('x'.repeat(30));
    await apps.pop()?.close();

    expect(calls).toEqual(['rotated', 'handed-over', 'revoke']);
    await store.close();
  });

  test('if Redis cannot be reached at boot, the application boots, valid tokens are accepted, and expired ones get 503', async () => {
    const app = await start({ redis: 'redis://127.0.0.1:1', storeTimeout: '50ms' });
    const { token } = await app.auth.issue({ sub: '1' });

    const valid = await who(app, token);
    app.clock.advance(HOUR);
    const refresh = await who(app, token);

    expect([valid.status, valid.json()]).toEqual([200, { state: 'valid' }]);
    expect([refusal(refresh), delivered(refresh)]).toEqual([storeUnavailable, nothing]);
  });

  test('several modules in one process are independent of each other', async () => {
    const clock = new TestClock();
    const [one, other] = [await start({}, clock), await start({ issuer: 'other' }, clock)];
    const token = await expired(one);

    const answers = [await who(one, token), await who(other, token)];

    expect(answers[0]?.json()).toEqual({ state: 'refreshable' });
    expect(answers.slice(1).map(refusal)).toEqual([dead('token_invalid', 'other')]);
    expect(other.events.map(({ type }) => type)).toEqual(['token-rejected']);
  });
});
