import { beforeEach, describe, expect, test } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { TestClock } from '../../../../test/support/clock.js';
import { authenticate, makeCore, recordEvents, refusal, SESSION_LIFETIME } from '../../../../test/support/core.js';
import { signRaw } from '../../../../test/support/hostile-tokens.js';
import { secret } from '../../../../test/support/key-material.js';
import { hashed, tagOf } from '../tokens/session-id.js';
import type { Legacy } from './legacy-tokens.js';

let clock: TestClock;
let iat: number;

beforeEach(() => {
  clock = new TestClock();
  iat = clock.now() / 1000;
});

const accepting: Legacy = () => ({ sub: '1', iat });
const makeLegacyCore = (legacy: Legacy = accepting) => makeCore({ legacy, reloadTimeout: '50ms' }, { clock });
const oldToken = (claims: object = { sub: '1', iat }) => jsonwebtoken.sign(claims, secret);

describe('a token is given to the hook', () => {
  test.each<[string, token: () => string]>([
    ['a JWT without sid and refresh_exp', () => oldToken()],
    ['text that is no JWT', () => 'opaque'],
    ['three segments that are no JSON', () => 'a.b.c'],
    ['a payload that is a list', () => signRaw({ header: { alg: 'HS256' }, payload: [1], algorithm: 'HS256', secret })],
  ])('if it is %s', async (_, token) => {
    expect((await authenticate(makeLegacyCore(), token())).state).toBe('refreshable');
  });

  test.each<[string, token: () => string]>([
    ['with sid', () => oldToken({ sub: '1', iat, sid: null })],
    ['with refresh_exp', () => oldToken({ sub: '1', iat, refresh_exp: 0 })],
    [
      'with sid, written with an escape',
      () => signRaw({ header: { alg: 'HS256' }, payload: String.raw`{"s\u0069d":1}`, algorithm: 'HS256', secret }),
    ],
    ['with sid, and a segment too many', () => `${oldToken({ sid: 1 })}.x`],
  ])('but never one %s: it may be ours', async (_, token) => {
    let calls = 0;
    const core = makeLegacyCore(() => (calls++, accepting('', undefined)));

    expect(await refusal(authenticate(core, token()))).toMatchObject({ statusCode: 401 });
    expect(calls).toBe(0);
  });

  test('and not if it is empty, or no text', async () => {
    const core = makeLegacyCore();

    for (const token of ['', undefined, 7])
      expect(await refusal(authenticate(core, token as string))).toMatchObject({ code: 'token_malformed' });
  });
});

test('the session of a legacy token is named after its user and the text that its signature covers', async () => {
  const token = oldToken();
  const signed = token.slice(0, token.lastIndexOf('.'));

  const { claims } = await authenticate(makeLegacyCore(), token);

  expect(claims.sid).toBe(`${tagOf('1')}${hashed(signed)}`);
});

test('a message over a socket is accepted with a legacy token, until its session ends', async () => {
  const core = makeLegacyCore();
  const token = oldToken();

  const { state, refreshed, claims } = await authenticate(core, token, { expired: 'reject', isUse: false });
  expect([state, refreshed]).toEqual(['refreshable', undefined]);
  await core.revocations.revokeSession(claims.sid);
  expect(await refusal(authenticate(core, token, { expired: 'reject', isUse: false }))).toMatchObject({
    code: 'session_revoked',
  });
});

test('a time with a fraction is cut to whole seconds', async () => {
  const core = makeLegacyCore(() => ({ sub: '1', iat: iat + 0.5, exp: iat + 60.5 }));

  expect((await authenticate(core, oldToken())).claims).toMatchObject({
    auth_time: iat,
    rev: iat * 1000,
    session_lifetime: 60,
  });
});

test('an exp that is later than the end of the session does not prolong it', async () => {
  const core = makeLegacyCore(() => ({ sub: '1', iat, exp: iat + 2 * SESSION_LIFETIME }));
  clock.advance(SESSION_LIFETIME * 1000);

  expect(await refusal(authenticate(core, oldToken()))).toMatchObject({ code: 'session_expired' });
});

test('claims of the hook that make a token too long for the cookie give 503 reload_failed, and an event says how long it is', async () => {
  const narrow = makeCore(
    { legacy: () => ({ sub: '1', iat, roles: 'r'.repeat(4096) }), delivery: { header: false } },
    { clock },
  );
  const events = recordEvents(narrow);

  expect(await refusal(authenticate(narrow, oldToken()))).toMatchObject({ code: 'reload_failed' });
  expect(events.map(({ type }) => type)).toEqual(['token-too-large', 'token-rejected']);
});
