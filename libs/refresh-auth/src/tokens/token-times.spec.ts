import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { claims, START } from '../../../../test/support/signed-claims.js';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { TokenClaims } from './claims.js';
import { type Lifetimes, TokenTimes } from './token-times.js';

const MINUTE = 60;
const DAY = 86_400;
const lifetimes: Lifetimes = {
  expiresIn: 15 * MINUTE,
  refreshWindow: 7 * DAY,
  sessionLifetime: 30 * DAY,
  clockTolerance: 0,
};

/** The times of tokens at a moment, in milliseconds since 1970. */
function atTime(now: number, options = lifetimes): TokenTimes {
  return new TokenTimes(options, { now: () => now, monotonic: () => 0 });
}

/** The times of tokens at a moment, in seconds since 1970. */
function at(seconds: number, options = lifetimes): TokenTimes {
  return atTime(seconds * 1000, options);
}

describe('[T1] [T5] the state at each boundary', () => {
  const whole = { ...claims, iat: START, exp: START + 900, refresh_exp: START + 7 * DAY };
  const last = { ...claims, iat: START + 29 * DAY, exp: START + 29 * DAY + 900, refresh_exp: START + 30 * DAY };
  const boundaries = [
    ['exp', whole, whole.exp, 'valid', 'expired'],
    ['refresh_exp', whole, whole.refresh_exp, 'expired', 'token_expired'],
    ['the end of the session', last, last.refresh_exp, 'expired', 'session_expired'],
  ] as const;
  const offsets = [-1000, -999, -1, 0, 1, 999, 1000];

  test.each(
    boundaries.flatMap((boundary) =>
      [0, 1, 30, 300].flatMap((tolerance) => offsets.map((offset) => [...boundary, tolerance, offset] as const)),
    ),
  )('%s', (_, token, boundary, before, after, clockTolerance, offset) => {
    const now = (boundary + clockTolerance) * 1000 + offset;

    expect(atTime(now, { ...lifetimes, clockTolerance }).state(token)).toBe(offset < 0 ? before : after);
  });

  test.each([
    [0, 0, 'token_expired'],
    [0, 1, 'expired'],
    [59_999, 60_000, 'expired'],
    [60_000, 3_600_000, 'token_expired'],
  ])(
    'refresh_exp %i ms ago, of a request that arrived %i ms ago, no more than a minute of which counts',
    (ago, waited, state) => {
      expect(atTime(whole.refresh_exp * 1000 + ago).state(whole, waited)).toBe(state);
    },
  );

  test('a token whose refresh window ends with its exp is never refreshable', () => {
    const short = { ...claims, exp: START + 10, refresh_exp: START + 10 };

    expect(at(START + 9).state(short)).toBe('valid');
    expect(at(START + 10).state(short)).toBe('token_expired');
  });
});

const instant = fc.integer({ min: Date.UTC(2000, 0) / 1000, max: Date.UTC(2100, 0) / 1000 });
const duration = fc.integer({ min: 1, max: 400 * DAY });
const anyLifetimes = fc.record({
  expiresIn: duration,
  refreshWindow: duration,
  sessionLifetime: fc.oneof(duration, fc.constant(Number.POSITIVE_INFINITY)),
  clockTolerance: fc.integer({ min: 0, max: 300 }),
});
const anyTimes = fc
  .record({ auth_time: instant, age: fc.nat(60 * DAY), life: duration, rest: fc.nat(400 * DAY) })
  .map(({ auth_time, age, life, rest }) => ({
    ...claims,
    auth_time,
    iat: auth_time + age,
    exp: auth_time + age + life,
    refresh_exp: auth_time + age + life + rest,
  }));

test('[T1] as time passes the state never moves backwards, whatever the token and the options', () => {
  const order = ['valid', 'expired', 'token_expired', 'session_expired'];
  const boundary = fc.constantFrom('exp', 'refreshExp', 'end');
  const offset = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -30 * DAY, max: 30 * DAY }));

  fc.assert(
    fc.property(anyTimes, anyLifetimes, boundary, offset, fc.nat(60 * DAY), (token, options, name, before, later) => {
      const { [name]: turn } = at(START, options).of(token);
      const first = (Number.isFinite(turn) ? turn : token.iat) + options.clockTolerance + before;
      const [rank = -1, laterRank] = [first, first + later].map((now) => order.indexOf(at(now, options).state(token)));

      expect(rank).toBeGreaterThanOrEqual(0);
      expect(laterRank).toBeGreaterThanOrEqual(rank);
    }),
    { numRuns: 5000 },
  );
});

describe('signed times', () => {
  test('count from now, in whole seconds', () => {
    expect(atTime(START * 1000 + 999).signed({ auth_time: START })).toEqual({
      iat: START,
      exp: START + 900,
      refresh_exp: START + 7 * DAY,
    });
  });

  test('[T7] do not go past the end of the session', () => {
    expect(at(START + 29 * DAY).signed({ auth_time: START })).toEqual({
      iat: START + 29 * DAY,
      exp: START + 29 * DAY + 900,
      refresh_exp: START + 30 * DAY,
    });
    expect(at(START + 30 * DAY - 5).signed({ auth_time: START })).toEqual({
      iat: START + 30 * DAY - 5,
      exp: START + 30 * DAY,
      refresh_exp: START + 30 * DAY,
    });
  });

  test('have no end if the session has none', () => {
    const endless = { ...lifetimes, sessionLifetime: Number.POSITIVE_INFINITY };

    expect(at(START + 5000 * DAY, endless).signed({ auth_time: START })).toEqual({
      iat: START + 5000 * DAY,
      exp: START + 5000 * DAY + 900,
      refresh_exp: START + 5007 * DAY,
    });
  });

  test('never have exp after refresh_exp or either after the end', () => {
    fc.assert(
      fc.property(instant, duration, anyLifetimes, (authTime, age, options) => {
        fc.pre(options.expiresIn < options.refreshWindow);
        const { exp, refresh_exp } = at(authTime + age, options).signed({ auth_time: authTime });

        expect(exp).toBeLessThanOrEqual(refresh_exp);
        expect(refresh_exp).toBeLessThanOrEqual(authTime + options.sessionLifetime);
      }),
    );
  });
});

describe('[T7] [T8] limits of a session of its own', () => {
  const limited = { auth_time: START, refresh_window: DAY, session_lifetime: 2 * DAY };

  test.each<[string, number, object]>([
    ['in its beginning', 0, { iat: START, exp: START + 900, refresh_exp: START + DAY }],
    ['near its end', 1.5 * DAY, { iat: START + 1.5 * DAY, exp: START + 1.5 * DAY + 900, refresh_exp: START + 2 * DAY }],
    [
      'at its last moment',
      2 * DAY - 1,
      { iat: START + 2 * DAY - 1, exp: START + 2 * DAY, refresh_exp: START + 2 * DAY },
    ],
  ])('apply, %s', (_, age, expected) => {
    expect(at(START + age).signed(limited)).toEqual(expected);
  });

  test('apply only if they are shorter', () => {
    const long = { auth_time: START, expires_in: 900 * DAY, refresh_window: 900 * DAY, session_lifetime: 900 * DAY };

    expect(at(START).signed(long)).toEqual(at(START).signed({ auth_time: START }));
    expect(at(START).of({ ...claims, ...long })).toEqual(at(START).of(claims));
  });

  test.each([
    ['refresh_window', { refresh_window: DAY }, { refreshExp: START + DAY, end: START + 30 * DAY }],
    ['session_lifetime', { session_lifetime: DAY }, { refreshExp: START + DAY, end: START + DAY }],
    ['expires_in', { expires_in: 60 }, { exp: START + 60, refreshExp: claims.refresh_exp, end: START + 30 * DAY }],
  ])('%s applies no matter which times were signed', (_, own, expected) => {
    expect(at(START).of({ ...claims, ...own })).toEqual({ exp: claims.exp, ...expected });
  });
});

describe('signed times are upper bounds', () => {
  test.each([
    ['expiresIn', { expiresIn: 60 }, { exp: START + 60, refreshExp: claims.refresh_exp, end: START + 30 * DAY }],
    ['refreshWindow', { refreshWindow: DAY }, { exp: claims.exp, refreshExp: START + DAY, end: START + 30 * DAY }],
    ['sessionLifetime', { sessionLifetime: 30 }, { exp: START + 30, refreshExp: START + 30, end: START + 30 }],
  ])('a shorter %s applies at once', (_, shorter, expected) => {
    expect(at(START, { ...lifetimes, ...shorter }).of(claims)).toEqual(expected);
  });

  test('a refresh window shorter than the life of the token ends that life', () => {
    const shorter = { ...lifetimes, refreshWindow: 60 };

    expect(at(START + 59, shorter).state(claims)).toBe('valid');
    expect(at(START + 60, shorter).state(claims)).toBe('token_expired');
  });

  test('longer ones, signed elsewhere, are cut to the options', () => {
    const longer = { ...claims, exp: START + 90 * DAY, refresh_exp: START + 900 * DAY };

    expect(at(START).of(longer)).toEqual({
      exp: START + 900,
      refreshExp: START + 7 * DAY,
      end: START + 30 * DAY,
    });
  });
});

describe('[T4] [T5] tokens from the future', () => {
  function isFromTheFuture(token: TokenClaims, times: TokenTimes): boolean {
    try {
      times.isValid(token);
      return false;
    } catch (error) {
      return error instanceof RefreshAuthError && error.code === 'token_invalid';
    }
  }

  /** [tolerance, how far in the future iat and nbf may be], in seconds. */
  const limits = { iat: [0, 1, 60, 61, 300].map((t) => [t, Math.max(60, t)]), nbf: [0, 1, 30, 300].map((t) => [t, t]) };

  test.each(
    Object.entries(limits).flatMap(([name, allowed]) =>
      allowed.flatMap(([tolerance = 0, limit = 0]) => [-1, 0, 1].map((ms) => [name, tolerance, limit, ms] as const)),
    ),
  )('[F20] %s, with a tolerance of %d s, may be %d s ahead: %d ms more', (name, clockTolerance, limit, more) => {
    const now = (START - limit) * 1000 - more;
    const token = { ...claims, iat: START - 1000, [name]: START };

    expect(isFromTheFuture(token, atTime(now, { ...lifetimes, clockTolerance }))).toBe(more > 0);
  });

  test('[T5] an iat in the future within the tolerance widens no window', () => {
    const ahead = { ...claims, iat: START + 30, exp: START + 930, refresh_exp: START + 7 * DAY + 30 };
    const tolerant = { ...lifetimes, clockTolerance: 30 };

    expect(isFromTheFuture(ahead, at(START, tolerant))).toBe(false);
    expect(at(START + 959, tolerant).state(ahead)).toBe('valid');
    expect(at(START + 960, tolerant).state(ahead)).toBe('expired');
  });

  test('[F20] [T5] no iat makes a token accepted beyond its signed times plus the tolerance', () => {
    fc.assert(
      fc.property(anyTimes, anyLifetimes, fc.integer({ min: -400 * DAY, max: 400 * DAY }), (token, options, ahead) => {
        const signed = { ...token, iat: token.iat + ahead };
        const { clockTolerance } = options;

        expect(at(token.exp + clockTolerance, options).state(signed)).not.toBe('valid');
        expect(at(token.refresh_exp + clockTolerance, options).state(signed)).toMatch(/^(token|session)_expired$/);
      }),
      { numRuns: 2000 },
    );
  });

  test('[F20] [T5] nor beyond shorter limits of this process, plus the difference of the clocks', () => {
    fc.assert(
      fc.property(anyTimes, anyLifetimes, (token, options) => {
        const { clockTolerance, expiresIn, refreshWindow } = options;
        // At the first moment at which a token is accepted, its remaining life is longest.
        const leeway = at(token.iat, options).leeway / 1000;
        const accepted = token.iat - leeway;
        const longest = leeway + clockTolerance;
        expect(isFromTheFuture(token, at(accepted, options))).toBe(false);
        expect(isFromTheFuture(token, atTime(accepted * 1000 - 1, options))).toBe(true);

        expect(at(accepted + expiresIn + longest, options).state(token)).not.toBe('valid');
        expect(at(accepted + refreshWindow + longest, options).state(token)).toMatch(/^(token|session)_expired$/);
      }),
      { numRuns: 2000 },
    );
  });
});

test.each([
  [0, 120],
  [30, 120],
  [60, 120],
  [300, 600],
])('[F20] with a tolerance of %d s, a record is kept %d s longer than the refresh window', (clockTolerance, longer) => {
  expect(atTime(START * 1000 + 1, { ...lifetimes, clockTolerance }).retention(START + DAY)).toBe(
    (DAY + longer) * 1000 - 1,
  );
});

test('a record is kept for whole milliseconds', () => {
  expect(Number.isInteger(atTime(START * 1000 + 0.25).retention(START + DAY))).toBe(true);
});
