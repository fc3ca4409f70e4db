import { reasonOf, VERDICTS } from './answers.js';
import { element, make, on, write } from './dom.js';
import { duration, short } from './format.js';
import { claimsOf, forged, tampered } from './tokens.js';
import { until, untilExpired } from './waiting.js';

/** @import { Answer } from './answers.js' */
/** @import { Session } from './session.js' */

const list = element('experiments', HTMLUListElement);
const outcome = element('outcome', HTMLElement);
const answerList = element('answers', HTMLElement);
const policyNow = element('policy-now', HTMLElement);

/**
 * The result of an experiment.
 *
 * @typedef {object} Outcome
 * @property {string} headline
 * @property {string} why
 * @property {[what: string, answer: Answer][]} answers
 */

/**
 * @typedef {object} Experiment
 * @property {string} id
 * @property {string} [begins] the title of the experiments from here on
 * @property {string} name
 * @property {string} hint
 * @property {'token' | 'session' | 'none'} needs a token that scripts can see, a session, or neither
 * @property {(session: Session, tell: (text: string) => void) => Promise<Outcome>} run
 */

/** @type {Experiment[]} */
const EXPERIMENTS = [
  {
    id: 'old-generation',
    begins: 'Odd tokens',
    name: 'Present an old generation',
    hint: 'Like a tab that was asleep, or a thief with a copy of an earlier token.',
    needs: 'token',
    run: presentOldGeneration,
  },
  {
    id: 'tampered',
    name: 'Tamper with the token',
    hint: 'Puts another user into it, under the old signature.',
    needs: 'token',
    run: async (session) => present(session, 'An altered token', tampered(held(session))),
  },
  {
    id: 'another-key',
    name: 'Sign it with another key',
    hint: 'The same claims, signed with a key that your browser generates.',
    needs: 'token',
    run: async (session) => present(session, 'A token signed with another key', await forged(held(session))),
  },
  {
    id: 'past-window',
    name: 'Come back too late',
    hint: 'Signs in a second time with a refresh window of two seconds, and waits until it is over.',
    needs: 'token',
    run: comeBackTooLate,
  },
  {
    id: 'lose-response',
    begins: 'Clients with bad luck',
    name: 'Lose the response',
    hint: 'The server refreshes, but its response is lost. Then the client asks again with the old token.',
    needs: 'token',
    run: loseResponse,
  },
  {
    id: 'tab-shared',
    name: 'Open a tab that shares the token',
    hint: 'Both tabs read the same storage: when one refreshes, the other has the new token at once.',
    needs: 'session',
    run: async (session) => openTab(session, true),
  },
  {
    id: 'tab-apart',
    name: 'Open a tab with a copy of its own',
    hint: 'It starts with this token. From then on, neither tab knows of the other.',
    needs: 'token',
    run: async (session) => openTab(session, false),
  },
  {
    id: 'policy',
    begins: 'The server',
    name: 'Switch the policy for old tokens',
    hint: 'Signs you in again on routes with the other policy. Then present an old generation.',
    needs: 'session',
    run: switchPolicy,
  },
  {
    id: 'store-stop',
    name: 'Stop the store',
    hint: 'Valid tokens keep working. Clients with expired ones are told to retry.',
    needs: 'none',
    run: async (session) => turnStore(session, false),
  },
  {
    id: 'store-start',
    name: 'Start the store again',
    hint: 'Nobody has to sign in again.',
    needs: 'none',
    run: async (session) => turnStore(session, true),
  },
];

/** @param {Session} session */
export function prepareExperiments(session) {
  const busy = new Set();
  for (const experiment of EXPERIMENTS) {
    const button = make(
      'button',
      { type: 'button', id: experiment.id, 'aria-describedby': `${experiment.id}-hint` },
      experiment.name,
    );
    if (experiment.begins !== undefined) list.append(make('li', { class: 'group' }, make('h3', {}, experiment.begins)));
    list.append(make('li', {}, button, make('p', { class: 'small', id: `${experiment.id}-hint` }, experiment.hint)));
    on(button, 'click', async () => {
      if (busy.size > 0 || button.getAttribute('aria-disabled') === 'true') return;
      busy.add(experiment);
      answerList.replaceChildren();
      showOutcome({ headline: 'Under way …', why: '', answers: [] });
      const tell = (/** @type {string} */ text) => showOutcome({ headline: text, why: '', answers: [] });
      showOutcome(await experiment.run(session, tell).catch(failed));
      busy.delete(experiment);
    });
  }
}

/** @param {Session} session */
export function drawExperiments(session) {
  for (const { id, hint, needs } of EXPERIMENTS) {
    const reason = obstacle(session, id, needs);
    const button = element(id, HTMLButtonElement);
    // Not `disabled`, so that the tab key still reaches it and it can explain why it does nothing.
    button.setAttribute('aria-disabled', String(reason !== undefined));
    write(element(`${id}-hint`, HTMLElement), reason ?? hint);
  }
  write(policyNow, describePolicy(session));
}

/**
 * @param {Session} session
 * @param {string} id
 * @param {Experiment['needs']} needs
 * @returns {string | undefined} the reason why it cannot be tried now
 */
function obstacle(session, id, needs) {
  if (id.startsWith('store-') && !session.about.faults) return 'Start the demo with DEMO_FAULTS=1 to have this switch.';
  if (needs === 'none') return undefined;
  if (needs === 'token' && !session.seesToken) return 'The token is in a cookie that scripts cannot read, by design.';
  return session.current ? undefined : 'Sign in first.';
}

/** @param {Session} session */
export function describePolicy({ policy: { reuse } }) {
  return reuse === null
    ? 'Superseded tokens get the latest token for their whole refresh window. No race ever logs anybody out, but a stolen token works too.'
    : `Superseded tokens get the latest token until it has been in use for ${duration(reuse.grace)}. Then they are rejected, and the session lives on. After ${duration(reuse.revokeAfter)} they count as stolen, and the session is revoked.`;
}

/** @param {Outcome} outcome */
export function showOutcome({ headline, why, answers }) {
  outcome.replaceChildren(make('p', { class: 'headline' }, headline), ...(why === '' ? [] : [make('p', {}, why)]));
  answerList.replaceChildren(...answers.map(([what, answer]) => drawAnswer(what, answer)));
}

/**
 * @param {string} what
 * @param {Answer} answer
 */
function drawAnswer(what, { method, path, status, verdict, code, headers, body }) {
  const lines = [
    `${status === 0 ? 'no answer' : status}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ];
  return make(
    'article',
    { class: 'answer' },
    make('h4', {}, what),
    make(
      'p',
      {},
      make('span', { class: 'badge', 'data-verdict': verdict }, code ?? VERDICTS[verdict]),
      ` `,
      make('code', {}, `${method} ${path}`),
    ),
    make('pre', { tabindex: '0', 'aria-label': `Status, headers and body of: ${what}` }, lines.join('\n').trim()),
  );
}

/**
 * Returns the outcome of a single request.
 *
 * @param {string} what
 * @param {Answer} answer
 * @returns {Outcome}
 */
export function outcomeOf(what, answer) {
  const code = answer.code ?? answer.verdict;
  return {
    headline: `${what}: ${code}`,
    why: reasonOf(answer),
    answers: [[what, answer]],
  };
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
  const old = session.generations.find(({ token }) => token !== held(session));
  if (old?.token === undefined) {
    throw new Error('There is no older generation yet. Let the token expire, and send a request.');
  }
  const answer = await session.askWith(old.token, '/me');
  const what = `Generation ${old.claims.gen}, while ${session.current?.claims.gen} is current`;
  const shown = outcomeOf(what, answer);
  if (answer.verdict === 'valid') {
    shown.why = `It is valid for another ${duration(old.claims.exp - session.now())}. A refresh does not shorten the life of the superseded token.`;
  }
  if (answer.code !== 'token_superseded' && answer.code !== 'token_reused') return shown;
  // The current token, as its rightful owner would present it next.
  shown.answers.push(['The latest generation, after that', await session.ask('/me')]);
  return shown;
}

/**
 * @param {Session} session
 * @param {(text: string) => void} tell
 */
async function comeBackTooLate(session, tell) {
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

/**
 * @param {Session} session
 * @param {(text: string) => void} tell
 */
async function loseResponse(session, tell) {
  if (!(await untilExpired(session, tell))) {
    throw new Error(`This experiment needs an expired token. ${outcome.textContent}`);
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
  const response = await fetch('/faults/store', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ running }),
  });
  if (!response.ok) throw new Error(`The switch answered ${response.status}.`);
  const headline = running ? 'The store works again' : 'The store is down';
  if (!session.current) return { headline, why: running ? 'Nothing was lost.' : 'You can still sign in.', answers: [] };
  const answer = await session.ask('/me');
  return {
    headline: `${headline}. Your next request: ${answer.code ?? answer.verdict}`,
    why: storeReason(answer, running),
    answers: [/** @type {[string, Answer]} */ (['Your next request', answer])],
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
