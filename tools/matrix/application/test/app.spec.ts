// The same test under every runner, with the globals that Jest and Vitest have in common.
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { RefreshAuthGuard } from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import {
  assertTokenDelivered,
  deliveredToken,
  inMemory,
  mintToken,
  sessionStoreContract,
  signedInAs,
  TestClock,
} from 'nestjs-refresh-auth/testing';
import { createAdapter } from '../src/adapter.js';
import { AppModule } from '../src/app.module.js';

const clock = new TestClock();
const build = (): TestingModuleBuilder => inMemory(Test.createTestingModule({ imports: [AppModule] }), clock);

async function start(builder: TestingModuleBuilder) {
  const app = (await builder.compile()).createNestApplication(createAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const profile = (token?: string): Promise<Response> =>
    fetch(`${url}/profile`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  return { app, profile };
}

test('a token is refreshed, once, when its time has come', async () => {
  const { app, profile } = await start(build());
  const { token } = await mintToken(app, { sub: '1' });

  expect(deliveredToken(await profile(token))).toBeUndefined();
  clock.advance('15m');
  const next = assertTokenDelivered(await profile(token));
  expect(assertTokenDelivered(await profile(token))).toBe(next);
  clock.advance('7d');
  expect((await profile(token)).status).toBe(401);
  await app.close();
});

test.each(['valid', 'refreshable', 'already-refreshed'] as const)('a token can be %s', async (state) => {
  const { app, profile } = await start(build());
  const { token } = await mintToken(app, { sub: '1' }, { state });

  expect(await (await profile(token)).json()).toEqual({ sub: '1', state });
  await app.close();
});

test('the guard gives way to a user of the test', async () => {
  const { app, profile } = await start(
    build()
      .overrideProvider(RefreshAuthGuard)
      .useValue(signedInAs({ sub: '7' })),
  );

  expect(await (await profile()).json()).toEqual({ sub: '7', state: 'valid' });
  await app.close();
});

// Part of what Fastify's inject() uses is ESM only, which Jest cannot require on Node < 24.9.
if (process.env['ADAPTER'] === 'fastify' && process.env['VITEST']) {
  test('a response of inject carries the new token', async () => {
    const { app } = await start(build());
    const { token } = await mintToken(app, { sub: '1' }, { state: 'refreshable' });
    const inject = app.getHttpAdapter().getInstance().inject;

    const refreshed = await inject({ url: '/profile', headers: { authorization: `Bearer ${token}` } });
    const handedOver = await inject({ url: '/profile', headers: { cookie: `__Host-authorization=${token}` } });

    expect(assertTokenDelivered(refreshed)).not.toBe(token);
    expect(deliveredToken(handedOver)).toBe(deliveredToken(refreshed));
    await app.close();
  });
}

describe('the contract of stores', () => {
  const open = () => {
    const own = new TestClock();
    const pass = async (milliseconds: number): Promise<void> => own.advance(milliseconds);
    const store = new InMemorySessionStore(own);
    return { stores: [store] as const, clock: own, pass, close: () => store.close() };
  };
  // oxlint-disable-next-line jest/valid-title, jest/expect-expect -- the checks have names and assertions of their own
  for (const { name, check } of sessionStoreContract(open, { restores: false })) test(name, check);
});
