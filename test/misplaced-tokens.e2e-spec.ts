// Tokens in a place where none may be, such as query and body.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { All, Controller, Req } from '@nestjs/common';
import { getCurrentUser, type HttpRequest } from 'nestjs-refresh-auth';
import { adapters } from './support/apps.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { delivered, nothing } from './support/delivered.js';
import { type RequestOptions, send } from './support/http.js';
import { dead, refusal } from './support/http-refusals.js';

const HOUR = 3_600_000;

@Controller()
class WhoController {
  @All('who')
  who(@Req() request: HttpRequest): object {
    return { sub: getCurrentUser(request)?.sub };
  }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };

const misplaced: [name: string, request: (token: string) => RequestOptions][] = [
  ['the query', (token) => ({ path: `/who?access_token=${token}&authorization=${token}&token=${token}` })],
  ['the fragment of the path', (token) => ({ path: `/who#${token}` })],
  ['a JSON body', (token) => ({ method: 'POST', body: { access_token: token, authorization: `Bearer ${token}` } })],
  ['a form', (token) => ({ method: 'POST', headers: form, body: `access_token=${token}&authorization=${token}` })],
  ['another header', (token) => ({ headers: { 'x-authorization': `Bearer ${token}`, 'x-access-token': token } })],
  ['the header of proxies', (token) => ({ headers: { 'proxy-authorization': `Bearer ${token}` } })],
  ['another cookie', (token) => ({ headers: { cookie: `access_token=${token}; Authorization=${token}` } })],
  ['another scheme', (token) => ({ headers: { authorization: `Basic ${token}` } })],
];

describe.each(adapters)('on %s', (adapter) => {
  let app: AuthApp;
  let token: string;

  beforeAll(async () => {
    app = await startAuthApp(adapter, {
      controllers: [WhoController],
    });
  });

  afterAll(() => app.close());

  beforeEach(async () => {
    ({ token } = await app.auth.issue({ sub: '1' }));
  });

  test.each(misplaced)('[V3] a token in %s is none, be it valid or expired', async (_, request) => {
    const valid = await send(`${app.url}/who`, request(token));
    app.clock.advance(HOUR);
    const expired = await send(`${app.url}/who`, request(token));

    expect([refusal(valid), refusal(expired)]).toEqual([dead('token_missing'), dead('token_missing')]);
    expect([delivered(valid), delivered(expired)]).toEqual([nothing, nothing]);
  });

  test.each([
    ['header first', ['authorization', 'cookie']],
    ['cookie first', ['cookie', 'authorization']],
  ])('[V2] of two tokens, the one in the header counts: %s', async (_, order) => {
    const { token: other } = await app.auth.issue({ sub: '2' });
    const lines: Record<string, string> = { authorization: `Bearer ${token}`, cookie: `__Host-authorization=${other}` };

    const answer = await send(`${app.url}/who`, {
      headers: Object.fromEntries(order.map((name) => [name, lines[name]])),
    });

    expect(answer.json()).toEqual({ sub: '1' });
  });

  test('[V2] two cookies of one name are rejected with different values, in either order, and accepted with the same value', async () => {
    const { token: other } = await app.auth.issue({ sub: '2' });
    const ask = (one: string, two: string) =>
      send(`${app.url}/who`, { headers: { cookie: `__Host-authorization=${one}; __Host-authorization=${two}` } });

    expect([refusal(await ask(token, other)), refusal(await ask(other, token))]).toEqual([
      dead('token_malformed'),
      dead('token_malformed'),
    ]);
    expect((await ask(token, token)).json()).toEqual({ sub: '1' });
  });

  test.each(['header', 'cookie'])('an over-long token in the %s is malformed', async (place) => {
    const long = token.padEnd(8193, 'A');
    const headers =
      place === 'header' ? { authorization: `Bearer ${long}` } : { cookie: `__Host-authorization=${long}` };

    expect(refusal(await send(`${app.url}/who`, { headers }))).toEqual(dead('token_malformed'));
  });
});
