import { short } from './format.js';

/**
 * The result of one request.
 *
 * @typedef {object} Answer
 * @property {string} method
 * @property {string} path
 * @property {number} status 0 if there was no answer
 * @property {Verdict} verdict
 * @property {string | undefined} code the code of the error, if it was refused
 * @property {string | undefined} process the process that answered
 * @property {string | undefined} token the new token that it carried
 * @property {[string, string][]} headers
 * @property {string} body
 * @property {number} from the time at which the page asked, in milliseconds on the page's own clock
 * @property {number} sent the time at which the request left the browser
 * @property {number} to the time at which the answer was complete
 */

/**
 * One of the four token states, or another kind of answer.
 *
 * @typedef {'valid' | 'refreshable' | 'already-refreshed' | 'dead' | 'unavailable' | 'other'} Verdict
 */

/** @type {Record<Verdict, string>} */
export const VERDICTS = {
  valid: 'valid',
  refreshable: 'refreshable: it refreshed the token',
  'already-refreshed': 'already refreshed: got the same new token',
  dead: 'dead: rejected',
  unavailable: 'the store is down: try again',
  other: 'answered',
};

/** @type {Record<string, string>} */
export const REASONS = {
  valid: 'The token is before its exp. Its signature was checked, and the store was not asked.',
  refreshable:
    'The token was past its exp, and no other request had refreshed it yet. The store let this request do so, and its answer carries the next generation.',
  'already-refreshed':
    'Another request had already refreshed this token. This one was served too, and got the same new token.',
  token_missing: 'The request carried no token.',
  token_malformed: 'The text does not have the form of a token. The server did not decode it.',
  token_invalid: 'The signature is wrong: the token was altered, or signed with another key. The store was not asked.',
  token_expired: 'The token is past its refresh_exp and can no longer be refreshed.',
  token_superseded:
    'This token was superseded, and a newer one has been in use for longer than the grace. The request may only be late, so the session lives on, and the latest token works.',
  token_reused:
    'This token was superseded so long ago that no honest request can be that late, and a newer one is in use: two parties hold tokens of one session. The token may be stolen, so the session was revoked for both.',
  session_revoked: 'The session was revoked. None of its tokens is accepted any more, not even a new one.',
  session_expired: 'The session has reached the end of its lifetime, which a refresh does not extend.',
  store_unavailable:
    'Only the store can decide which request refreshes, and it is down. You are not signed out: the same token works again as soon as the store does.',
};

/**
 * Explains an answer.
 *
 * @param {Answer} answer
 */
export function reasonOf(answer) {
  if (answer.status === 0) return 'There was no answer: the server cannot be reached. Your token is kept.';
  if (answer.status >= 500 && answer.code === undefined)
    return `The server failed on this request (status ${answer.status}). Its log says why.`;
  return REASONS[answer.code ?? answer.verdict] ?? 'The guard did not look at this request.';
}

/**
 * @param {Response} response
 * @param {string | undefined} code
 * @returns {Verdict}
 */
function verdictOf(response, code) {
  const state = response.headers.get('X-Token-State');
  if (state === 'valid' || state === 'refreshable' || state === 'already-refreshed') return state;
  if (response.status === 401 && code !== undefined) return 'dead';
  return response.status === 503 ? 'unavailable' : 'other';
}

/** The headers that the page shows. Scripts cannot see the cookie. */
const SHOWN = ['x-token-state', 'authorization', 'www-authenticate', 'retry-after', 'cache-control', 'x-demo-process'];

/**
 * Sends a request, and waits for the complete answer.
 *
 * @param {typeof fetch} send
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Answer>}
 */
export async function ask(send, path, init = {}) {
  const { method = 'GET' } = init;
  const from = performance.now();
  /** @type {Response} */
  let response;
  let body = '';
  try {
    response = await send(path, init);
    body = await response.text();
  } catch {
    response = Response.error();
  }
  const code = codeIn(body);
  return {
    method,
    path,
    status: response.status,
    verdict: verdictOf(response, code),
    code,
    process: response.headers.get('X-Demo-Process') ?? undefined,
    token: response.headers.get('Authorization')?.replace(/^Bearer /i, ''),
    headers: SHOWN.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, name === 'authorization' ? `Bearer ${short(value.slice(7))}` : value]];
    }),
    body,
    from,
    sent: sentAt(response.url) ?? from,
    to: performance.now(),
  };
}

/**
 * Returns the time at which a request left the browser, which sends six at a time and queues the others.
 *
 * @param {string} url
 */
function sentAt(url) {
  const [entry] = performance.getEntriesByName(url, 'resource').slice(-1);
  return entry instanceof PerformanceResourceTiming && entry.requestStart > 0 ? entry.requestStart : undefined;
}

/** @param {string} body */
function codeIn(body) {
  try {
    const { code } = JSON.parse(body);
    return typeof code === 'string' ? code : undefined;
  } catch {
    return undefined;
  }
}
