// Which header lines carry a token, and which of several tokens counts.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { Controller, Get } from '@nestjs/common';
import { Redis } from 'ioredis';
import { CurrentUser } from 'nestjs-refresh-auth';
import { HOUR, MINUTE } from './support/aged-tokens.js';
import { RefreshAuthCore } from '../libs/refresh-auth/src/refresh-auth.core.js';
import { adapters } from './support/apps.js';
import { type AuthApp, SECRET, startAuthApp } from './support/auth-app.js';
import { bearer, delivered, nothing } from './support/delivered.js';
import { decodePayload, encodeSegment, flipBit, respell, signRaw } from './support/hostile-tokens.js';
import { type HttpAnswer, rawRequest, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';
import { type RedisServer, startRedis } from './support/redis-server.js';
import { type RedisWatch, watchRedis } from './support/redis-watch.js';

@Controller()
class WhoController {
  @Get('who')
  who(@CurrentUser('sub') sub: unknown): unknown {
    return { sub };
  }
}

/** `T` and `U` stand for good tokens of two sessions, of the users t and u. */
type Lines = string | string[];

/** Not signed by us, but with the shape of a token. */
const forged = (count: number): string =>
  Array.from({ length: count }, (_, index) => `; __Host-authorization=for.ged.${index}`).join('');

const accepted: [lines: { authorization?: Lines; cookie?: Lines }, user: 't' | 'u'][] = [
  [{ authorization: 'Bearer T' }, 't'],
  [{ authorization: 'bearer T' }, 't'],
  [{ authorization: 'BEARER T' }, 't'],
  [{ authorization: 'bEaReR T' }, 't'],
  [{ authorization: 'Bearer    T' }, 't'],
  // White space around a value is no part of it (RFC 9110 section 5.5).
  [{ authorization: ' Bearer T ' }, 't'],
  [{ cookie: '__Host-authorization=T' }, 't'],
  [{ cookie: 'a=b; __Host-authorization=T;c=d' }, 't'],
  [{ cookie: 'other=U; __Host-authorization=T' }, 't'],
  [{ cookie: '__Host-authorization=T; __Host-authorization=T' }, 't'],
  [{ cookie: ['__Host-authorization=T', '__Host-authorization=T'] }, 't'],
  [{ cookie: '__Host-authorization=; __Host-authorization=T' }, 't'],
  [{ authorization: 'Bearer T', cookie: '__Host-authorization=U' }, 't'],
  [{ authorization: 'Bearer T', cookie: '__Host-authorization=no.token.atall' }, 't'],
  [{ authorization: 'Bearer T', cookie: '__Host-authorization=T; __Host-authorization=U' }, 't'],
  [{ authorization: 'Basic dDp1', cookie: '__Host-authorization=U' }, 'u'],
  [{ authorization: 'Bearerish T', cookie: '__Host-authorization=U' }, 'u'],
  [{ authorization: '', cookie: '__Host-authorization=U' }, 'u'],
  [{ cookie: ' \t__Host-authorization=T\t ; a=b' }, 't'],
  [{ cookie: '__Host-authorization=T; __Host-authorization=x' }, 't'],
  [{ cookie: '__Host-authorization=x; __Host-authorization=T' }, 't'],
  [{ cookie: ['__Host-authorization=x', '__Host-authorization=T', '__Host-authorization="U"'] }, 't'],
  [{ cookie: `a=b${forged(7)}; __Host-authorization=T` }, 't'],
  [{ cookie: `__Host-authorization=T${forged(7)}` }, 't'],
  [{ authorization: 'Bearer T', cookie: `a=b${forged(9)}` }, 't'],
];

/** Of several live sessions, the store may know that some have ended: it is asked about tokens that are signed by us. */
const hasTwoSessions = (cookie: Lines | undefined): boolean =>
  [cookie ?? []]
    .flat()
    .join('; ')
    .match(/__Host-authorization=[TU](?=;|$)/g)?.length === 2;

const refused: [lines: { authorization?: Lines; cookie?: Lines }, code: 'token_missing' | 'token_malformed'][] = [
  [{}, 'token_missing'],
  [{ authorization: '' }, 'token_missing'],
  [{ authorization: 'Basic dDp1' }, 'token_missing'],
  [{ authorization: 'Digest T' }, 'token_missing'],
  [{ authorization: 'T' }, 'token_missing'],
  [{ authorization: 'BearerT' }, 'token_missing'],
  [{ authorization: 'Bearerish T' }, 'token_missing'],
  [{ cookie: '__Host-authorization' }, 'token_missing'],
  [{ cookie: '__Host-authorization=' }, 'token_missing'],
  [{ cookie: '__host-authorization=T' }, 'token_missing'],
  [{ cookie: 'x__Host-authorization=T' }, 'token_missing'],
  [{ cookie: 'other=T' }, 'token_missing'],
  [{ authorization: 'Bearer' }, 'token_malformed'],
  [{ authorization: 'Bearer   ' }, 'token_malformed'],
  [{ authorization: 'Bearer', cookie: '__Host-authorization=T' }, 'token_malformed'],
  [{ authorization: 'Bearer no.token.atall', cookie: '__Host-authorization=T' }, 'token_malformed'],
  [{ authorization: 'Bearer T T' }, 'token_malformed'],
  [{ authorization: 'Bearer T U' }, 'token_malformed'],
  [{ authorization: 'Bearer T,U' }, 'token_malformed'],
  [{ authorization: 'Bearer T, Bearer U' }, 'token_malformed'],
  [{ authorization: 'Bearer Bearer T' }, 'token_malformed'],
  [{ authorization: 'Bearer\tT' }, 'token_malformed'],
  [{ authorization: 'Bearer \tT' }, 'token_malformed'],
  [{ authorization: 'Bearer T\tx' }, 'token_malformed'],
  [{ authorization: 'Bearer "T"' }, 'token_malformed'],
  [{ authorization: 'Bearer T=' }, 'token_malformed'],
  [{ authorization: 'Bearer T\u00e9' }, 'token_malformed'],
  [{ authorization: 'Bearer\u00a0T' }, 'token_malformed'],
  [{ authorization: ['Bearer T', 'Bearer U'] }, 'token_malformed'],
  [{ authorization: ['Bearer U', 'Bearer T'] }, 'token_malformed'],
  [{ authorization: ['Bearer T', 'Bearer T'] }, 'token_malformed'],
  [{ authorization: ['Bearer T', 'Basic dDp1'] }, 'token_malformed'],
  [{ authorization: ['Basic dDp1', 'Bearer T'] }, 'token_malformed'],
  [{ cookie: '__Host-authorization=T; __Host-authorization=U' }, 'token_malformed'],
  [{ cookie: '__Host-authorization=U; __Host-authorization=T' }, 'token_malformed'],
  [{ cookie: ['__Host-authorization=T', '__Host-authorization=U'] }, 'token_malformed'],
  [{ cookie: '__Host-authorization="T"' }, 'token_malformed'],
  [{ cookie: '__Host-authorization=T=' }, 'token_malformed'],
  [{ cookie: '__Host-authorization=Bearer T' }, 'token_malformed'],
  [{ cookie: `a=b${forged(8)}; __Host-authorization=T` }, 'token_malformed'],
  [{ cookie: `__Host-authorization=T${forged(8)}` }, 'token_malformed'],
  [{ cookie: '__Host-authorization=x; __Host-authorization=y' }, 'token_malformed'],
  [{ cookie: '\u00a0__Host-authorization=T' }, 'token_missing'],
  [{ cookie: 'a=b;\u00a0__Host-authorization=T' }, 'token_missing'],
  [{ cookie: '\u0085__Host-authorization=T' }, 'token_missing'],
  [{ cookie: '\u00ef\u00bb\u00bf__Host-authorization=T' }, 'token_missing'],
  [{ cookie: 'authorization=T' }, 'token_missing'],
];

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const json = { alg: 'HS256', typ: 'JWT' };

/** With a good signature, whatever is in it. */
function signed(payload: string | object, header: string | object = json): string {
  return signRaw({ header, payload, algorithm: 'HS256', secret: SECRET });
}

/** From a good token and its claims, what must not pass. */
const malformed: [name: string, make: (token: string, claims: Record<string, unknown>) => string][] = [
  ['one dot', (token) => token.slice(0, token.lastIndexOf('.'))],
  ['no dot', () => 'token'],
  ['five parts, as an encrypted one has', (token) => `${token}.${token.split('.').slice(1).join('.')}`],
  ['nothing but dots', () => '.'.repeat(8000)],
  ['no header', (token) => token.slice(token.indexOf('.'))],
  ['no signature', (token) => token.slice(0, token.lastIndexOf('.') + 1)],
  ['one byte more than is read', (token) => token.padEnd(8193, 'A')],
  ['JSON serialization', (token) => JSON.stringify({ payload: token.split('.')[1] })],
  ['the other base64 alphabet', (token) => `${token}+/`],
  ['a header that is no JSON', (token) => `${encodeSegment('{"alg":')}${token.slice(token.indexOf('.'))}`],
  ['a header that is an array', (_, claims) => signed(claims, '["HS256"]')],
  ['a header that is null', (_, claims) => signed(claims, 'null')],
  ['a payload that is no JSON', () => signed('{"sub":')],
  ['a payload that is no JSON, and a bad signature', () => flipBit(signed('{"sub":'))],
  ['a payload that is null', () => signed('null')],
  ['a payload that is a string', () => signed('"sub"')],
  ['a payload that is a number', () => signed('1')],
  ['a payload that is an array', () => signed('[{"sub":"t"}]')],
  ['an unknown critical extension', (_, claims) => signed(claims, { ...json, crit: ['exp'], exp: 1 })],
  ['an empty list of critical extensions', (_, claims) => signed(claims, { ...json, crit: [] })],
  ['an unencoded payload', (_, claims) => signed(claims, { ...json, b64: false })],
  ['a compressed payload', (_, claims) => signed(claims, { ...json, zip: 'DEF' })],
];

const invalid: [name: string, make: (token: string, claims: Record<string, unknown>) => string][] = [
  ['one flipped bit', (token) => flipBit(token)],
  ['another spelling of its signature', (token) => respell(token)[0] ?? ''],
  ['the secret of somebody else', (_, payload) => signRaw({ header: json, payload, algorithm: 'HS256', secret: 'x' })],
  ['the algorithm none', (_, claims) => signed(claims, { alg: 'none', typ: 'JWT' })],
  ['the algorithm nOnE', (_, claims) => signed(claims, { alg: 'nOnE', typ: 'JWT' })],
  ['no algorithm', (_, claims) => signed(claims, { typ: 'JWT' })],
  ['HS384', (_, payload) => signRaw({ header: { alg: 'HS384' }, payload, algorithm: 'HS384', secret: SECRET })],
  [
    'RS256',
    (_, payload) => signRaw({ header: { alg: 'RS256' }, payload, algorithm: 'RS256', privateKey: rsa.privateKey }),
  ],
  ['an unknown kid', (_, claims) => signed(claims, { ...json, kid: 'another' })],
  ['a kid that every object has', (_, claims) => signed(claims, { ...json, kid: '__proto__' })],
  ['a kid that is a path', (_, claims) => signed(claims, { ...json, kid: '../../dev/null' })],
  ['a kid that is a list', (_, claims) => signed(claims, { ...json, kid: [] })],
  ['a key of its own', (_, claims) => signed(claims, { ...json, kid: 'x', jku: 'http://127.0.0.1:1/' })],
  ['another type', (_, claims) => signed(claims, { ...json, typ: 'dpop+jwt' })],
  ['a nested token', (_, claims) => signed(claims, { ...json, cty: 'JWT' })],
  ['a claim __proto__', (_, claims) => signed(JSON.stringify(claims).replace('{', '{"__proto__":{"sub":"x"},'))],
  ['a claim constructor', (_, claims) => signed({ ...claims, constructor: 1 })],
  ['iat in the future', (_, claims) => signed({ ...claims, iat: Number(claims['iat']) + 2 * 3600 })],
  ['nbf in the future', (_, claims) => signed({ ...claims, nbf: Number(claims['iat']) + 2 * 3600 })],
  ['nbf that is text', (_, claims) => signed({ ...claims, nbf: 'now' })],
  ['refresh_exp before exp', (_, claims) => signed({ ...claims, refresh_exp: Number(claims['exp']) - 1 })],
  ...['sub', 'sid', 'gen', 'jti', 'auth_time', 'iat', 'exp', 'refresh_exp'].flatMap((name): typeof invalid => [
    [`no ${name}`, (_, claims) => signed({ ...claims, [name]: undefined })],
    [`${name} null`, (_, claims) => signed({ ...claims, [name]: null })],
    [`${name} a list`, (_, claims) => signed({ ...claims, [name]: [claims[name]] })],
  ]),
  ...['exp', 'refresh_exp', 'iat', 'auth_time', 'gen'].flatMap((name): typeof invalid => [
    [`${name} text`, (_, claims) => signed({ ...claims, [name]: String(claims[name]) })],
    [`${name} negative`, (_, claims) => signed({ ...claims, [name]: -1 })],
    [`${name} fractional`, (_, claims) => signed({ ...claims, [name]: Number(claims[name]) + 0.5 })],
    [`${name} in milliseconds`, (_, claims) => signed({ ...claims, [name]: 1.7e12 })],
    [
      `${name} infinite`,
      (_, claims) => signed(JSON.stringify({ ...claims, [name]: '1e999' }).replace('"1e999"', '1e999')),
    ],
  ]),
];

describe.each(adapters)('credentials on %s', (adapter) => {
  let redis: RedisServer;
  let client: Redis;
  let watch: RedisWatch;
  let app: AuthApp;
  let tokens: { T: string; U: string };

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    watch = await watchRedis(client);
    app = await startAuthApp(adapter, { controllers: [WhoController], options: { redis: redis.url } });
  });

  afterAll(async () => {
    await app.close();
    watch.stop();
    client.disconnect();
    await redis.stop();
  });

  beforeEach(async () => {
    const [t, u] = await Promise.all(['t', 'u'].map((sub) => app.auth.issue({ sub })));
    tokens = { T: String(t?.token), U: String(u?.token) };
  });

  function fill(line: string): string {
    return line.replaceAll(/\b[TU]\b/g, (letter) => tokens[letter as 'T' | 'U']);
  }

  function who({ authorization, cookie }: { authorization?: Lines; cookie?: Lines }): Promise<HttpAnswer> {
    const fillAll = (lines: Lines = []): string[] => [lines].flat().map(fill);
    // Node's type for Authorization knows one line only.
    const headers: Record<string, string[]> = { authorization: fillAll(authorization), cookie: fillAll(cookie) };
    return send(`${app.url}/who`, { headers });
  }

  test.each(accepted)('[V1] [V2] [F21] %j is a token of %s', async (lines, sub) => {
    const answer = await who(lines);

    expect([answer.status, answer.json()]).toEqual([200, { sub }]);
  });

  test.each(refused)('[V1] [V2] [D1] [F4] %j is %s', async (lines, code) => {
    expect(refusal(await who(lines))).toEqual(dead(code));
  });

  test.each([
    ['a NUL', 'Authorization: Bearer a\0b'],
    ['a header in two lines', 'Authorization: Bearer\r\n T'],
  ])('[V1] %s is rejected before it reaches the guard', async (_, line) => {
    const answer = await rawRequest(
      app.port,
      `GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fill(line)}\r\n\r\n`,
    );

    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  const claimsOf = (token: string): Record<string, unknown> => decodePayload(token);

  test.each(malformed)('[V12] [M1] a token with %s is malformed', async (_, make) => {
    expect(refusal(await send(`${app.url}/who`, bearer(make(tokens.T, claimsOf(tokens.T)))))).toEqual(
      dead('token_malformed'),
    );
  });

  test.each(invalid)('[V12] [D2] a token with %s is invalid', async (_, make) => {
    expect(refusal(await send(`${app.url}/who`, bearer(make(tokens.T, claimsOf(tokens.T)))))).toEqual(
      dead('token_invalid'),
    );
  });

  test('[M1] a token is read up to 8192 bytes, and refreshed', async () => {
    // An `issue` leaves room for the generations to come.
    const { signer } = app.app.get(RefreshAuthCore);
    const sized = (padding: number): string =>
      signer.first({ sub: 't', padding: 'x'.repeat(padding) } as { sub: string }, 0).token;
    const token = sized(Math.floor((8192 - sized(0).length) * 0.75));
    app.clock.advance(HOUR);

    const answer = await send(`${app.url}/who`, bearer(token));

    expect(8192 - token.length).toBeLessThan(4);
    expect([answer.status, answer.json()]).toEqual([200, { sub: 't' }]);
  });

  test('[V16] a token that we did not sign causes no command to Redis', async () => {
    app.clock.advance(20 * MINUTE);
    const answers: HttpAnswer[] = [];

    const commands = await watch.sessionCommandsDuring(async () => {
      for (const [, make] of [...malformed, ...invalid]) {
        answers.push(await send(`${app.url}/who`, bearer(make(tokens.T, claimsOf(tokens.T)))));
      }
      for (const [lines] of refused.filter(([{ cookie }]) => !hasTwoSessions(cookie))) answers.push(await who(lines));
    });

    expect(answers.filter(({ status }) => status !== 401)).toEqual([]);
    expect(answers.map(delivered)).toEqual(answers.map(() => nothing));
    expect(commands).toEqual([]);
  });

  test('an expired token that we signed causes one', async () => {
    app.clock.advance(20 * MINUTE);

    expect(await watch.sessionCommandsDuring(() => send(`${app.url}/who`, bearer(tokens.T)))).toContain('set');
  });
});

describe.each(adapters)('issuer and audience on %s', (adapter) => {
  let app: AuthApp;
  const parties = { issuer: 'https://issuer.example', audience: 'api' };

  beforeAll(async () => {
    app = await startAuthApp(adapter, { controllers: [WhoController], options: parties });
  });

  afterAll(() => app.close());

  test.each([
    ['another issuer', { iss: 'https://other.example' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'other' }],
    ['no audience', { aud: undefined }],
    ['an audience that only begins alike', { aud: 'api.attacker' }],
  ])('[V15] a token of %s is invalid, valid or expired', async (_, change) => {
    const { token } = await app.auth.issue({ sub: 't' });
    const foreign = signed({ ...decodePayload(token), ...change });

    const fresh = await send(`${app.url}/who`, bearer(foreign));
    app.clock.advance(HOUR);
    const answers = [
      fresh,
      await send(`${app.url}/who`, bearer(foreign)),
      await send(`${app.url}/who`, bearer(foreign)),
    ];

    expect(answers.map(refusal)).toEqual(answers.map(() => dead('token_invalid', parties.issuer)));
  });

  test('are signed into a successor, too', async () => {
    const { token } = await app.auth.issue({ sub: 't' });
    app.clock.advance(HOUR);

    const { header: successor = '' } = delivered(await send(`${app.url}/who`, bearer(token)));

    expect(decodePayload(successor)).toMatchObject({ iss: parties.issuer, aud: parties.audience, gen: 1 });
  });

  test('give the realm in a 401', async () => {
    expect(refusal(await send(`${app.url}/who`))).toEqual(dead('token_missing', parties.issuer));
  });
});
