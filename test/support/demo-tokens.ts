import { createHmac } from 'node:crypto';
import { DAY, HOUR } from './aged-tokens.js';
import { signInOf } from './past-sign-in.js';

/** The secret of the demos whose page is tested. */
export const PAGE_SECRET = 'a secret of the page’s tests, long enough for them';
/** The secret of the demo's routes with reuse detection. */
const graceSecret = createHmac('sha256', PAGE_SECRET).update('grace').digest();
const ADA = { sub: '1', type: 'admin', scope: 'read write' };

/** A token of somebody who was here an hour ago. It has expired, and the token that replaces it lives longer than any test takes. */
export async function expiredToken(routes: '' | '/grace' = ''): Promise<string> {
  const secret = routes === '' ? PAGE_SECRET : graceSecret;
  return (await signInOf(HOUR, { secret }, ADA)).token;
}

/** Returns a token whose refresh window ends in this many milliseconds. */
export async function endingToken(soon: number): Promise<string> {
  return (await signInOf(7 * DAY - soon, { secret: PAGE_SECRET }, ADA)).token;
}
