import { describe, expect, test } from '@jest/globals';
import { optionsErrorOf } from '../../../../test/support/refusals.js';
import { parseMilliseconds, parseSeconds } from './duration.js';

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
    expect(parseSeconds('expiresIn', value)).toBe(seconds);
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
    [`${'9'.repeat(200)}d`, `is '${'9'.repeat(40)}'`],
  ])('are not %j', (value, problem) => {
    expect(optionsErrorOf(() => parseSeconds('expiresIn', value))).toEqual({
      option: 'expiresIn',
      says: `${problem}. ${remedy}`,
    });
  });

  test.each([
    ['60', 'Write 60 as a number', "'60s'"],
    [' 60 ', 'Write 60 as a number', "'60s'"],
    ['1.5', 'Write 1.5 as a number', "'1.5s'"],
  ])('[T9] are not %j, which has no unit', (value, number, text) => {
    expect(optionsErrorOf(() => parseSeconds('expiresIn', value))).toEqual({
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
    expect(optionsErrorOf(() => parseSeconds('refreshWindow', value))).toEqual({
      option: 'refreshWindow',
      says: `is of type ${type}. Write a number, or a string with a unit such as '15m'.`,
    });
  });

  test('can be 0 if the caller allows it, but not less', () => {
    expect(parseSeconds('clockTolerance', 0, 0)).toBe(0);
    expect(optionsErrorOf(() => parseSeconds('clockTolerance', -1, 0))).toEqual({
      option: 'clockTolerance',
      says: `is -1. ${remedy.replace('from 1', 'from 0')}`,
    });
  });
});

describe('milliseconds', () => {
  const remedy = "Write a whole number of milliseconds, such as 500, or a string with a unit such as '500ms'.";

  test.each([
    [1, 1],
    [500, 500],
    ['500ms', 500],
    ['2s', 2000],
    [2 ** 31 - 1, 2 ** 31 - 1],
  ])('%j are %d', (value, milliseconds) => {
    expect(parseMilliseconds('storeTimeout', value)).toBe(milliseconds);
  });

  test.each([
    [0, 'is 0'],
    [-1, 'is -1'],
    [0.5, 'is 0.5'],
    [Number.NaN, 'is NaN'],
    [Number.POSITIVE_INFINITY, 'is Infinity'],
    [2 ** 31, 'is 2147483648'],
    ['', "is ''"],
    ['soon', "is 'soon'"],
    ['0.5ms', "is '0.5ms'"],
    ['25d', "is '25d'"],
  ])('are not %j', (value, problem) => {
    expect(optionsErrorOf(() => parseMilliseconds('storeTimeout', value))).toEqual({
      option: 'storeTimeout',
      says: `${problem}. ${remedy}`,
    });
  });

  test('are not a text without a unit, and the remedy adds the unit', () => {
    expect(optionsErrorOf(() => parseMilliseconds('storeTimeout', '500'))).toEqual({
      option: 'storeTimeout',
      says: "is '500', a number without a unit. Write 500 as a number, or a string with a unit such as '500ms'.",
    });
  });
});

test.each(['1.5.2', '.', '-', '+.'])('the remedy for %j does not suggest NaN', (value) => {
  expect(optionsErrorOf(() => parseSeconds('expiresIn', value))).toEqual({
    option: 'expiresIn',
    says: expect.not.stringContaining('NaN'),
  });
});
