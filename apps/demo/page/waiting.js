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
    const reason = whyNotExpiring(session);
    if (reason !== undefined) {
      tell(reason);
      return false;
    }
    tell(`Letting the token expire: ${duration(left)} …`);
    await sleep(Math.min(left * 1000 + 5, 250));
  }
}

/**
 * Returns the reason why it makes no sense to wait for the token to expire, if there is one.
 *
 * @param {Session} session
 */
export function whyNotExpiring(session) {
  const left = (session.current?.claims.exp ?? 0) - session.now();
  return left > MOST_PATIENCE_SECONDS
    ? `The token is valid for another ${duration(left)}. Sign in with short times to see it expire.`
    : undefined;
}

/**
 * Checks a condition repeatedly, at growing intervals, until it is true.
 *
 * @param {() => Promise<boolean>} condition
 */
export async function until(condition) {
  while (!(await condition())) await sleep(200);
}

/**
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export async function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
