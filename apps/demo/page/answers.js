import { short } from './format.js';

/**
 * What came back for one request.
 *
 * @typedef {object} Answer
 * @property {string} method
 * @property {string} path
 * @property {number} status 0: there was no answer
 * @property {Verdict} verdict
 * @property {string | undefined} code why it was refused
 * @property {string | undefined} process which one answered
 * @property {string | undefined} token the new one that it carried
 * @property {[string, string][]} headers
 * @property {string} body
 * @property {number} from when it was asked for, in milliseconds on the page's own clock
 * @property {number} sent when it left the browser
 * @property {number} to when the answer was there
 */

/**
 * One of the four states; or what else an answer may say.
 *
 * @typedef {'valid' | 'refreshable' | 'already-refreshed' | 'dead' | 'unavailable' | 'other'} Verdict
 */

/** @type {Record<Verdict, string>} */
export const VERDICTS = {
  valid: 'valid',
  refreshable: 'refreshable: it refreshed the token',
  'already-refreshed': 'already refreshed: handed the same new token',
  dead: 'dead: refused',
  unavailable: 'the store is out: try again',
  other: 'answered',
};

/** @type {Record<string, string>} */
const REASONS = {
  valid: 'The token is before its exp. Its signature was checked, and the store was not asked.',
  refreshable:
    'The token was past its exp, and nobody had refreshed it yet. The store let this request be the one that does, and its answer carries the next generation.',
  'already-refreshed':
    'Another request has refreshed this token already. This one was served all the same, and was handed the very same new token.',
  token_missing: 'The request carried no token.',
  token_malformed: 'That is not the shape of a token. Nothing of it was read.',
  token_invalid:
    'The signature does not fit: the token was altered, or signed by somebody else. The store was not asked.',
  token_expired: 'The token is past its refresh_exp. Nobody can exchange it any more; only a sign-in helps.',
  token_reused:
    'This token was superseded, its grace is over, and its successor is in use: two parties hold tokens of one session. It may have been stolen, so the session was ended for both.',
  session_revoked: 'The session was ended. No token of it is accepted any more, however young it is.',
  session_expired: 'The session has reached the end of its lifetime, which no refresh prolongs.',
  store_unavailable:
    'Only the store can decide who refreshes, and it is out. This is not a logout: nothing was lost, and the same token works again as soon as the store does.',
};

/**
 * Why the answer is what it is.
 *
 * @param {Answer} answer
 */
export function reasonOf(answer) {
  if (answer.status === 0) return 'No answer came: the server is not there.';
  return REASONS[answer.code ?? answer.verdict] ?? 'The guard had nothing to say about this request.';
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

/** What is worth looking at; the cookie is hidden from scripts, as it should be. */
const SHOWN = ['x-token-state', 'authorization', 'www-authenticate', 'retry-after', 'cache-control', 'x-demo-process'];

/**
 * Sends a request, and waits for all of the answer.
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
 * When a request left: a browser sends six at a time, and lets the others wait.
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
