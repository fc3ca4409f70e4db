// The health indicator for @nestjs/terminus.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Redis } from 'ioredis';
import { Public, RefreshAuthModule, RefreshAuthService, type TokenClaims } from 'nestjs-refresh-auth';
import { RefreshAuthHealthIndicator } from 'nestjs-refresh-auth/terminus';
import { HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, globalGuard, SECRET, startAuthApp } from './support/auth-app.js';
import { bearer } from './support/delivered.js';
import { send } from './support/http.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

const AdminHealthIndicator = RefreshAuthHealthIndicator.named('admin');

@Public()
@Controller()
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly customers: RefreshAuthHealthIndicator,
    @Inject(AdminHealthIndicator) private readonly admins: RefreshAuthHealthIndicator,
  ) {}

  @Get('health')
  @HealthCheck()
  check(): unknown {
    return this.health.check([() => this.customers.isHealthy('customers'), () => this.admins.isHealthy('admins')]);
  }
}

@Controller()
class MeController {
  constructor(readonly auth: RefreshAuthService<TokenClaims>) {}

  @Get('me')
  me(): void {}
}

describe.each(adapters)('The health indicator on %s', (adapter) => {
  let server: RedisServer;
  let redis: Redis;
  let app: AuthApp;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.port, { retryStrategy: () => 20 });
    redis.on('error', () => undefined);
    const admins = RefreshAuthModule.forRoot({
      name: 'admin',
      secret: `${SECRET} of admins`,
      delivery: { cookie: { name: 'admin' } },
    });
    app = await startAuthApp(adapter, {
      options: { redis: server.url, storeTimeout: '500ms', revocation: 'every-request' },
      imports: [TerminusModule, admins],
      controllers: [HealthController, MeController],
      providers: [globalGuard, RefreshAuthHealthIndicator, AdminHealthIndicator],
      configure: (starting) => starting.useLogger(false),
    });
  });

  afterAll(async () => {
    await app.close();
    redis.disconnect();
    await server.stop();
  });

  async function health(): Promise<unknown> {
    const { status, json } = await send(`${app.url}/health`);
    const { details } = json() as { details: object };
    return { status, ...details };
  }

  /** The status alone may change a moment later. */
  async function untilStatus(status: number): Promise<unknown> {
    for (;;) {
      const found = (await health()) as { status: number };
      if (found.status === status) return found;
      app.clock.advance(1000);
    }
  }

  const down = (reason: unknown) => ({
    status: 503,
    customers: { status: 'down', reason },
    admins: { status: 'up' },
  });
  const up = { status: 200, customers: { status: 'up' }, admins: { status: 'up' } };

  test('is up while the store answers', async () => {
    expect(await untilStatus(200)).toEqual(up);
  });

  test('is down while it hangs, and up again after that', async () => {
    server.pause();
    expect(await untilStatus(503)).toEqual(down('no answer within storeTimeout'));

    server.resume();
    expect(await untilStatus(200)).toEqual(up);
  });

  test('is down while it is full, although it answers reads', async () => {
    const { token } = await app.app.get(MeController).auth.issue({ sub: '1' });
    app.clock.advance(HOUR);
    await redis.config('SET', 'maxmemory', '1');

    let answer = await send(`${app.url}/me`, bearer(token));
    expect(answer.status).toBe(503);
    expect(await health()).toEqual(down(expect.stringContaining('OOM')));

    await redis.config('SET', 'maxmemory', '0');
    app.clock.advance(10_000);
    answer = await send(`${app.url}/me`, bearer(token));
    expect(answer.status).toBe(200);
    expect(await health()).toEqual(up);
  });

  test('is down while it cannot be reached', async () => {
    await server.kill();
    expect(await untilStatus(503)).toEqual(down(expect.any(String)));

    await server.restart();
    expect(await untilStatus(200)).toEqual(up);
  });
});
