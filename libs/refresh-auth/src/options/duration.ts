import ms, { type StringValue } from 'ms';

/** A number of seconds, or a string with a unit, such as `'15m'` or `'7d'`. */
export type Duration = number | string;

/** Returns milliseconds; `NaN` for what is no duration. */
export function parseDuration(text: unknown): number {
  if (typeof text !== 'string' || text === '') return Number.NaN;
  // Removes rounding errors: `ms('1.1h')` returns 3960000.0000000005.
  return Number((ms(text as StringValue) ?? Number.NaN).toFixed(6));
}

/** Returns true for a number without a unit. `ms` reads it as milliseconds, but in an environment variable it may have been meant as seconds. */
export function lacksUnit(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text));
}
