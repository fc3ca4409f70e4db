import { duration } from './format.js';

/** @import { Session } from './session.js' */

/** The longest time that the page waits for a token to expire. */
const MOST_PATIENCE_SECONDS = 60;

/**
 * Waits until the token has expired, unless that takes too long.
 *
 * @param {Session} session
 * @param {(text: string) => void} tell
 * @returns {Promise<boolean>} true if it has expired
 */
export async function untilExpired(session, tell) {
  for (;;) {
    const { current } = session;
    if (!current) return false;
    const left = current.claims.exp - session.now();
    if (left <= 0) return true;
    if (left > MOST_PATIENCE_SECONDS) {
      tell(`The token is valid for another ${duration(left)}. Sign in with short times to see it expire.`);
      return false;
    }
    tell(`Letting the token expire: ${duration(left)} …`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(left * 1000 + 5, 250)));
  }
}

/**
 * Checks a condition repeatedly, at growing intervals, until it is true.
 *
 * @param {() => Promise<boolean>} condition
 */
export async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 200));
}
