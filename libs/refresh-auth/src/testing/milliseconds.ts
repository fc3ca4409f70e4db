import ms, { type StringValue } from 'ms';

/**
 * Reads a span of time in milliseconds. Unlike the value of an option, it may be zero, negative or very long.
 *
 * @param span milliseconds, or a string with a unit such as `'15m'`
 * @throws TypeError if it is neither
 */
export function milliseconds(span: number | string): number {
  const parsed = typeof span === 'string' && /[a-z]/i.test(span) ? ms(span as StringValue) : span;
  if (typeof parsed !== 'number' || !Number.isFinite(parsed)) {
    throw new TypeError(`${JSON.stringify(span)} is not a span of time: write milliseconds, or a string such as '15m'`);
  }
  return parsed;
}
