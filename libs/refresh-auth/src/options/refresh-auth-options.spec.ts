import { afterEach, describe, expect, test } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { keyFor, rsa, secret } from '../../../../test/support/key-material.js';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';
import { RefreshAuthModule } from '../refresh-auth.module.js';
import { type RefreshAuthOptions, resolveOptions } from './refresh-auth-options.js';
import { checkDistinct } from './distinct-modules.js';
import { checkStore } from './store-options.js';
import { LegacyTokens } from '../sessions/legacy-tokens.js';
import { ClaimsReloader } from '../sessions/claims-reloader.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import type { SessionStore } from '../store/session-store.js';

const DAY = 86_400;

function errorOf(options: object): object {
  return optionsErrorOf(() => resolveOptions({ secret, ...options }));
}

describe('options that boot', () => {
  test('a secret is enough', () => {
    const { keys, ...settings } = resolveOptions({ secret });

    expect(keys.all.map(({ kid, algorithm }) => ({ kid, algorithm }))).toEqual([
      { kid: undefined, algorithm: 'HS256' },
    ]);
    expect(settings).toEqual({
      name: undefined,
      onStoreFailure: 'reject',
      reuseDetection: undefined,
      revocation: 'pushed',
      refreshAhead: undefined,
      reloader: undefined,
      tracked: false,
      parties: {},
      lifetimes: { expiresIn: 900, refreshWindow: 7 * DAY, sessionLifetime: 30 * DAY, clockTolerance: 0 },
      redis: undefined,
      store: undefined,
      keyPrefix: 'refresh-auth',
      isPrefixGiven: false,
      storeTimeout: 500,
      revocationReplicas: 0,
      csrf: { trustedOrigins: new Set() },
      delivery: {
        header: { name: 'Authorization', scheme: 'Bearer' },
        cookie: {
          name: '__Host-authorization',
          path: '/',
          secure: true,
          httpOnly: true,
          sameSite: 'lax',
          partitioned: false,
          previous: [],
        },
      },
    });
  });

  test('all of them', () => {
    const store = new InMemorySessionStore();
    const { keys, ...settings } = resolveOptions({
      keys: [keyFor('ES256'), keyFor('HS256')],
      expiresIn: 60,
      refreshWindow: '1h',
      sessionLifetime: false,
      clockTolerance: '5m',
      issuer: 'https://auth.example',
      audience: 'api',
      store,
      keyPrefix: 'shop:auth',
      storeTimeout: '2s',
      onStoreFailure: 'tolerate',
      reuseDetection: { grace: '30s', onReuse: 'reject' },
      revocation: 'every-request',
      refreshAhead: '20s',
      reloadClaims: () => null,
      reloadTimeout: '1s',
      sessions: 'tracked',
      csrf: { trustedOrigins: ['https://app.example'] },
      delivery: { cookie: false },
    });

    expect(keys.all.map(({ kid, algorithm }) => ({ kid, algorithm }))).toEqual([
      { kid: 'ES256', algorithm: 'ES256' },
      { kid: 'HS256', algorithm: 'HS256' },
    ]);
    expect(settings).toEqual({
      name: undefined,
      onStoreFailure: 'tolerate',
      reuseDetection: { grace: 30_000, revokeAfter: 1_800_000, onReuse: 'reject', allowNoRefresh: false },
      revocation: 'every-request',
      refreshAhead: { seconds: 20 },
      reloader: expect.any(ClaimsReloader),
      tracked: true,
      parties: { issuer: 'https://auth.example', audience: 'api' },
      lifetimes: { expiresIn: 60, refreshWindow: 3600, sessionLifetime: Number.POSITIVE_INFINITY, clockTolerance: 300 },
      redis: undefined,
      store,
      keyPrefix: 'shop:auth',
      isPrefixGiven: true,
      storeTimeout: 2000,
      revocationReplicas: 0,
      csrf: { trustedOrigins: new Set(['https://app.example']) },
      delivery: { header: { name: 'Authorization', scheme: 'Bearer' }, cookie: undefined },
    });
  });

  test('a session that lasts as long as its refresh window', () => {
    expect(resolveOptions({ secret, expiresIn: 1, refreshWindow: 2, sessionLifetime: 2 }).lifetimes).toEqual({
      expiresIn: 1,
      refreshWindow: 2,
      sessionLifetime: 2,
      clockTolerance: 0,
    });
  });

  test('options that are undefined have their defaults', () => {
    const names =
      'keys expiresIn refreshWindow sessionLifetime clockTolerance issuer audience redis store keyPrefix storeTimeout onStoreFailure reuseDetection revocation revocationReplicas refreshAhead reloadClaims reloadTimeout legacy sessions csrf delivery';
    const undefinedOptions = Object.fromEntries(names.split(' ').map((name) => [name, undefined]));

    const { keys: _, ...settings } = resolveOptions({ secret, ...undefinedOptions });
    const { keys: __, ...defaults } = resolveOptions({ secret });
    expect(settings).toEqual(defaults);
  });
});

describe('[T9] lifetimes', () => {
  test.each([
    ['expiresIn', 0],
    ['expiresIn', '900'],
    ['refreshWindow', -1],
    ['refreshWindow', Number.NaN],
    ['sessionLifetime', ''],
    ['sessionLifetime', true],
    ['sessionLifetime', Number.POSITIVE_INFINITY],
    ['clockTolerance', -1],
    ['clockTolerance', 0.5],
    ['clockTolerance', '1m 30s'],
  ])('option %s is not %p', (option, value) => {
    expect(errorOf({ [option]: value })).toEqual({
      option,
      says: expect.stringMatching(/^is .*\. Write .*such as '\w+'\.$/),
    });
  });

  test.each([
    [
      'a window as long as the token lives',
      { expiresIn: '15m', refreshWindow: 900 },
      'refreshWindow',
      'is 900 s, too short for expiresIn (900 s). Write a longer one, or a shorter `expiresIn`.',
    ],
    [
      '[F74] a token that lives as long as the default window',
      { expiresIn: '7d' },
      'expiresIn',
      "is '7d' (604800 s), too long for refreshWindow, which is 604800 s by default. Users stay signed in for `refreshWindow`, so '15m' is usually right; otherwise give `refreshWindow` too.",
    ],
    [
      '[F74] a window shorter than the default life of a token',
      { refreshWindow: '10m' },
      'refreshWindow',
      'is 600 s, too short for expiresIn (900 s by default). Write a longer one, or a shorter `expiresIn`.',
    ],
    [
      '[F74] a session shorter than the default window',
      { sessionLifetime: 604_799 },
      'sessionLifetime',
      'is 604799 s, too short for refreshWindow (604800 s by default). Write a longer one, or a shorter `refreshWindow`.',
    ],
    [
      '[F74] a window longer than the default session',
      { refreshWindow: '31d' },
      'refreshWindow',
      "is '31d' (2678400 s), too long for sessionLifetime, which is 2592000 s by default. Write a shorter one, or give `sessionLifetime` too.",
    ],
    [
      'a session shorter than the window',
      { refreshWindow: '2d', sessionLifetime: '1d' },
      'sessionLifetime',
      'is 86400 s, too short for refreshWindow (172800 s). Write a longer one, or a shorter `refreshWindow`.',
    ],
    [
      'a tolerance of more than five minutes',
      { clockTolerance: 301 },
      'clockTolerance',
      'is 301 s. Write at most 300, and let the clocks be synchronized.',
    ],
  ])('are not %s', (_, options, option, says) => {
    expect(errorOf(options)).toEqual({ option, says });
  });
});

test.each(
  ['issuer', 'audience'].flatMap((option) =>
    ['', ' ', '\t\n', 7, null, true, {}, ['api'], /api/, /api/g].map((value) => [option, value] as const),
  ),
)('[V15] [M3] option %s is not %p: no pattern is ever tried on a claim', (option, value) => {
  expect(errorOf({ [option]: value })).toEqual({
    option,
    says: 'is not a non-empty string. Write one string: patterns and lists are not supported.',
  });
});

test.each(['', ' ', 'a b', 'a\n', '{a}', 'a{', 'a}', 7, null, {}, ['a']])('option keyPrefix is not %j', (keyPrefix) => {
  expect(errorOf({ keyPrefix })).toEqual({
    option: 'keyPrefix',
    says: "is not a prefix for keys. Write a string without spaces and braces, such as 'refresh-auth'.",
  });
});

test.each([0, -1, 0.5, 5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '', '500', '25d', true, {}])(
  '[F75] option storeTimeout is not %p',
  (storeTimeout) => {
    expect(errorOf({ storeTimeout })).toEqual({
      option: 'storeTimeout',
      says: expect.stringMatching(/^is .*\. Write a string with a unit, such as '500ms' or '2s'\./),
    });
  },
);

describe('option store', () => {
  const METHODS = Object.fromEntries(
    ['rotate', 'recordUse', 'revoke', 'isRevoked', 'userCutoff', 'revokeUser'].map((name) => [name, () => undefined]),
  );

  test('needs no more than these methods', () => {
    expect(resolveOptions({ secret, store: METHODS as unknown as SessionStore }).store).toBe(METHODS);
  });

  test.each([
    [null, 'rotate'],
    ['memory', 'rotate'],
    [7, 'rotate'],
    [{}, 'rotate'],
    [InMemorySessionStore, 'rotate'],
    [{ rotate: true, revoke: () => undefined }, 'rotate'],
    [{ rotate: () => undefined }, 'recordUse'],
    [{ ...METHODS, revoke: undefined }, 'revoke'],
    [{ ...METHODS, isRevoked: true }, 'isRevoked'],
    [{ ...METHODS, userCutoff: undefined }, 'userCutoff'],
    [{ ...METHODS, revokeUser: undefined }, 'revokeUser'],
  ])('is not %p', (store, method) => {
    expect(errorOf({ store })).toEqual({
      option: 'store',
      says: `has no method ${method}. Implement the interface SessionStore.`,
    });
  });

  test('does not stand beside redis', () => {
    expect(errorOf({ store: new InMemorySessionStore(), redis: 'redis://localhost' })).toEqual({
      option: 'store',
      says: 'is given beside `redis`. Keep one of them.',
    });
  });
});

test.each([
  'expiresIn',
  'refreshWindow',
  'sessionLifetime',
  'clockTolerance',
  'storeTimeout',
  'onStoreFailure',
  'reuseDetection',
  'revocation',
  'revocationReplicas',
  'refreshAhead',
  'reloadClaims',
  'reloadTimeout',
  'legacy',
  'sessions',
  'delivery',
])('option %s that is null is a mistake, not a wish for the default', (option) => {
  expect(errorOf({ [option]: null })).toMatchObject({ option });
});

test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', true, [1]])(
  'option revocationReplicas is not %p',
  (revocationReplicas) => {
    expect(errorOf({ revocationReplicas, redis: 'redis://localhost' })).toEqual({
      option: 'revocationReplicas',
      says: 'is not a number of replicas. Write an integer from 0 on; 0 waits for none.',
    });
  },
);

test('option revocationReplicas needs Redis', () => {
  const redis = 'redis://localhost';
  expect(resolveOptions({ secret, redis, revocationReplicas: 2 }).revocationReplicas).toBe(2);
  expect(resolveOptions({ secret, revocationReplicas: 0 }).revocationReplicas).toBe(0);
  for (const store of [undefined, new InMemorySessionStore()]) {
    expect(errorOf({ revocationReplicas: 1, store })).toEqual({
      option: 'revocationReplicas',
      says: 'is given without `redis`. Only Redis has replicas to wait for: give `redis`, or leave it out.',
    });
  }
});

describe('policies', () => {
  test.each([
    ['onStoreFailure', "'reject', 'tolerate'"],
    ['revocation', "'pushed', 'every-request'"],
    ['sessions', "'untracked', 'tracked'"],
  ])('option %s is one of those that there are', (option, known) => {
    for (const value of ['', 'Reject', 'constructor', true, 7, null, {}, ['reject']]) {
      expect(errorOf({ [option]: value })).toEqual({
        option,
        says: expect.stringMatching(`^is .*, which is not known\\. Write one of ${known}\\.$`),
      });
    }
  });

  test.each([['reject'], ['tolerate']] as const)('onStoreFailure %s', (onStoreFailure) => {
    expect(resolveOptions({ secret, onStoreFailure }).onStoreFailure).toBe(onStoreFailure);
  });

  test.each([['pushed'], ['every-request']] as const)('revocation %s', (revocation) => {
    expect(resolveOptions({ secret, revocation }).revocation).toBe(revocation);
  });
});

describe('option reuseDetection', () => {
  const DEFAULTS = { grace: 30_000, revokeAfter: 1_800_000, onReuse: 'revoke', allowNoRefresh: false };

  test.each<[RefreshAuthOptions['reuseDetection'], object | undefined]>([
    [undefined, undefined],
    [false, undefined],
    [{}, DEFAULTS],
    [{ grace: 1 }, { ...DEFAULTS, grace: 1000 }],
    [{ grace: undefined, revokeAfter: undefined, onReuse: undefined, allowNoRefresh: undefined }, DEFAULTS],
    [
      { grace: '1m', revokeAfter: 60, onReuse: 'reject', allowNoRefresh: true },
      { grace: 60_000, revokeAfter: 60_000, onReuse: 'reject', allowNoRefresh: true },
    ],
    [{ revokeAfter: '7d' }, { ...DEFAULTS, revokeAfter: 604_800_000 }],
  ])('%j', (reuseDetection, expected) => {
    expect(resolveOptions({ secret, reuseDetection }).reuseDetection).toEqual(expected);
  });

  test.each(['', 'grace', '30s', 30, true, null, [], () => undefined, new Map(), new Date(0)])(
    'is not %p',
    (reuseDetection) => {
      expect(errorOf({ reuseDetection })).toEqual({
        option: 'reuseDetection',
        says: "is not an object. Write false, or an object such as { grace: '30s', revokeAfter: '30m' }; {} takes the defaults.",
      });
    },
  );

  test.each([null, 0, -1, 0.5, '30', '', '500ms', Number.NaN, true])('has no grace of %p', (grace) => {
    expect(errorOf({ reuseDetection: { grace } })).toEqual({
      option: 'reuseDetection.grace',
      says: expect.stringMatching(/^is .*\. Write .*such as '\w+'\.$/),
    });
  });

  test.each([61, '61s', '2m', '1h'])('has no grace beyond a minute: %p', (grace) => {
    expect(errorOf({ reuseDetection: { grace } })).toEqual({
      option: 'reuseDetection.grace',
      says: expect.stringMatching(
        /^is \d+ s\. Write at most 60: a longer grace is a longer life for a stolen token\.$/,
      ),
    });
  });

  test.each(['', 'log', true, null, {}])('has no onReuse %p', (onReuse) => {
    expect(errorOf({ reuseDetection: { grace: '30s', onReuse } })).toEqual({
      option: 'reuseDetection.onReuse',
      says: expect.stringMatching(/^is .*, which is not known\. Write one of 'revoke', 'reject'\.$/),
    });
  });

  test('has nothing else', () => {
    expect(errorOf({ reuseDetection: { grace: '30s', onreuse: 'reject' } })).toEqual({
      option: 'reuseDetection.onreuse',
      says: 'is not known. Use only grace, revokeAfter, onReuse, allowNoRefresh.',
    });
  });

  test.each([29, '29s', '8d', 604_801])(
    'has no revokeAfter of %p: it lies between the grace and the refresh window',
    (revokeAfter) => {
      expect(errorOf({ reuseDetection: { revokeAfter } })).toEqual({
        option: 'reuseDetection.revokeAfter',
        says: expect.stringMatching(
          /^is \d+ s\. Write a time from reuseDetection\.grace \(30 s\) to refreshWindow \(604800 s\)\.$/,
        ),
      });
    },
  );

  test('[F74] has no grace longer than the refresh window, also by default', () => {
    expect(errorOf({ expiresIn: 5, refreshWindow: 20, reuseDetection: {} })).toEqual({
      option: 'reuseDetection.grace',
      says: 'is 30 s, longer than refreshWindow (20 s). Write a shorter one.',
    });
  });

  test('revokes by default no later than at the end of the refresh window', () => {
    const options = { secret, expiresIn: '1m', refreshWindow: '10m' };
    expect(resolveOptions({ ...options, reuseDetection: {} }).reuseDetection).toEqual({
      ...DEFAULTS,
      revokeAfter: 600_000,
    });
  });

  test.each(['', 'yes', 1, null, {}])('has no allowNoRefresh %p', (allowNoRefresh) => {
    expect(errorOf({ reuseDetection: { allowNoRefresh } })).toEqual({
      option: 'reuseDetection.allowNoRefresh',
      says: 'is not a boolean. Write true or false.',
    });
  });
});

describe('option refreshAhead', () => {
  test.each<[RefreshAuthOptions['refreshAhead'], object | undefined]>([
    [undefined, undefined],
    [0.2, { fraction: 0.2 }],
    [0.999, { fraction: 0.999 }],
    [1, { seconds: 1 }],
    ['2m', { seconds: 120 }],
    [899, { seconds: 899 }],
  ])('%p', (refreshAhead, expected) => {
    expect(resolveOptions({ secret, refreshAhead }).refreshAhead).toEqual(expected);
  });

  test.each([0, -0.2, 1.5, Number.NaN, '120', '', '500ms', true, null])('is not %p', (refreshAhead) => {
    expect(errorOf({ refreshAhead })).toEqual({
      option: 'refreshAhead',
      says: expect.stringMatching(/^is .*\. Write .*such as '\w+'\.$/),
    });
  });

  test.each([900, '15m', '1h'])('is not as long as the token lives: %p', (refreshAhead) => {
    expect(errorOf({ refreshAhead })).toEqual({
      option: 'refreshAhead',
      says: expect.stringMatching(
        /^is \d+ s, not shorter than expiresIn \(900 s\)\. Write a fraction below 1, such as 0\.2, or a shorter duration, such as '2m'\.$/,
      ),
    });
  });
});

describe('option reloadClaims', () => {
  test('is a function', () => {
    expect(resolveOptions({ secret, reloadClaims: async () => null }).reloader).toEqual(expect.any(ClaimsReloader));
    for (const reloadClaims of [null, true, {}, 'reload', 7]) {
      expect(errorOf({ reloadClaims })).toEqual({
        option: 'reloadClaims',
        says: 'is not a function. Write (claims) => fresh claims, or null to end the session.',
      });
    }
  });

  test.each([0, -1, 0.5, 5, '2000', '', '25d', 2 ** 31, true, null])(
    '[F75] has a time, even without one: not %p',
    (reloadTimeout) => {
      expect(errorOf({ reloadTimeout })).toEqual({
        option: 'reloadTimeout',
        says: expect.stringMatching(/^is .*\. Write a string with a unit, such as '500ms' or '2s'\./),
      });
    },
  );
});

describe('option legacy', () => {
  test('is a function', () => {
    expect(resolveOptions({ secret, legacy: () => undefined }).legacy).toEqual(expect.any(LegacyTokens));
    for (const legacy of [null, true, {}, 'jwt', 7]) {
      expect(errorOf({ legacy })).toEqual({
        option: 'legacy',
        says: 'is not a function. Write (token, request) => claims with sub and iat, or undefined to reject the token.',
      });
    }
  });

  test('needs an end of sessions', () => {
    expect(errorOf({ legacy: () => undefined, sessionLifetime: false })).toEqual({
      option: 'legacy',
      says: 'is given, and `sessionLifetime` is false. Write a `sessionLifetime` that is not shorter than the old tokens live: the end of a session is remembered for that long.',
    });
  });
});

describe('what an option asks of the store', () => {
  const { revocationsAfter, onRevocation, listedSessions, replaceDetails, ...least } = Object.fromEntries(
    ['rotate', 'recordUse', 'revoke', 'isRevoked', 'userCutoff', 'revokeUser']
      .concat(['revocationsAfter', 'onRevocation', 'listedSessions', 'replaceDetails'])
      .map((name) => [name, () => undefined]),
  );
  const check = (methods: object, options: RefreshAuthOptions) => () =>
    checkStore({ ...least, ...methods } as unknown as SessionStore, resolveOptions({ secret, ...options }));

  test.each([{}, { revocationsAfter }, { onRevocation }, { listedSessions, replaceDetails }])(
    "'pushed' asks it to push: %p does not boot",
    (methods) => {
      expect(optionsErrorOf(check(methods, {}))).toEqual({
        option: 'revocation',
        says: "is 'pushed' (the default), and the store cannot push. Write 'every-request', or implement revocationsAfter and onRevocation.",
      });
    },
  );

  test("'tracked' asks it to list: without the method for it, it does not boot", () => {
    expect(optionsErrorOf(check({ revocationsAfter, onRevocation }, { sessions: 'tracked' }))).toEqual({
      option: 'sessions',
      says: "is 'tracked', and the store cannot list sessions. Write 'untracked', or implement listedSessions, replaceDetails, and `details` and `currentSeal` of rotate.",
    });
  });

  test.each<[object, RefreshAuthOptions]>([
    [{}, { revocation: 'every-request' }],
    [{ revocationsAfter, onRevocation }, {}],
    [
      { listedSessions, replaceDetails },
      { revocation: 'every-request', sessions: 'tracked' },
    ],
  ])('%p is enough for %j', (methods, options) => {
    expect(check(methods, options)).not.toThrow();
  });
});

describe('two modules of one application', () => {
  const other = `not ${secret}`;
  const cookie = { name: 'admin-authorization' };
  const compare =
    (options: RefreshAuthOptions, name: string | undefined = 'admin', than?: RefreshAuthOptions) =>
    () =>
      checkDistinct(resolveOptions(options, name), resolveOptions({ secret, ...than }));

  test('that differ in name, key, cookie and prefix boot', () => {
    expect(compare({ secret: other, delivery: { cookie } })).not.toThrow();
  });

  test.each<[string, () => void, object]>([
    [
      'name',
      () => checkDistinct(resolveOptions({ secret: other }), resolveOptions({ secret })),
      {
        option: 'name',
        says: 'is that of the module without a name. Give each RefreshAuthModule of the application a name of its own; one may have none.',
      },
    ],
    [
      'name, given twice',
      () => checkDistinct(resolveOptions({ secret: other }, 'admin'), resolveOptions({ secret }, 'admin')),
      {
        option: 'name',
        says: "is that of module 'admin'. Give each RefreshAuthModule of the application a name of its own; one may have none.",
      },
    ],
    [
      'cookie',
      compare({ secret: other }),
      {
        option: 'delivery.cookie.name',
        says: "is that of the module without a name. Write another one, such as delivery: { cookie: { name: '__Host-admin' } }.",
      },
    ],
    [
      'cookie, by the default name in an earlier deployment of the one',
      compare({ secret: other, delivery: { cookie: { ...cookie, previous: [{}] } } }),
      {
        option: 'delivery.cookie.previous',
        says: 'has the name `__Host-authorization`, and so has that of the module without a name. Leave it out of one of them: a module reads and removes only cookies of its own.',
      },
    ],
    [
      'cookie in an earlier deployment of the other',
      compare({ secret: other, delivery: { cookie } }, 'admin', { delivery: { cookie: { previous: [cookie] } } }),
      {
        option: 'delivery.cookie.previous',
        says: `has the name \`${cookie.name}\`, and so has that of the module without a name. Leave it out of one of them: a module reads and removes only cookies of its own.`,
      },
    ],
    [
      'prefix',
      compare({ secret: other, delivery: { cookie }, keyPrefix: 'refresh-auth' }),
      { option: 'keyPrefix', says: 'is that of the module without a name. Write another one, or leave it out.' },
    ],
    ...(
      [
        ['key and no audience', {}, {}],
        ['key, and only one has an audience', { audience: 'a' }, {}],
        ['key, and only the other has an audience', {}, { audience: 'a' }],
        ['key and audience', { audience: 'a' }, { audience: 'a' }],
      ] as const
    ).map(([what, one, two]): [string, () => void, object] => [
      what,
      compare({ secret, delivery: { cookie }, ...one }, 'admin', two),
      {
        option: 'audience',
        says: 'does not differ from that of the module without a name, and both verify with the same key. Give each an audience, or a secret of its own.',
      },
    ]),
  ])('that share their %s do not', (_, act, expected) => {
    expect(optionsErrorOf(act)).toEqual(expected);
  });

  test('may share a key where each has an audience of its own', () => {
    expect(compare({ secret, audience: 'a', delivery: { cookie } }, 'admin', { audience: 'b' })).not.toThrow();
  });

  test('may both have no cookie', () => {
    const headers = { delivery: { cookie: false } } as const;
    expect(compare({ secret: other, ...headers }, 'admin', headers)).not.toThrow();
  });

  test('[F11] have prefixes by their names, issuers and audiences', () => {
    const prefixes = [
      resolveOptions({ secret, issuer: 'https://auth.example', audience: 'api' }, 'admin'),
      resolveOptions({ secret, issuer: 'api' }),
      resolveOptions({ secret, audience: 'api' }),
      resolveOptions({ secret, issuer: 'api', audience: 'api', keyPrefix: 'shop' }),
    ].map(({ keyPrefix }) => keyPrefix);

    // SHA-256 of ["https://auth.example","api"], ["api",null] and [null,"api"], in base64url, cut to 22 characters.
    expect(prefixes).toEqual([
      'refresh-auth:admin:VenYXZ-xTVmtF19Ac62HGa',
      'refresh-auth:43O9nPqYGTmLYuFgB_i0tO',
      'refresh-auth:Y2A77gCs5vlV4O2MX4p6XM',
      'shop',
    ]);
  });

  test('have prefixes by their names', () => {
    expect(resolveOptions({ secret }, 'admin').keyPrefix).toBe('refresh-auth:admin');
    expect(resolveOptions({ secret, keyPrefix: 'x' }, 'admin').keyPrefix).toBe('x');
  });

  test('may have a name of 31 characters', () => {
    expect(resolveOptions({ secret }, 'n'.repeat(31)).name).toHaveLength(31);
  });

  test.each(['', ' ', 'a b', 'a:b', '{a}', 'ä', 'a\n', 'n'.repeat(32)])('have no name like %j', (name) => {
    expect(optionsErrorOf(() => resolveOptions({ secret }, name))).toEqual({
      option: 'name',
      says: "is not a name. Write at most 31 letters, digits, '-' and '_': errors and log lines show it.",
    });
  });
});

test.each(['isGlobal', 'name'])('option %s belongs to the static call, and not into what a factory returns', (name) => {
  expect(optionsErrorOf(() => resolveOptions({ secret, [name]: undefined }))).toEqual({
    option: name,
    says: `was returned by the factory, which runs too late for it. Write it beside the factory: RefreshAuthModule.forRootAsync({ ${name}, useFactory }).`,
  });
});

test.each(['useFactory', 'useClass', 'useExisting', 'inject', 'imports'])(
  'option %s belongs to forRootAsync',
  (name) => {
    expect(optionsErrorOf(() => resolveOptions({ [name]: [] }))).toEqual({
      option: name,
      says: `was given to forRoot. Write RefreshAuthModule.forRootAsync({ ${name} }) instead.`,
    });
  },
);

test.each([undefined, 'admin'])('a secret that is undefined was read before it was there, in module %p', (name) => {
  const error = (() => {
    try {
      return resolveOptions({ secret: process.env['NOT_SET'] }, name);
    } catch (reason) {
      return reason as Error;
    }
  })() as Error;

  expect(error.message).toBe(
    `RefreshAuthModule${name ? " 'admin'" : ''}: option \`secret\` is undefined. The environment variable that it is read from is not set: add it to .env. If it is there and you wrote forRoot(), that ran before .env was read. Write RefreshAuthModule.forRootAsync({ inject: [ConfigService], useFactory: (config: ConfigService) => ({ secret: config.getOrThrow('<its name>') }) }).`,
  );
});

test('a secret that was not written is missing', () => {
  expect(optionsErrorOf(() => resolveOptions({}))).toEqual({
    option: 'secret',
    says: expect.stringMatching(/^is missing\. Write a random secret of at least 32 bytes/),
  });
});

test.each(['expires_in', 'ExpiresIn', 'jwt', 'cookie', 'algorithms', '__proto__', 'constructor'])(
  '[V4] option %s is not known',
  (name) => {
    const options = JSON.parse(`{"secret":${JSON.stringify(secret)},${JSON.stringify(name)}:1}`) as object;

    expect(optionsErrorOf(() => resolveOptions(options))).toEqual({
      option: name,
      says: 'is not known. Use only secret, keys, expiresIn, refreshWindow, sessionLifetime, clockTolerance, issuer, audience, redis, store, keyPrefix, storeTimeout, onStoreFailure, reuseDetection, revocation, revocationReplicas, refreshAhead, reloadClaims, reloadTimeout, legacy, sessions, delivery, csrf.',
    });
  },
);

describe('a wrong option stops the boot, and its path is the exact one', () => {
  const weak = { kid: 'old', algorithm: 'HS256', secret: 'too short' } as const;

  test.each<[option: string, options: object]>([
    ['secret', {}],
    ['secret', { secret: 'too short' }],
    ['secret', { secret: rsa.publicKey.export({ type: 'spki', format: 'pem' }) }],
    ['keys', { keys: [] }],
    ['keys[0].algorithm', { keys: [{ algorithm: 'none', secret }] }],
    ['keys[1].secret', { keys: [keyFor('ES256'), weak] }],
    ['keys[2].publicKey', { keys: [keyFor('ES256'), keyFor('HS256'), { algorithm: 'RS256', publicKey: 'PEM' }] }],
    ['expiresIn', { secret, expiresIn: '60' }],
    ['redis', { secret, redis: '' }],
    ['redis', { secret, redis: 'localhost:6379' }],
    ['redis', { secret, redis: 'http://localhost:6379' }],
    ['redis', { secret, redis: 'redis://localhost:99999' }],
    ['redis', { secret, redis: 6379 }],
    ['redis', { secret, redis: null }],
    ['redis', { secret, redis: true }],
    ['reuseDetection', { secret, reuseDetection: 'grace' }],
    ['reuseDetection.grace', { secret, reuseDetection: { grace: '61s' } }],
    ['revocation', { secret, revocation: 'on-logout' }],
    ['refreshAhead', { secret, refreshAhead: 900 }],
    ['reloadClaims', { secret, reloadClaims: {} }],
    ['reloadTimeout', { secret, reloadTimeout: 0 }],
    ['legacy', { secret, legacy: 'jwt' }],
    ['sessions', { secret, sessions: true }],
    ['onStoreFailure', { secret, onStoreFailure: 'ignore' }],
    ['delivery.header.name', { secret, delivery: { header: { name: 'a b' } } }],
    ['delivery.cookie.sameSite', { secret, delivery: { cookie: { sameSite: 'Lax' } } }],
    ['delivery.cookie.secure', { secret, delivery: { cookie: { name: '__Host-x', secure: false } } }],
    ['delivery.cookie.previous', { secret, delivery: { cookie: { previous: {} } } }],
    [
      'delivery.cookie.previous[0]',
      { secret, delivery: { cookie: { secure: false, previous: [{ name: 'authorization' }] } } },
    ],
    [
      'delivery.cookie.previous[0].domain',
      { secret, delivery: { cookie: { previous: [{ name: '__Host-x', domain: 'example.com' }] } } },
    ],
  ])('%s: %j', async (option, options) => {
    const boot = Test.createTestingModule({
      imports: [RefreshAuthModule.forRootAsync({ useFactory: () => options })],
    }).compile();

    const error = await boot.catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(RefreshAuthOptionsError);
    expect(error).toMatchObject({
      name: 'RefreshAuthOptionsError',
      option,
      message: expect.stringMatching(
        /^RefreshAuthModule: option `[^`]+` (is|has|cannot) .+\. (Write|Give|Use|Leave|Keep) .+\.$/,
      ),
    });
  });
});

describe('[F6] [K2] a secret that can be guessed', () => {
  const MADE_UP = 'is not random: it is made of words, keyboard patterns or repeated pieces';
  const cases: [string, RefreshAuthOptions, string, number][] = [
    ['secret', { secret: 'my-ultra-secure-and-ultra-long-secret' }, MADE_UP, 32],
    ['secret', { secret: '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9' }, MADE_UP, 32],
    ['secret', { secret: Buffer.alloc(32) }, MADE_UP, 32],
    ['keys[0].secret', { keys: [{ algorithm: 'HS384', secret: 'secret'.repeat(10) }] }, MADE_UP, 48],
    [
      'keys[1].secret',
      {
        keys: [
          { kid: 'a', algorithm: 'HS256', secret: 'bUmcVxVcOl0p9dQ4DTQn3LQ7pXv6vyRs' },
          { kid: 'b', algorithm: 'HS512', secret: 'reallyverysafe '.repeat(9) },
        ],
      },
      MADE_UP,
      64,
    ],
    [
      'secret',
      { secret: '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7' },
      'was published as an example',
      32,
    ],
  ];
  const environment = process.env['NODE_ENV'];

  afterEach(() => {
    process.env['NODE_ENV'] = environment;
  });

  test.each(cases)('does not boot in production: %s of %j', (option, options, reason, bytes) => {
    process.env['NODE_ENV'] = 'production';

    expect(optionsErrorOf(() => resolveOptions(options))).toEqual({
      option,
      says: `${reason}. Write a random secret of at least ${bytes} bytes, such as the output of \`openssl rand -base64 48\`, and keep it out of the source.`,
    });
  });

  test.each(['development', 'production'])('is not one that others know, in %s: the prefix of the keys', (mode) => {
    process.env['NODE_ENV'] = mode;
    const shown = 'JQZ7Vn5vWb0kK3f9Xo2TtYx8LmRrCcEe1DdGgHhUuAa';

    expect(optionsErrorOf(() => resolveOptions({ secret: shown, keyPrefix: shown }))).toMatchObject({
      option: 'secret',
      says: expect.stringMatching(/^is also a kid, the issuer, the audience or the keyPrefix, which others can read\./),
    });
  });

  test.each(cases)('is good enough to try things out with: %s of %j', (option, options) => {
    expect(resolveOptions(options).keys.all.map(({ warning }) => warning?.option)).toContain(option);
  });
});
