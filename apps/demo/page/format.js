const UNITS = /** @type {const} */ ([
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
]);

/**
 * Formats a duration in its two largest units: "12 s", "15 min", "6 d 23 h".
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  let left = Math.max(0, Math.ceil(seconds));
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/**
 * Formats a moment: the time of day, with the date if it is not today.
 *
 * @param {number} seconds since 1970
 */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday
    ? date.toLocaleTimeString('en-GB')
    : date.toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}

/**
 * Shortens a token to a part by which it can be recognized.
 *
 * @param {string} token
 */
export function short(token) {
  return token.length > 24 ? `${token.slice(0, 6)}…${token.slice(-8)}` : token;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
