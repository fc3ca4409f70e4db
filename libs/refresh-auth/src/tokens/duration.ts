import ms, { type StringValue } from 'ms';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';

/** A number of seconds, or a string with a unit, such as `'15m'` or `'7d'`. */
export type Duration = number | string;

/** 100 years in seconds, so that every resulting time is valid both as a claim and as a JavaScript date. */
const LONGEST_SECONDS = 100 * 365 * 24 * 60 * 60;

/**
 * Reads a duration in whole seconds.
 *
 * @param least the shortest duration that is allowed, in seconds. Defaults to 1
 * @throws RefreshAuthOptionsError if the value is not a duration, or is out of range
 */
export function parseSeconds(option: string, value: unknown, least = 1): number {
  const seconds = typeof value === 'number' ? value : parseUnit(option, value, 's') / 1000;
  if (!Number.isInteger(seconds) || seconds < least || seconds > LONGEST_SECONDS) {
    throw new RefreshAuthOptionsError(
      option,
      `is ${describe(value)}`,
      `Write whole seconds, from ${least} to 100 years: a number such as 900, or a string with a unit such as '15m'.`,
    );
  }
  return seconds;
}

/**
 * Reads a timeout in milliseconds: a number, or a string with a unit.
 *
 * @throws RefreshAuthOptionsError if the value is not a duration, or is out of range
 */
export function parseMilliseconds(option: string, value: unknown): number {
  const milliseconds = typeof value === 'number' ? value : parseUnit(option, value, 'ms');
  // setTimeout fires immediately for delays of more than 31 bits.
  if (!Number.isInteger(milliseconds) || milliseconds < 1 || milliseconds >= 2 ** 31) {
    throw new RefreshAuthOptionsError(
      option,
      `is ${describe(value)}`,
      "Write a whole number of milliseconds, such as 500, or a string with a unit such as '500ms'.",
    );
  }
  return milliseconds;
}

/**
 * Returns the milliseconds of a string with a unit; `NaN` if it is not a duration.
 *
 * @param unit the unit to suggest for a bare number
 */
function parseUnit(option: string, value: unknown, unit: 's' | 'ms'): number {
  if (typeof value !== 'string') {
    throw new RefreshAuthOptionsError(
      option,
      `is ${describe(value)}`,
      "Write a number, or a string with a unit such as '15m'.",
    );
  }
  // `ms` reads a bare number as milliseconds, but whoever sets an environment variable to one usually means seconds.
  if (value.trim() !== '' && Number.isFinite(Number(value))) {
    throw new RefreshAuthOptionsError(
      option,
      `is ${describe(value)}, a number without a unit`,
      `Write ${Number(value)} as a number, or a string with a unit such as '${value.trim()}${unit}'.`,
    );
  }
  if (value === '') return Number.NaN;
  // Removes rounding errors: `ms('1.1h')` returns 3960000.0000000005.
  return Number((ms(value as StringValue) ?? Number.NaN).toFixed(6));
}

function describe(value: unknown): string {
  return typeof value === 'string'
    ? `'${value.slice(0, 40)}'`
    : typeof value === 'number'
      ? String(value)
      : `of type ${value === null ? 'null' : typeof value}`;
}
