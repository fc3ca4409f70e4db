import { reasonOf } from './answers.js';
import { element, on, write } from './dom.js';
import { drawExperiments, prepareExperiments } from './experiments.js';
import { plural } from './format.js';
import { drawLinks } from './links.js';
import { outcomeOf, showOutcome } from './outcome.js';
import { Session } from './session.js';
import { drawPolicyChoice, prepareSignIn } from './sign-in.js';
import { serverNeverAnswered, watchServer } from './status.js';
import { drawStart, prepareStorm } from './storm.js';
import { drawPresent, drawToken } from './timeline.js';

/** @import { About } from '../src/page/about.interface.js' */

const TICK_MS = 100;
/** True if the session was alive when the page was last drawn. Sessions also end by time alone. */
let wasAlive = false;

const signInCard = element('sign-in', HTMLElement);
const tokenCard = element('token', HTMLElement);
const notice = element('notice', HTMLElement);
const heard = element('heard', HTMLElement);
const request = element('request', HTMLButtonElement);

await start();
document.body.dataset['ready'] = 'true';

async function start() {
  const session = await openSession();
  if (session) await begin(session);
  else serverNeverAnswered();
}

/** @param {Session} session */
async function begin(session) {
  describeServer(session);
  drawLinks(session.about);
  prepareSignIn(session, () => {
    request.focus({ preventScroll: true });
    tokenCard.scrollIntoView({ block: 'start' });
  });
  prepareButtons(session);
  prepareStorm(session);
  prepareExperiments(session);
  watchServer(session);
  session.addEventListener('change', () => draw(session));
  session.addEventListener('server', () => drawObstacles(session));
  draw(session);
  setInterval(() => tick(session), TICK_MS);
  await session.resume();
}

/** @returns {Promise<Session | undefined>} `undefined` if the server does not answer */
async function openSession() {
  const before = Date.now();
  try {
    /** @type {About} */
    const about = await (await fetch('/about')).json();
    const clockOffset = about.now - (before + Date.now()) / 2;
    const isApart = new URLSearchParams(location.search).get('storage') === 'tab';
    return new Session(about, isApart ? sessionStorage : localStorage, clockOffset);
  } catch {
    return undefined;
  }
}

/** @param {Session} session */
function describeServer({ about, storage }) {
  const { adapter, store, delivery, processes } = about;
  const deliveries = { both: 'header and cookie', header: 'header only', cookie: 'cookie only' };
  write(
    element('facts', HTMLElement),
    [
      adapter === 'express' ? 'Express' : 'Fastify',
      store === 'redis' ? 'sessions in Redis' : 'sessions in memory',
      plural(processes, 'process', 'processes'),
      `tokens in ${deliveries[delivery]}`,
      ...(storage === sessionStorage ? ['this tab has its own token'] : []),
    ].join(' · '),
  );
}

/** @param {Session} session */
function prepareButtons(session) {
  on(request, 'click', async () => {
    const answer = await session.ask('/me');
    write(
      heard,
      answer.status === 0
        ? reasonOf(answer)
        : `Answered ${answer.status}, ${answer.code ?? answer.verdict}. ${reasonOf(answer)}`,
    );
    showOutcome(outcomeOf('An ordinary request', answer));
  });
  on(element('sign-out', HTMLButtonElement), 'click', () => signOut(session, '/auth/logout', 'Signed out here'));
  on(element('sign-out-everywhere', HTMLButtonElement), 'click', () =>
    signOut(session, '/auth/logout-everywhere', 'Signed out everywhere'),
  );
}

/**
 * @param {Session} session
 * @param {string} path
 * @param {string} what
 */
async function signOut(session, path, what) {
  const why =
    'The revocation is stored, and every process learns of it within milliseconds. Copies of the token are rejected from now on.';
  const answer = await session.signOut(path, `${what}. ${why}`);
  const shown = outcomeOf(what, answer);
  if (answer.status === 204) Object.assign(shown, { headline: what, why });
  else write(heard, `You are still signed in. ${reasonOf(answer)}`);
  showOutcome(shown);
}

/** @param {Session} session */
function tick(session) {
  drawPresent(session);
  if (session.isAlive === wasAlive) drawObstacles(session);
  else draw(session);
}

/** @param {Session} session */
function draw(session) {
  const { current, isAlive, farewell } = session;
  wasAlive = isAlive;
  const focused = document.activeElement;
  signInCard.hidden = isAlive;
  tokenCard.hidden = current === undefined;
  // Otherwise keyboard users would have to start again at the top of the page.
  if (signInCard.hidden && signInCard.contains(focused)) request.focus();
  if (tokenCard.hidden && tokenCard.contains(focused)) element('user', HTMLSelectElement).focus();
  write(notice, current && !isAlive ? 'Your session is over: see below. Sign in again.' : farewell);
  if (!current) write(heard, '');
  drawPolicyChoice(session);
  drawToken(session);
  drawObstacles(session);
}

/** @param {Session} session */
function drawObstacles(session) {
  drawExperiments(session);
  drawStart(session);
}
