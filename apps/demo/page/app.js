import { reasonOf } from './answers.js';
import { element, make, on, write } from './dom.js';
import { drawExperiments, outcomeOf, prepareExperiments, showOutcome } from './experiments.js';
import { duration, plural } from './format.js';
import { Session } from './session.js';
import { enableStorm, prepareStorm } from './storm.js';
import { drawPresent, drawToken } from './timeline.js';

/** @import { About } from '../src/page/about.interface.js' */

const TICK_MS = 100;
/** The times that the form proposes, because the server's own are too long to watch. */
const SHORT_TIMES = { expiresIn: 10, refreshWindow: 60, sessionLifetime: 300 };

const signInCard = element('sign-in', HTMLElement);
const tokenCard = element('token', HTMLElement);
const heard = element('heard', HTMLElement);
const problem = element('sign-in-problem', HTMLElement);
const form = element('sign-in-form', HTMLFormElement);
const times = {
  expiresIn: element('expires-in', HTMLInputElement),
  refreshWindow: element('refresh-window', HTMLInputElement),
  sessionLifetime: element('session-lifetime', HTMLInputElement),
};

await begin(await openSession());
document.body.dataset['ready'] = 'true';

/** @param {Session} session */
async function begin(session) {
  describeServer(session);
  prepareTimes(session);
  preparePolicies(session);
  prepareButtons(session);
  prepareStorm(session);
  prepareExperiments(session);
  session.addEventListener('change', () => draw(session));
  draw(session);
  setInterval(() => drawPresent(session), TICK_MS);
  await session.resume();
}

async function openSession() {
  const before = Date.now();
  /** @type {About} */
  const about = await (await fetch('/about')).json();
  const clockOffset = about.now - (before + Date.now()) / 2;
  const isApart = new URLSearchParams(location.search).get('storage') === 'tab';
  return new Session(about, isApart ? sessionStorage : localStorage, clockOffset);
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
function prepareTimes({ about: { lifetimes } }) {
  const { expiresIn, refreshWindow, sessionLifetime } = lifetimes;
  const end = sessionLifetime === null ? 'no end' : duration(sessionLifetime);
  write(element('server-times', HTMLElement), `${duration(expiresIn)}, ${duration(refreshWindow)}, ${end}`);
  const isShort = element('times-short', HTMLInputElement);
  const numbers = element('short-times', HTMLElement);
  for (const [name, input] of Object.entries(times)) {
    const most = lifetimes[/** @type {keyof typeof times} */ (name)] ?? Number.POSITIVE_INFINITY;
    if (Number.isFinite(most)) input.max = String(most);
    input.value = String(Math.min(SHORT_TIMES[/** @type {keyof typeof times} */ (name)], most));
  }
  const show = () => {
    numbers.hidden = !isShort.checked;
    for (const input of Object.values(times)) input.disabled = !isShort.checked;
  };
  const isLong = expiresIn > SHORT_TIMES.expiresIn;
  isShort.checked = isLong;
  element('times-server', HTMLInputElement).checked = !isLong;
  form.addEventListener('change', show);
  show();
}

/** @param {Session} session */
function preparePolicies(session) {
  const choices = session.about.policies.map((policy, index) => {
    const input = make('input', { type: 'radio', name: 'policy', id: `policy-${index}` });
    input.checked = policy === session.policy;
    input.addEventListener('change', () => session.use(policy));
    const text =
      policy.reuse === null
        ? 'they get the latest token for their whole refresh window (the default)'
        : `they get the latest token for another ${duration(policy.reuse.grace)}; then they are rejected, and after ${duration(policy.reuse.revokeAfter)} they count as stolen`;
    return make('label', { class: 'choice' }, input, ` ${text}`);
  });
  element('policies', HTMLElement).append(...choices);
}

/** @param {Session} session */
function prepareButtons(session) {
  on(form, 'submit', async () => {
    const [username = '', password = ''] = element('user', HTMLSelectElement).value.split(' ');
    const isShort = element('times-short', HTMLInputElement).checked;
    const limits = isShort
      ? Object.fromEntries(Object.entries(times).map(([name, input]) => [name, input.valueAsNumber]))
      : {};
    const answer = await session.signIn({ username, password, limits });
    write(problem, answer.status === 200 ? '' : problemIn(answer.body) || reasonOf(answer));
    if (answer.status === 200) element('request', HTMLButtonElement).focus({ preventScroll: true });
  });
  on(element('request', HTMLButtonElement), 'click', async () => {
    const answer = await session.ask('/me');
    write(heard, `Answered ${answer.status || 'nothing'}, ${answer.code ?? answer.verdict}. ${reasonOf(answer)}`);
    showOutcome(outcomeOf('An ordinary request', answer));
  });
  on(element('sign-out', HTMLButtonElement), 'click', async () =>
    showOutcome(signedOut('Signed out here', await session.signOut('/auth/logout'))),
  );
  on(element('sign-out-everywhere', HTMLButtonElement), 'click', async () =>
    showOutcome(signedOut('Signed out everywhere', await session.signOut('/auth/logout-everywhere'))),
  );
}

/**
 * @param {string} what
 * @param {import('./answers.js').Answer} answer
 */
function signedOut(what, answer) {
  const shown = outcomeOf(what, answer);
  if (answer.status === 204) {
    shown.headline = what;
    shown.why =
      'The revocation is stored, and every process learns of it within milliseconds. Copies of the token are rejected from now on.';
  }
  return shown;
}

/** @param {string} body */
function problemIn(body) {
  try {
    return String(JSON.parse(body).message);
  } catch {
    return '';
  }
}

/** @param {Session} session */
function draw(session) {
  const leaves = tokenCard.contains(document.activeElement) && session.current === undefined;
  signInCard.hidden = session.current !== undefined && session.refusal === undefined;
  tokenCard.hidden = session.current === undefined;
  // Otherwise keyboard users would have to start again at the top of the page.
  if (leaves) element('user', HTMLSelectElement).focus();
  for (const [index, policy] of session.about.policies.entries()) {
    element(`policy-${index}`, HTMLInputElement).checked = policy === session.policy;
  }
  drawToken(session);
  drawExperiments(session);
  enableStorm(session);
}
