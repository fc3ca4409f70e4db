import { ask, REASONS } from './answers.js';
import { nextSignOut } from './sign-outs.js';
import { sleep } from './waiting.js';

/** @import { Outcome } from './outcome.js' */
/** @import { Session } from './session.js' */
/** @import { SignOut } from './sign-outs.js' */

/** The users of the demo, by `sub`. */
const ACCOUNTS = /** @type {Record<string, { username: string, password: string }>} */ ({
  1: { username: 'ada', password: 'lovelace' },
  2: { username: 'alan', password: 'turing' },
});

const EVERYWHERE = '/auth/logout-everywhere';

/** How long the page waits for a sign-out, in milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * The end of a connection.
 *
 * @typedef {object} End
 * @property {number} at in milliseconds since 1970
 * @property {string} reason
 * @property {number} [status] the close code of a socket
 */

/** @param {Session} session */
export function socketHint({ seesToken }) {
  return seesToken
    ? 'Opens a second tab. The socket has a session of its own, in a cookie: scripts cannot set the header of a WebSocket.'
    : 'Opens a second tab. The cookie signs the socket in.';
}

/**
 * Returns the reason why no socket can be opened now, if there is one.
 *
 * @param {Session} session
 */
export function socketObstacle({ about, current, isAlive, policy }) {
  if (about.delivery === 'header')
    return 'A WebSocket of a browser is signed in by a cookie, and TOKEN_DELIVERY=header sets none.';
  if (!current) return 'Sign in first.';
  if (!isAlive) return 'This session is over. Sign in again.';
  return policy.base === '' ? undefined : 'The socket does not accept tokens of this policy. Switch the policy first.';
}

/**
 * Opens a socket, a stream and a second tab, and waits until the user has signed out everywhere.
 *
 * @param {Session} session
 * @param {(text: string) => void} tell
 * @returns {Promise<Outcome>}
 */
export async function watchSocket(session, tell) {
  if (session.seesToken) await signInByCookie(session);
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/live`);
  const stream = new EventSource('/live/events');
  const closed = endOfSocket(socket);
  const ended = endOfStream(stream);
  const signedOut = nextSignOut(EVERYWHERE);
  try {
    await Promise.all([welcomed(socket), begun(stream)]);
    const where = window.open('/', '_blank') ? 'the tab that has opened' : 'another tab with this page';
    tell(`A socket and a stream are open. Press “Sign out everywhere” in ${where}, then come back …`);
    const close = await Promise.race([closed, sleep(PATIENCE_MS)]);
    if (!close) return { headline: 'Nobody has signed out', why: 'This tab closed its socket.', answers: [] };
    // The message of the other tab may be later than the end of the socket.
    return outcome(close, await Promise.race([ended, sleep(1000)]), await Promise.race([signedOut, sleep(1000)]));
  } finally {
    stream.close();
    socket.close();
    // Without its cookie, this browser is as it was before.
    if (session.seesToken) await ask(fetch, '/auth/logout', { method: 'POST' });
  }
}

/**
 * @param {End} close
 * @param {End | void} end
 * @param {SignOut | void} signOut
 * @returns {Outcome}
 */
function outcome(close, end, signOut) {
  const ends = `The server closed the socket of this tab with ${close.status}, reason “${close.reason}”`;
  if (!signOut) {
    const why = REASONS[close.reason] ?? 'The connection was lost. A client connects again.';
    return { headline: 'The socket was closed', why: `${ends}. ${why}`, answers: [] };
  }
  const tab = signOut.isElsewhere ? 'Another tab' : 'This tab';
  const after = (/** @type {End} */ { at }) => `${Math.max(0, at - signOut.at)} ms`;
  return {
    headline: `${tab} signed out everywhere, and the socket of this tab closed ${after(close)} later`,
    why:
      `${ends}. ` +
      (end ? `The last event of the stream (SSE) came after ${after(end)}, and said “${end.reason}”. ` : '') +
      'This tab had sent nothing. Sockets in other processes and in other browsers of this user close in the same way. ' +
      'The times count from the moment at which the request to sign out was sent.',
    answers: [],
  };
}

/** @param {Session} session */
async function signInByCookie(session) {
  const account = ACCOUNTS[session.current?.claims.sub ?? ''];
  if (!account) throw new Error('The page knows no password of this user.');
  const answer = await ask(fetch, '/auth/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(account),
  });
  if (answer.status !== 200) throw new Error(`The sign-in for the socket was answered with ${answer.status}.`);
}

/**
 * Waits until the socket has an answer to a message of its own, after the server has admitted it.
 *
 * @param {WebSocket} socket
 * @returns {Promise<void>}
 */
async function welcomed(socket) {
  return new Promise((resolve, reject) => {
    socket.addEventListener('message', ({ data }) => {
      const { event } = JSON.parse(data);
      if (event === 'welcome') socket.send(JSON.stringify({ event: 'me' }));
      if (event === 'me') resolve();
    });
    socket.addEventListener('close', ({ reason }) =>
      reject(new Error(`The server did not let the socket in: ${REASONS[reason] ?? 'there was no connection.'}`)),
    );
  });
}

/**
 * @param {EventSource} stream
 * @returns {Promise<void>}
 */
async function begun(stream) {
  return new Promise((resolve, reject) => {
    stream.addEventListener('message', () => resolve());
    stream.addEventListener('error', () => reject(new Error('The server did not begin the stream.')));
  });
}

/**
 * @param {WebSocket} socket
 * @returns {Promise<End>}
 */
async function endOfSocket(socket) {
  return new Promise((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ at: Date.now(), reason, status: code }));
  });
}

/**
 * @param {EventSource} stream
 * @returns {Promise<End>}
 */
async function endOfStream(stream) {
  return new Promise((resolve) => {
    stream.addEventListener('ended', (/** @type {MessageEvent<string>} */ { data }) => {
      // It would connect again.
      stream.close();
      resolve({ at: Date.now(), reason: data });
    });
  });
}
