import { describe, expect, test } from '@jest/globals';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import { OptionReader } from './option-reader.js';

describe('objects', () => {
  const read = (value: unknown) => new OptionReader(value, 'delivery', 'forRoot').object(['header', 'cookie']);

  test('give each option its path', () => {
    const { header, cookie } = read({ header: false });

    expect([header.path, header.value, header.isGiven]).toEqual(['delivery.header', false, true]);
    expect([cookie.path, cookie.value, cookie.isGiven]).toEqual(['delivery.cookie', undefined, false]);
    expect(new OptionReader({ secret: 'x' }).object(['secret']).secret.path).toBe('secret');
    expect(new OptionReader([1], 'keys').list('').map(({ path }) => path)).toEqual(['keys[0]']);
  });

  test.each([
    [[], 'forRoot: option `delivery` is not an object. Write an object with header, cookie.'],
    [null, 'forRoot: option `delivery` is not an object. Write an object with header, cookie.'],
    [new Map([['header', false]]), 'forRoot: option `delivery` is not an object. Write an object with header, cookie.'],
    [new Set(['header']), 'forRoot: option `delivery` is not an object. Write an object with header, cookie.'],
    [new Date(0), 'forRoot: option `delivery` is not an object. Write an object with header, cookie.'],
    [Promise.resolve({}), 'forRoot: option `delivery` is not an object. Write an object with header, cookie.'],
    [/header/, 'forRoot: option `delivery` is not an object. Write an object with header, cookie.'],
    [{ Header: 1 }, 'forRoot: option `delivery.Header` is not known. Use only header, cookie.'],
  ])('are not %j, and the error names the call', (value, message) => {
    expect(() => read(value)).toThrow(new TypeError(message));
  });

  test.each([null, 'secret', [], 7])('the argument that holds all options is not %j', (value) => {
    expect(() => new OptionReader(value).object(['secret'])).toThrow(
      new TypeError('RefreshAuthModule: the argument is not an object. Write an object with secret.'),
    );
  });
});

test('an instance of a class, of which its fields are options, is an object', () => {
  class Settings {
    secret = 'x';
  }

  expect(new OptionReader(new Settings()).object(['secret']).secret.value).toBe('x');
});

test('a list has its holes: an entry that is missing is not one that is right', () => {
  // oxlint-disable-next-line no-sparse-arrays
  expect(new OptionReader([1, , 3], 'list').list('').map(({ value }) => value)).toEqual([1, undefined, 3]);
});

test('a default takes the place of undefined alone', () => {
  const values = [undefined, null, false, 0, ''].map((value) => new OptionReader(value, 'x').or('default').value);

  expect(values).toEqual(['default', null, false, 0, '']);
});

test.each([
  ['', "is ''"],
  ['Lax', "is 'Lax'"],
  ['x'.repeat(20), `is '${'x'.repeat(20)}'`],
  [7, 'is 7'],
  [null, 'is of type null'],
  [{}, 'is of type object'],
])('an error shows a value that is not known: %j', (value, shown) => {
  expect(optionsErrorOf(() => new OptionReader(value, 'sameSite').choice(['lax', 'none']))).toEqual({
    option: 'sameSite',
    says: `${shown}, which is not known. Write one of 'lax', 'none'.`,
  });
});

test.each(['bUmcVxVcOl0p9dQ4DTQn3LQ7pXv6vyRs', '83017425960183746529018374659201', '密钥是一只会飞的蓝色鲸鱼'])(
  'no error shows a secret that was given to the wrong option: %s',
  (secret) => {
    const option = new OptionReader(secret, 'expiresIn');

    for (const read of [() => option.choice(['a']), () => option.seconds(), () => option.milliseconds()]) {
      expect(optionsErrorOf(read)).toEqual({
        option: 'expiresIn',
        says: expect.stringMatching(new RegExp(`^is a string of ${secret.length} characters`)),
      });
    }
  },
);

describe('[T9] seconds', () => {
  const remedy =
    "Write whole seconds, from 1 to 100 years: a number such as 900, or a string with a unit such as '15m'.";

  test.each([
    [1, 1],
    [900, 900],
    ['1s', 1],
    ['15m', 900],
    ['15 minutes', 900],
    ['1.5h', 5400],
    ['1.1h', 3960],
    ['7d', 604_800],
    ['7D', 604_800],
    ['2 weeks', 1_209_600],
    ['1y', 31_557_600],
    ['2000ms', 2],
    [3_153_600_000, 3_153_600_000],
  ])('%j are %d', (value, seconds) => {
    expect(new OptionReader(value, 'expiresIn').seconds()).toBe(seconds);
  });

  test.each([
    [0, 'is 0'],
    [-1, 'is -1'],
    [0.5, 'is 0.5'],
    [Number.NaN, 'is NaN'],
    [Number.POSITIVE_INFINITY, 'is Infinity'],
    [Number.NEGATIVE_INFINITY, 'is -Infinity'],
    [3_153_600_001, 'is 3153600001'],
    [2 ** 53, 'is 9007199254740992'],
    ['', "is ''"],
    [' ', "is ' '"],
    ['soon', "is 'soon'"],
    ['15 m 3 s', "is '15 m 3 s'"],
    ['15x', "is '15x'"],
    ['m', "is 'm'"],
    ['-15m', "is '-15m'"],
    ['0s', "is '0s'"],
    ['0.5s', "is '0.5s'"],
    ['500ms', "is '500ms'"],
    ['101y', "is '101y'"],
    ['1e999d', "is '1e999d'"],
    ['Infinity', "is 'Infinity'"],
    ['NaN', "is 'NaN'"],
    ['P15M', "is 'P15M'"],
    [`${'9'.repeat(200)}d`, 'is a string of 201 characters'],
  ])('are not %j', (value, problem) => {
    expect(optionsErrorOf(() => new OptionReader(value, 'expiresIn').seconds())).toEqual({
      option: 'expiresIn',
      says: `${problem}. ${remedy}`,
    });
  });

  test.each([
    ['60', 'Write 60 as a number', "'60s'"],
    [' 60 ', 'Write 60 as a number', "'60s'"],
    ['1.5', 'Write 1.5 as a number', "'1.5s'"],
  ])('[T9] are not %j, which has no unit', (value, number, text) => {
    expect(optionsErrorOf(() => new OptionReader(value, 'expiresIn').seconds())).toEqual({
      option: 'expiresIn',
      says: `is '${value}', a number without a unit. ${number}, or a string with a unit such as ${text}.`,
    });
  });

  test.each([
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'boolean'],
    [{}, 'object'],
    [[900], 'object'],
    [900n, 'bigint'],
  ])('are not %p', (value, type) => {
    expect(optionsErrorOf(() => new OptionReader(value, 'refreshWindow').seconds())).toEqual({
      option: 'refreshWindow',
      says: `is of type ${type}. ${remedy}`,
    });
  });

  test('can be 0 where that makes sense, and not less', () => {
    expect(new OptionReader(0, 'clockTolerance').seconds(0)).toBe(0);
    expect(optionsErrorOf(() => new OptionReader(-1, 'clockTolerance').seconds(0))).toEqual({
      option: 'clockTolerance',
      says: `is -1. ${remedy.replace('from 1', 'from 0')}`,
    });
  });
});

describe('milliseconds', () => {
  const remedy = "Write a string with a unit, such as '500ms' or '2s'.";

  test.each([
    ['1ms', 1],
    ['500ms', 500],
    ['2s', 2000],
    ['24d', 24 * 86_400_000],
  ])('%j are %d', (value, milliseconds) => {
    expect(new OptionReader(value, 'storeTimeout').milliseconds()).toBe(milliseconds);
  });

  test.each([
    ['', "is ''"],
    ['soon', "is 'soon'"],
    ['0s', "is '0s'"],
    ['-1s', "is '-1s'"],
    ['0.5ms', "is '0.5ms'"],
    ['25d', "is '25d'"],
    [null, 'is of type null'],
    [['2s'], 'is of type object'],
    [500n, 'is of type bigint'],
  ])('are not %j', (value, problem) => {
    expect(optionsErrorOf(() => new OptionReader(value, 'storeTimeout').milliseconds())).toEqual({
      option: 'storeTimeout',
      says: `${problem}. ${remedy} The limits are 1 ms and 24 days.`,
    });
  });

  test.each([
    [5, 'is 5'],
    [500, 'is 500'],
    [0, 'is 0'],
    [Number.NaN, 'is NaN'],
    ['5', "is '5'"],
    [' 500 ', "is ' 500 '"],
  ])('[F75] are not %j: a time-out needs a unit', (value, problem) => {
    expect(optionsErrorOf(() => new OptionReader(value, 'storeTimeout').milliseconds())).toEqual({
      option: 'storeTimeout',
      says: `${problem}, a number without a unit. ${remedy}`,
    });
  });
});

test.each(['1.5.2', '.', '-', '+.'])('the remedy for %j is not to write NaN', (value) => {
  expect(optionsErrorOf(() => new OptionReader(value, 'expiresIn').seconds())).toEqual({
    option: 'expiresIn',
    says: expect.not.stringContaining('NaN'),
  });
});
