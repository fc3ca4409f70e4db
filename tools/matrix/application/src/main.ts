// Boots the application, and is its client: is refused without a token, signs in, refreshes, hands over and signs out; in memory, then on Redis.
import { deepStrictEqual } from 'node:assert';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { assertTokenDelivered, mintToken } from 'nestjs-refresh-auth/testing';
import { createAdapter } from './adapter.js';
import { AppModule } from './app.module.js';
import { checkExtension } from './extension.js';
import { HealthModule } from './health.module.js';
import { checkRequestScope } from './request-scope.js';

@Module({ imports: [AppModule, HealthModule] })
class RootModule {}

async function walk(): Promise<void> {
  const app = await NestFactory.create(RootModule, createAdapter(), { logger: ['error', 'warn'], abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const call = (method: string, path: string, token?: string): Promise<Response> =>
    fetch(url + path, { method, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });

  const anonymous = await call('GET', '/profile');
  deepStrictEqual([anonymous.status, ((await anonymous.json()) as { code: string }).code], [401, 'token_missing']);
  deepStrictEqual((await call('GET', '/health')).status, 200);

  const first = assertTokenDelivered(await call('POST', '/login'));
  deepStrictEqual(await (await call('GET', '/profile', first)).json(), { sub: '1', state: 'valid' });

  const { token: expired } = await mintToken(app, { sub: '1' }, { state: 'refreshable' });
  const refreshed = await call('GET', '/profile', expired);
  const next = assertTokenDelivered(refreshed);
  deepStrictEqual(await refreshed.json(), { sub: '1', state: 'refreshable' });

  const handedOver = await call('GET', '/profile', expired);
  deepStrictEqual(assertTokenDelivered(handedOver), next);
  deepStrictEqual(await handedOver.json(), { sub: '1', state: 'already-refreshed' });

  deepStrictEqual((await call('POST', '/logout', next)).status, 204);
  const refused = await call('GET', '/profile', next);
  deepStrictEqual([refused.status, ((await refused.json()) as { code: string }).code], [401, 'session_revoked']);
  await app.close();
}

async function main(): Promise<void> {
  const { REDIS_URL } = process.env;
  if (REDIS_URL === undefined) throw new Error('REDIS_URL is missing');
  delete process.env['REDIS_URL'];
  await checkRequestScope();
  await checkExtension();
  await walk();
  process.env['REDIS_URL'] = REDIS_URL;
  await walk();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
