// The lines that the library writes to NestJS's log while the application runs.
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { type RefreshAuthEvent, RefreshAuthModule, type RefreshAuthOptions } from 'nestjs-refresh-auth';
import { HOUR } from './support/aged-tokens.js';
import { startApp } from './support/apps.js';
import { type AuthApp, globalGuard, SECRET, startAuthApp } from './support/auth-app.js';
import { bearer, delivered } from './support/delivered.js';
import { flipBit } from './support/hostile-tokens.js';
import { send } from './support/http.js';
import { watchOutFor } from './support/leak-watch.js';
import { startRedis } from './support/redis-server.js';

const ADMIN_SECRET = watchOutFor('bvTn4oYxQ0m1ZpWd8KcEr5HsUaJg2LfI');

@Controller()
class MeController {
  @Get()
  me(): void {}
}

const apps: AuthApp[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

async function start(options: RefreshAuthOptions = {}): Promise<AuthApp> {
  const app = await startAuthApp('express', { controllers: [MeController], options });
  apps.push(app);
  return app;
}

const linesAt = (level: string, { logs }: Pick<AuthApp, 'logs'>): string[] =>
  logs.filter((line) => line.startsWith(`${level} `) && line.includes('RefreshAuthModule'));

test('a rejected token is logged at level debug, with code and reason, never with the token', async () => {
  const app = await start();
  const { token: first } = await app.auth.issue({ sub: '1' });
  await send(app.url, bearer(flipBit(first)));
  app.clock.advance(HOUR);
  const token = delivered(await send(app.url, bearer(first))).header ?? '';
  app.clock.advance(8 * 24 * HOUR);
  await send(app.url, bearer(token));

  const rejected = app.events.find((event): event is RefreshAuthEvent & { session: string } => 'session' in event);
  expect(linesAt('debug', app)).toEqual([
    expect.stringMatching(/^debug Rejected: token_invalid \(.+\) RefreshAuthModule$/),
    `debug Rejected: token_expired, session ${rejected?.session}, generation 1 RefreshAuthModule`,
  ]);
  expect(linesAt('warn', app)).toEqual([]);
});

test('two modules of one application are told apart', async () => {
  const down = { redis: 'redis://127.0.0.1:1' };
  const app = await startApp('express', {
    imports: [
      RefreshAuthModule.forRoot({ ...down, secret: SECRET }),
      RefreshAuthModule.forRoot({
        ...down,
        name: 'admin',
        secret: ADMIN_SECRET,
        delivery: { cookie: { name: '__Host-admin' } },
      }),
    ],
    providers: [globalGuard],
  });
  await app.close();

  const reason =
    'warn The session store failed: no connection to Redis at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1';
  expect(linesAt('warn', app)).toEqual(
    expect.arrayContaining([`${reason} RefreshAuthModule`, `${reason} RefreshAuthModule 'admin'`]),
  );
});

describe('[F82] without app.enableShutdownHooks()', () => {
  const mode = process.env['NODE_ENV'];
  afterEach(() => {
    process.env['NODE_ENV'] = mode;
    jest.restoreAllMocks();
  });

  /** Returns the warnings of an application in production, before and after two refreshes. */
  async function warnings(options: RefreshAuthOptions, signals: number): Promise<string[][]> {
    const redis = await startRedis();
    try {
      process.env['NODE_ENV'] = 'production';
      // The test runner listens on this process too.
      jest.spyOn(process, 'listenerCount').mockReturnValue(signals);
      const app = await start({ redis: redis.url, clockTolerance: 300, delivery: { cookie: false }, ...options });
      const before = linesAt('warn', app);
      const { token } = await app.auth.issue({ sub: '1' });
      const { token: other } = await app.auth.issue({ sub: '2' });
      app.clock.advance(HOUR);
      await send(app.url, bearer(token));
      await send(app.url, bearer(other));
      await apps.pop()?.close();
      return [before, linesAt('warn', app)].map((lines) => lines.filter((line) => line.includes('SIGTERM')));
    } finally {
      await redis.stop();
    }
  }

  test('production is warned once, as soon as there are writes to lose', async () => {
    expect(await warnings({ reuseDetection: {} }, 0)).toEqual([
      [],
      [expect.stringContaining('This process handles neither SIGTERM nor SIGINT')],
    ]);
  });

  test('nobody is warned where signals are handled, or nothing is queued', async () => {
    expect(await warnings({ reuseDetection: {} }, 1)).toEqual([[], []]);
    expect(await warnings({}, 0)).toEqual([[], []]);
    expect(await warnings({ reuseDetection: {}, redis: undefined }, 0)).toEqual([[], []]);
  });
});
