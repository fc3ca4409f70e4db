import { ask, reasonOf } from './answers.js';
import { element, make, on, write } from './dom.js';
import { duration, short } from './format.js';
import { socketHint, socketObstacle, watchSocket } from './live.js';
import { bringOutcome, outcomeOf, scrollToOutcome, showOutcome } from './outcome.js';
import { playTheft, THEFT_COMMAND, theftHint, theftObstacle } from './theft.js';
import { claimsOf, forged, tampered } from './tokens.js';
import { until, untilExpired, whyNotExpiring } from './waiting.js';

/** @import { Answer } from './answers.js' */
/** @import { Outcome } from './outcome.js' */
/** @import { Session } from './session.js' */

const list = element('experiments', HTMLUListElement);
const policyNow = element('policy-now', HTMLElement);

const UNSEEN = 'The token is in a cookie that scripts cannot read, by design.';
const NO_OLD_GENERATION = 'There is no older generation yet. Let the token expire, and send a request.';
const NO_SWITCH = 'Start the demo with DEMO_FAULTS=1 to have this switch.';

/**
 * @typedef {object} Experiment
 * @property {string} id
 * @property {string} [begins] the title of the experiments from here on
 * @property {string} name
 * @property {(session: Session) => string} hint
 * @property {[when: string, command: string]} [command] starts the demo so that it can be tried
 * @property {(session: Session) => string | undefined} [obstacle] the reason why it cannot be tried now
 * @property {(session: Session) => Promise<Outcome | undefined>} run `undefined` if it has shown its outcome itself
 */

/** @type {Experiment[]} */
const EXPERIMENTS = [
  {
    id: 'theft',
    begins: 'Theft',
    name: 'Steal a token',
    hint: theftHint,
    obstacle: theftObstacle,
    command: ['With all routes under reuse detection:', THEFT_COMMAND],
    run: playTheft,
  },
  {
    id: 'old-generation',
    begins: 'Odd tokens',
    name: 'Present an old generation',
    hint: () => 'Like a tab that was asleep, or a thief with a copy of an earlier token.',
    obstacle: (session) => tokenObstacle(session) ?? (session.hasSuperseded ? undefined : NO_OLD_GENERATION),
    run: presentOldGeneration,
  },
  {
    id: 'tampered',
    name: 'Tamper with the token',
    hint: () => 'Puts another user into it, under the old signature.',
    obstacle: tokenObstacle,
    run: async (session) => present(session, 'An altered token', tampered(held(session))),
  },
  {
    id: 'another-key',
    name: 'Sign it with another key',
    hint: () => 'The same claims, signed with a key that your browser generates.',
    obstacle: tokenObstacle,
    run: async (session) => present(session, 'A token signed with another key', await forged(held(session))),
  },
  {
    id: 'past-window',
    name: 'Come back too late',
    hint: () => 'Signs in a second time with a refresh window of two seconds, and waits until it is over.',
    obstacle: ({ seesToken }) => (seesToken ? undefined : UNSEEN),
    run: comeBackTooLate,
  },
  {
    id: 'lose-response',
    begins: 'Clients with bad luck',
    name: 'Lose the response',
    hint: () => 'The server refreshes, but its response is lost. Then the client asks again with the old token.',
    obstacle: (session) => tokenObstacle(session) ?? sessionObstacle(session) ?? whyNotExpiring(session),
    run: loseResponse,
  },
  {
    id: 'tab-shared',
    name: 'Open a tab that shares the token',
    hint: () => 'Both tabs read the same storage: when one refreshes, the other has the new token at once.',
    obstacle: sessionObstacle,
    run: async (session) => openTab(session, true),
  },
  {
    id: 'tab-apart',
    name: 'Open a tab with a copy of its own',
    hint: () => 'It starts with this token. From then on, neither tab knows of the other.',
    obstacle: (session) => tokenObstacle(session) ?? sessionObstacle(session),
    run: async (session) => openTab(session, false),
  },
  {
    id: 'socket',
    begins: 'Open connections',
    name: 'Sign out while a socket is open',
    hint: socketHint,
    obstacle: socketObstacle,
    run: async (session) => watchSocket(session, tell),
  },
  {
    id: 'policy',
    begins: 'The server',
    name: 'Switch the policy for old tokens',
    hint: () => 'Signs you in again on routes with the other policy. Then present an old generation.',
    obstacle: ({ about, current }) => {
      if (about.policies.length < 2) return 'In production, the demo has one policy only.';
      return current ? undefined : 'Sign in first. The form lets you choose the policy, too.';
    },
    run: switchPolicy,
  },
  {
    id: 'store-stop',
    name: 'Stop the store',
    hint: () => 'Valid tokens keep working. Clients with expired ones are told to retry.',
    obstacle: ({ about, storeState }) => {
      if (!about.faults) return NO_SWITCH;
      return storeState === 'stopped' ? 'The store is stopped already.' : undefined;
    },
    run: async (session) => turnStore(session, false),
  },
  {
    id: 'store-start',
    name: 'Start the store again',
    hint: () => 'Nobody has to sign in again.',
    obstacle: ({ about, storeState }) => {
      if (!about.faults) return NO_SWITCH;
      return storeState === 'stopped' ? undefined : 'The store is not stopped.';
    },
    run: async (session) => turnStore(session, true),
  },
];

/** @param {string} text */
function tell(text) {
  showOutcome({ headline: text, why: '', answers: [] });
}

/** The experiment that is under way. @type {Experiment | undefined} */
let underWay;

/** @param {Session} session */
export function prepareExperiments(session) {
  for (const experiment of EXPERIMENTS) {
    const { id, name, begins, command } = experiment;
    const button = make('button', { type: 'button', id, 'aria-describedby': `${id}-hint` }, name);
    const item = make('li', {}, button, make('p', { class: 'small', id: `${id}-hint` }));
    if (command) item.append(make('p', { class: 'small' }, `${command[0]} `, make('code', {}, command[1])));
    if (begins !== undefined) list.append(make('li', { class: 'group' }, make('h3', {}, begins)));
    list.append(item);
    on(button, 'click', async () => {
      bringOutcome(item);
      const reason = obstacle(session, experiment);
      // The screen may show another part of the page than the hint.
      if (reason !== undefined) return underWay ? undefined : explain(name, reason);
      underWay = experiment;
      drawExperiments(session);
      tell('Under way …');
      scrollToOutcome();
      const outcome = await experiment.run(session).catch(failed);
      if (outcome) showOutcome(outcome);
      scrollToOutcome();
      underWay = undefined;
      drawExperiments(session);
    });
  }
}

/**
 * Draws the buttons, with the reason at each one that cannot be pressed now. Called several times a second, because tokens expire.
 *
 * @param {Session} session
 */
export function drawExperiments(session) {
  for (const experiment of EXPERIMENTS) {
    const reason = obstacle(session, experiment);
    const isDisabled = String(reason !== undefined);
    const button = element(experiment.id, HTMLButtonElement);
    // Not `disabled`: the button keeps the focus, and the tab key still reaches it, so that it can explain why it does nothing.
    if (button.getAttribute('aria-disabled') !== isDisabled) button.setAttribute('aria-disabled', isDisabled);
    write(element(`${experiment.id}-hint`, HTMLElement), reason ?? experiment.hint(session));
  }
  write(policyNow, describePolicy(session));
}

/**
 * @param {Session} session
 * @param {Experiment} experiment
 * @returns {string | undefined} the reason why it cannot be tried now
 */
function obstacle(session, experiment) {
  if (underWay === experiment) return 'Under way …';
  if (underWay) return `Wait until “${underWay.name}” is done.`;
  return session.isServerThere ? experiment.obstacle?.(session) : 'The server is gone.';
}

/** @param {Session} session */
function tokenObstacle({ seesToken, current }) {
  if (!seesToken) return UNSEEN;
  return current ? undefined : 'Sign in first.';
}

/** @param {Session} session */
function sessionObstacle({ current, isAlive }) {
  if (!current) return 'Sign in first.';
  return isAlive ? undefined : 'This session is over. Sign in again.';
}

/**
 * @param {string} name
 * @param {string} reason
 */
function explain(name, reason) {
  showOutcome({ headline: `“${name}” is not possible now`, why: reason, answers: [] });
  scrollToOutcome();
}

/** @param {Session} session */
export function describePolicy({ policy: { reuse } }) {
  return reuse === null
    ? 'Superseded tokens get the latest token for their whole refresh window. No race ever logs anybody out, but a stolen token works too.'
    : `Superseded tokens get the latest token until it has been in use for ${duration(reuse.grace)}. Then they are rejected, and the session lives on. After ${duration(reuse.revokeAfter)} they count as stolen, and the session is revoked.`;
}

/** @param {unknown} error */
function failed(error) {
  return { headline: 'That did not work', why: error instanceof Error ? error.message : String(error), answers: [] };
}

/** @param {Session} session */
function held({ current }) {
  if (current?.token === undefined) throw new Error('There is no token to do this with: sign in first.');
  return current.token;
}

/**
 * @param {Session} session
 * @param {string} what
 * @param {string} token
 */
async function present(session, what, token) {
  return outcomeOf(what, await session.askWith(token, '/me'));
}

/** @param {Session} session */
async function presentOldGeneration(session) {
  const old = newestSuperseded(session);
  if (old?.token === undefined) throw new Error(NO_OLD_GENERATION);
  const answer = await session.askWith(old.token, '/me');
  const shown = outcomeOf(`Generation ${old.claims.gen}, while ${session.current?.claims.gen} is current`, answer);
  if (answer.verdict === 'valid') {
    shown.why = `It is valid for another ${duration(old.claims.exp - session.now())}. A refresh does not shorten the life of the superseded token.`;
  }
  const next = whatNext(answer, session);
  if (next !== '') shown.why += ` ${next}`;
  if (answer.code !== 'token_superseded' && answer.code !== 'token_reused') return shown;
  // The current token, as its rightful owner would present it next.
  shown.answers.push(['The latest generation, after that', await session.ask('/me')]);
  return shown;
}

/**
 * Returns the newest generation that has expired, of those before the latest: an older one may be past its refresh window.
 *
 * @param {Session} session
 */
function newestSuperseded(session) {
  const superseded = session.generations.slice(0, -1);
  return superseded.filter(({ claims }) => claims.exp <= session.now()).at(-1) ?? superseded.at(-1);
}

/**
 * Says what to do to see what reuse detection does next.
 *
 * @param {Answer} answer
 * @param {Session} session
 */
function whatNext({ verdict, code }, { policy: { reuse } }) {
  if (reuse === null) return '';
  if (verdict === 'already-refreshed')
    return `Next: press “Send a request”, which uses the latest generation. ${duration(reuse.grace)} after that, present the old one again: it is rejected.`;
  if (code === 'token_superseded')
    return `Next: present it once more when the latest generation has been in use for ${duration(reuse.revokeAfter)}. Then it counts as stolen.`;
  return '';
}

/** @param {Session} session */
async function comeBackTooLate(session) {
  const limits = { expiresIn: 1, refreshWindow: 2 };
  const signedIn = await session.signInApart({ username: 'alan', password: 'turing', limits });
  if (signedIn.token === undefined) return outcomeOf('The second sign-in', signedIn);
  const { token } = signedIn;
  tell('Waiting until its refresh window of two seconds is over …');
  await until(async () => session.now() >= claimsOf(token).refresh_exp);
  // `/auth/session` refreshes nothing, and uses the server's own clock.
  await until(async () => JSON.parse((await session.askWith(token, '/auth/session')).body).state === 'dead');
  return present(session, 'A token past its window', token);
}

/** @param {Session} session */
async function loseResponse(session) {
  if (!(await untilExpired(session, tell))) {
    throw new Error(whyNotExpiring(session) ?? 'The session ended meanwhile.');
  }
  const lost = await session.askWith(held(session), '/me');
  const again = await session.ask('/me');
  const isSame = lost.token !== undefined && lost.token === again.token;
  return {
    headline: isSame ? 'Nothing was lost: the second answer carried the same token' : 'The second answer',
    why: isSame
      ? `The server refreshed once. This page discarded the first answer and sent the old token again, and got ${short(again.token ?? '')} again.`
      : reasonOf(again),
    answers: /** @type {Outcome['answers']} */ ([
      ['The discarded answer', lost],
      ['The next request, with the old token', again],
    ]),
  };
}

/**
 * @param {Session} session
 * @param {boolean} isShared
 * @returns {Promise<Outcome>}
 */
async function openTab(session, isShared) {
  if (isShared) {
    window.open('/', '_blank');
    return {
      headline: session.seesToken ? 'A tab with the same storage' : 'A tab with the same cookie',
      why: session.seesToken
        ? 'Send a request there once the token has expired, and watch the new generation arrive here. Sign out in one tab, and both are signed out.'
        : 'The browser sends the same cookie from both tabs, and stores the new one that either receives.',
      answers: [],
    };
  }
  // A new tab begins with a copy of the session storage of the one that opened it.
  const entries = Object.entries(session.storage).filter(([key]) => key.startsWith('demo-'));
  for (const [key, value] of entries) sessionStorage.setItem(key, value);
  window.open('/?storage=tab', '_blank');
  if (session.storage !== sessionStorage) entries.forEach(([key]) => sessionStorage.removeItem(key));
  return {
    headline: 'A tab with a copy of this token',
    why:
      session.policy.reuse === null
        ? 'Let the token expire, and send a request from both tabs: one refreshes, and the other gets the same token. Neither is logged out, no matter how late it is.'
        : 'Let the token expire, and send a request from both tabs. If one of them is late, its token is rejected. If it is very late, two copies of one token are in use: that looks like theft, and ends the session.',
    answers: [],
  };
}

/** @param {Session} session */
async function switchPolicy(session) {
  const answer = await session.switchPolicy();
  return {
    headline:
      session.policy.reuse === null
        ? 'Superseded tokens now work for their whole refresh window'
        : `Superseded tokens now work for another ${duration(session.policy.reuse.grace)}`,
    why: answer
      ? 'You have a new session under the other policy, at generation 0. Let the token expire, send a request, and then present the old generation.'
      : 'Sign in, let the token expire, send a request, and then present the old generation.',
    answers: /** @type {Outcome['answers']} */ (answer ? [['Signed in again', answer]] : []),
  };
}

/**
 * @param {Session} session
 * @param {boolean} running
 */
async function turnStore(session, running) {
  const turned = await ask(fetch, '/faults/store', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ running }),
  });
  await session.lookAtServer();
  if (turned.status !== 200) return outcomeOf('The switch of the store', turned);
  const headline = running ? 'The store works again' : 'The store is stopped';
  if (!session.current) return { headline, why: running ? 'Nothing was lost.' : 'You can still sign in.', answers: [] };
  const answer = await session.ask('/me');
  return {
    headline: `${headline}. Your next request: ${answer.code ?? answer.verdict}`,
    why: storeReason(answer, running),
    answers: /** @type {Outcome['answers']} */ ([['Your next request', answer]]),
  };
}

/**
 * @param {Answer} answer
 * @param {boolean} running
 */
function storeReason(answer, running) {
  if (answer.verdict === 'valid' && !running) {
    return 'Your token is valid, and valid tokens need no store. Let it expire and send a request: you are told to retry, but you are not logged out.';
  }
  if (answer.verdict === 'unavailable' && running)
    return 'The connections to the store are still being restored. The same token will work in a moment.';
  return reasonOf(answer);
}
