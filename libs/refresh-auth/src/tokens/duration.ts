import ms, { type StringValue } from 'ms';
import { RefreshAuthOptionsError } from '../errors/refresh-auth-options-error.js';

/** A number of seconds, or a string with a unit, such as `'15m'` or `'7d'`. */
export type Duration = number | string;

/** The least common denominator of signed times and JavaScript dates: nothing that is meant to end lives longer. */
const LONGEST_SECONDS = 100 * 365 * 24 * 60 * 60;

/**
 * Reads a duration in whole seconds.
 *
 * @param least the shortest that is allowed, in seconds
 * @throws RefreshAuthOptionsError
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
 * Reads a time-out in milliseconds: a number of them, or a string with a unit.
 *
 * @throws RefreshAuthOptionsError
 */
export function parseMilliseconds(option: string, value: unknown): number {
  const milliseconds = typeof value === 'number' ? value : parseUnit(option, value, 'ms');
  // setTimeout fires at once beyond 31 bits.
  if (!Number.isInteger(milliseconds) || milliseconds < 1 || milliseconds >= 2 ** 31) {
    throw new RefreshAuthOptionsError(
      option,
      `is ${describe(value)}`,
      "Write a whole number of milliseconds, such as 500, or a string with a unit such as '500ms'.",
    );
  }
  return milliseconds;
}

/** @param unit the one that a bare number was most likely meant in */
function parseUnit(option: string, value: unknown, unit: 's' | 'ms'): number {
  if (typeof value !== 'string') {
    throw new RefreshAuthOptionsError(
      option,
      `is ${describe(value)}`,
      "Write a number, or a string with a unit such as '15m'.",
    );
  }
  // The usual reading of a bare number is milliseconds, and that of its writer, from an environment variable, seconds.
  if (value.trim() !== '' && Number.isFinite(Number(value))) {
    throw new RefreshAuthOptionsError(
      option,
      `is ${describe(value)}, a number without a unit`,
      `Write ${Number(value)} as a number, or a string with a unit such as '${value.trim()}${unit}'.`,
    );
  }
  if (value === '') return Number.NaN;
  // 1.1 hours are 3,960,000.0000000005 ms.
  return Number((ms(value as StringValue) ?? Number.NaN).toFixed(6));
}

function describe(value: unknown): string {
  return typeof value === 'string'
    ? `'${value.slice(0, 40)}'`
    : typeof value === 'number'
      ? String(value)
      : `of type ${value === null ? 'null' : typeof value}`;
}
