import { element, write } from './dom.js';

/** @import { About } from '../src/page/about.interface.js' */
/** @import { Session } from './session.js' */

/** How often the page asks whether the server and its store are there, in milliseconds. */
const INTERVAL_MS = 2000;

const bar = element('status', HTMLElement);

/** @type {Record<About['storeState'], [name: string, words: string]>} */
const STORES = {
  up: ['The store works', 'The server answers.'],
  stopped: [
    'The store is stopped',
    'Somebody stopped it from a page like this. Valid tokens work; expired ones have to wait.',
  ],
  down: ['The store is down', 'It does not answer. Valid tokens work; expired ones have to wait.'],
};

/**
 * Shows the state of the server and of its store, and keeps it up to date while the page is visible.
 *
 * @param {Session} session
 */
export function watchServer(session) {
  draw(session);
  session.addEventListener('server', () => draw(session));
  document.addEventListener('visibilitychange', () => void check(session));
  setInterval(() => void check(session), INTERVAL_MS);
}

/** Says that the page has nothing to show, because the server did not answer its first question. */
export function serverNeverAnswered() {
  show('gone', 'The server does not answer', 'Start it with npm start, and load this page again.');
}

/** @param {Session} session */
async function check(session) {
  if (document.visibilityState === 'visible') await session.lookAtServer();
}

/** @param {Session} session */
function draw({ isServerThere, storeState }) {
  if (isServerThere) show(storeState, ...STORES[storeState]);
  else show('gone', 'The server is gone', 'Your token is kept. This page looks for the server every two seconds.');
}

/**
 * @param {string} state
 * @param {string} name
 * @param {string} words
 */
function show(state, name, words) {
  bar.dataset['server'] = state;
  write(bar, `${name}. ${words}`);
}
