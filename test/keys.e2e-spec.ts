// Keys of every kind, and wrong ones, in a real application.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { Controller, Get } from '@nestjs/common';
import { CurrentUser, type KeyOptions, TokenState } from 'nestjs-refresh-auth';
import { DAY, HOUR } from './support/aged-tokens.js';
import { adapters } from './support/apps.js';
import { type AuthApp, SECRET, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered } from './support/delivered.js';
import { decodePayload, respell } from './support/hostile-tokens.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

@Controller()
class WhoController {
  @Get('who')
  who(@CurrentUser('gen') gen: unknown, @TokenState() state: unknown): unknown {
    return { gen, state };
  }
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = { type: 'pkcs8', format: 'pem' } as const;

const hs256: KeyOptions = { kid: 'hs', algorithm: 'HS256', secret: SECRET };
const rs256: KeyOptions = { kid: 'rs', algorithm: 'RS256', privateKey: rsa.privateKey.export(pem).toString() };
const ps512: KeyOptions = { kid: 'ps', algorithm: 'PS512', privateKey: rsa.privateKey };
const es256: KeyOptions = { kid: 'es', algorithm: 'ES256', privateKey: Buffer.from(ec.privateKey.export(pem)) };

function headerOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
}

describe.each(adapters)('keys on %s', (adapter) => {
  let redis: RedisServer;
  const apps: AuthApp[] = [];
  const clock = new TestClock();

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  afterAll(() => redis.stop());

  /** One more process of the same deployment. */
  async function start(keys: { keys: KeyOptions[] } | { secret: string }): Promise<AuthApp> {
    const app = await startAuthApp(adapter, {
      controllers: [WhoController],
      clock,
      options: { redis: redis.url, ...keys },
    });
    apps.push(app);
    return app;
  }

  const who = ({ url }: AuthApp, token: string): Promise<HttpAnswer> => send(`${url}/who`, bearer(token));
  const summary = (answer: HttpAnswer): unknown => [answer.status, answer.json()];

  test.each([
    ['HS256', hs256],
    ['RS256', rs256],
    ['PS512', ps512],
    ['ES256', es256],
  ])('[R1] %s: two processes at once give the identical successor, although signing twice may not', async (_, key) => {
    const [one, other] = [await start({ keys: [key] }), await start({ keys: [key] })];
    const { token } = await one.auth.issue({ sub: '1' });
    clock.advance(HOUR);

    const answers = await Promise.all([one, other, one, other].map((app) => who(app, token)));

    const tokens = answers.map((answer) => delivered(answer).header);
    expect(new Set(tokens).size).toBe(1);
    expect(headerOf(String(tokens[0]))).toEqual({ alg: key.algorithm, typ: 'JWT', kid: key.kid });
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(answers.filter(({ body }) => body.includes('"refreshable"'))).toHaveLength(1);
    expect(summary(await who(other, String(tokens[0])))).toEqual([200, { gen: 1, state: 'valid' }]);
  });

  test.each([
    ['RS256', rs256],
    ['ES256', es256],
  ])('[V10] %s: another spelling of an expired token gets the same successor, or none', async (_, key) => {
    const app = await start({ keys: [key] });
    const { token } = await app.auth.issue({ sub: '1' });
    clock.advance(HOUR);
    const { header: successor } = delivered(await who(app, token));

    const answers = await Promise.all(respell(token).map((other) => who(app, other)));

    expect(answers).toHaveLength(15);
    expect(answers.map((answer) => delivered(answer).header ?? successor)).toEqual(answers.map(() => successor));
    expect(answers.filter(({ body }) => body.includes('"refreshable"'))).toEqual([]);
  });

  test('[K3] tokens of the old key stay valid and are refreshed by the new one, until the old one is removed', async () => {
    const before = await start({ keys: [rs256] });
    const { token } = await before.auth.issue({ sub: '1' });
    const during = await start({ keys: [es256, rs256] });

    expect(summary(await who(during, token))).toEqual([200, { gen: 0, state: 'valid' }]);

    clock.advance(HOUR);
    const refresh = await who(during, token);
    const { header: successor = '' } = delivered(refresh);
    expect(summary(refresh)).toEqual([200, { gen: 1, state: 'refreshable' }]);
    expect(headerOf(successor)).toEqual({ alg: 'ES256', typ: 'JWT', kid: 'es' });

    const after = await start({ keys: [es256] });
    expect(summary(await who(after, successor))).toEqual([200, { gen: 1, state: 'valid' }]);
    expect(refusal(await who(after, token))).toEqual(dead('token_invalid'));
  });

  test('[K3] a successor that was sealed by the old key is handed over by a process that signs with the new one', async () => {
    const [before, during] = [await start({ keys: [hs256] }), await start({ keys: [ps512, hs256] })];
    const { token } = await before.auth.issue({ sub: '1' });
    clock.advance(HOUR);
    const { header: successor } = delivered(await who(before, token));

    const answer = await who(during, token);

    expect(summary(answer)).toEqual([200, { gen: 1, state: 'already-refreshed' }]);
    expect(delivered(answer).header).toBe(successor);
  });

  test('[K3] a single secret becomes the one key without a kid', async () => {
    const [before, during] = [
      await start({ secret: SECRET }),
      await start({ keys: [es256, { algorithm: 'HS256', secret: SECRET }] }),
    ];
    const { token } = await before.auth.issue({ sub: '1' });
    clock.advance(HOUR);

    const { header: successor = '' } = delivered(await who(during, token));

    expect(headerOf(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(headerOf(successor)).toEqual({ alg: 'ES256', typ: 'JWT', kid: 'es' });
    expect(decodePayload(successor)).toMatchObject({ sid: decodePayload(token)['sid'], gen: 1 });
  });

  test('tokens of a key that only verifies are accepted, and their successors are signed by the first key', async () => {
    const signing = await start({ keys: [rs256] });
    const verifying = await start({ keys: [hs256, { kid: 'rs', algorithm: 'RS256', publicKey: rsa.publicKey }] });
    const { token } = await signing.auth.issue({ sub: '1' });

    expect(summary(await who(verifying, token))).toEqual([200, { gen: 0, state: 'valid' }]);
    clock.advance(HOUR);
    expect(headerOf(String(delivered(await who(verifying, token)).header))).toMatchObject({ kid: 'hs' });
  });

  test('a token of a removed key is dead at once', async () => {
    const [removed, current] = [await start({ keys: [ps512] }), await start({ keys: [rs256] })];
    const { token } = await removed.auth.issue({ sub: '1' });

    const valid = await who(current, token);
    clock.advance(DAY);

    expect([valid, await who(current, token)].map(refusal)).toEqual([dead('token_invalid'), dead('token_invalid')]);
  });
});
