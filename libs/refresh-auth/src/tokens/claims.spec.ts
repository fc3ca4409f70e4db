import { describe, expect, test } from '@jest/globals';
import { refusalOf, invalid } from '../../../../test/support/refusals.js';
import { claims, claimsText, START } from '../../../../test/support/signed-claims.js';
import { assertTokenClaims, checkOwnClaims, deepFreeze } from './claims.js';
import { sessionName, tagOf } from './session-id.js';

function check(json: string): void {
  assertTokenClaims(JSON.parse(json) as Record<string, unknown>);
}

function withClaim(name: string, json: string | undefined): () => void {
  return () => check(claimsText(name, json));
}

const BEFORE_2000 = String(Date.UTC(2000, 0) / 1000 - 1);
const AFTER_9999 = String(Date.UTC(10_000, 0) / 1000);

test('claims as the library signs them are accepted, with any others beside them', () => {
  expect(() => check(JSON.stringify({ ...claims, role: 'admin', nested: { gen: -1, exp: 'x' } }))).not.toThrow();
});

describe.each(['auth_time', 'iat', 'exp', 'refresh_exp', 'nbf'])('[T2] [T3] claim %s', (name) => {
  test.each([
    'null',
    '""',
    `"${START + 900}"`,
    '"9999999999"',
    '"2026-01-01T00:00:00Z"',
    'true',
    'false',
    '[]',
    `[${START + 900}]`,
    '{}',
    '1e999',
    '-1e999',
    '1e300',
    '0',
    '-0',
    '-1',
    String(-START),
    String(START + 0.5),
    String(START * 1000),
    String(2 ** 53),
    BEFORE_2000,
    AFTER_9999,
  ])('is not %s', (json) => {
    expect(refusalOf(withClaim(name, json))).toEqual(invalid(`claim ${name} is not a plausible time in whole seconds`));
  });
});

test.each(['auth_time', 'iat', 'exp', 'refresh_exp'])('[T2] claim %s is required', (name) => {
  expect(refusalOf(withClaim(name, undefined))).toEqual(
    invalid(`claim ${name} is not a plausible time in whole seconds`),
  );
});

test('[T4] nbf may be missing or a time', () => {
  expect(withClaim('nbf', undefined)).not.toThrow();
  expect(withClaim('nbf', String(START))).not.toThrow();
});

test('[T3] times of the years 2000 to 9999 are accepted, in any notation', () => {
  expect(withClaim('iat', String(Date.UTC(2000, 0) / 1000))).not.toThrow();
  expect(withClaim('refresh_exp', String(Date.UTC(10_000, 0) / 1000 - 1))).not.toThrow();
  expect(withClaim('iat', '1.7672256e9')).not.toThrow();
});

test('[T3] refresh_exp before exp is rejected', () => {
  expect(withClaim('refresh_exp', String(claims.exp))).not.toThrow();
  expect(refusalOf(withClaim('refresh_exp', String(claims.exp - 1)))).toEqual(
    invalid('claim refresh_exp is before exp'),
  );
});

test.each(
  ['sub', 'jti'].flatMap((name) =>
    [undefined, 'null', '""', '1', 'true', '[]', '["1"]', '{}'].map((json) => [name, json] as const),
  ),
)('[V14] claim %s is not %s', (name, json) => {
  expect(refusalOf(withClaim(name, json))).toEqual(invalid(`claim ${name} is not a non-empty string`));
});

test.each([
  undefined,
  'null',
  '""',
  '1',
  '[]',
  '{}',
  '"c2Vzc2lvbi1zZXNzaW9uLQ"',
  JSON.stringify(`${tagOf('2')}c2Vzc2lvbi1zZXNzaW9uLQ`),
  JSON.stringify(`${claims.sid}A`),
  JSON.stringify(sessionName(claims.sid)),
  JSON.stringify([claims.sid]),
])('[V14] claim sid is not %s: not the id of a session of that user', (json) => {
  expect(refusalOf(withClaim('sid', json))).toEqual(invalid('claim sid is not the id of a session of this user'));
});

test.each([undefined, 'null', '""', '"0"', 'true', '[0]', '{}', '-1', '0.5', '1e999', '1e12'])(
  'claim gen is not %s',
  (json) => {
    expect(refusalOf(withClaim('gen', json))).toEqual(invalid('claim gen is not a generation'));
  },
);

test.each([undefined, 'null', '""', '"0"', 'true', '[0]', '{}', '-1', '0.5', '1e999', String(2 ** 53)])(
  'claim rev is not %s [L5]',
  (json) => {
    expect(refusalOf(withClaim('rev', json))).toEqual(invalid('claim rev is not a revocation cutoff'));
  },
);

describe.each(['expires_in', 'refresh_window', 'session_lifetime'])('[T7] [T8] claim %s', (name) => {
  test.each(['null', '""', '"60"', 'true', '[60]', '{}', '0', '-1', '0.5', '1e999', String(2 ** 53)])(
    'is not %s',
    (json) => {
      expect(refusalOf(withClaim(name, json))).toEqual(invalid(`claim ${name} is not a number of whole seconds`));
    },
  );

  test.each([undefined, '1', '60', '1e9'])('may be %s', (json) => {
    expect(withClaim(name, json)).not.toThrow();
  });
});

describe('[V13] names of Object.prototype', () => {
  const names = Object.getOwnPropertyNames(Object.prototype);

  test('include those that every object has', () => {
    expect(names).toEqual(expect.arrayContaining(['__proto__', 'constructor', 'toString', 'hasOwnProperty']));
  });

  test.each(names)('%s is rejected as a claim of a token, and pollutes no prototype', (name) => {
    expect(refusalOf(withClaim(name, '{"polluted":true}'))).toEqual(
      invalid('a claim has the name of a property of Object.prototype'),
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each(names)('%s is rejected as a claim of an application', (name) => {
    const own = JSON.parse(`{"sub":"1",${JSON.stringify(name)}:{"polluted":true}}`) as object;

    expect(() => checkOwnClaims(own)).toThrow(
      new TypeError(`Claim \`${name}\` is reserved: choose another name for it`),
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('claims of the application', () => {
  test('are copied in the form that JSON carries', () => {
    const roles = ['admin'];
    const given = { sub: '1', roles, since: new Date(START * 1000), nothing: undefined, odd: Number.NaN };

    const own = checkOwnClaims(given);
    roles.push('added later');

    expect(own).toEqual({ sub: '1', roles: ['admin'], since: '2026-01-01T00:00:00.000Z', odd: null });
    expect(Object.keys(own)).not.toContain('nothing');
  });

  test.each([
    'sid',
    'gen',
    'jti',
    'rev',
    'auth_time',
    'iat',
    'exp',
    'nbf',
    'refresh_exp',
    'expires_in',
    'refresh_window',
    'session_lifetime',
    'iss',
    'aud',
  ])('are rejected with the reserved name %s', (name) => {
    expect(() => checkOwnClaims({ sub: '1', [name]: 1 })).toThrow(
      new TypeError(`Claim \`${name}\` is reserved: choose another name for it`),
    );
  });

  test.each([undefined, null, '', 7, ['1'], {}])('have a sub that is a non-empty string, not %j', (sub) => {
    expect(() => checkOwnClaims({ sub })).toThrow(
      new TypeError('Claim `sub` must be a non-empty string: the id of the user who signs in'),
    );
  });

  test.each([
    ['a list', ['1']],
    ['something that becomes a string', { toJSON: () => 'sub' }],
    ['null', null],
  ])('are an object, not %s', (_, given) => {
    expect(() => checkOwnClaims(given as object)).toThrow(
      new TypeError('Claims must be a JSON object, such as { sub: "1" }'),
    );
  });

  const cycle: { sub: string; self?: unknown } = { sub: '1' };
  cycle.self = cycle;

  test.each([
    ['a cycle', cycle],
    ['a BigInt', { sub: '1', big: 1n }],
    ['a function', () => '1'],
    ['undefined', undefined],
  ])('are plain JSON, not %s', (_, given) => {
    expect(() => checkOwnClaims(given as object)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        message: 'Claims must be plain JSON values, without cycles and BigInts',
      }),
    );
  });
});

test('frozen claims are frozen at every depth', () => {
  const frozen = deepFreeze({ sub: '1', address: { city: 'London' }, roles: [{ name: 'admin' }], none: null });

  expect([frozen, frozen.address, frozen.roles, frozen.roles[0]].map(Object.isFrozen)).toEqual([
    true,
    true,
    true,
    true,
  ]);
});
