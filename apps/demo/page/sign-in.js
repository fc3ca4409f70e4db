import { reasonOf } from './answers.js';
import { element, make, on, write } from './dom.js';
import { duration } from './format.js';

/** @import { About } from '../src/page/about.interface.js' */
/** @import { Answer } from './answers.js' */
/** @import { Session } from './session.js' */

/** The times that the form proposes, because the server's own are too long to watch. */
const SHORT_TIMES = { expiresIn: 10, refreshWindow: 60, sessionLifetime: 300 };

const form = element('sign-in-form', HTMLFormElement);
const problem = element('sign-in-problem', HTMLElement);
const isShort = element('times-short', HTMLInputElement);
const times = {
  expiresIn: element('expires-in', HTMLInputElement),
  refreshWindow: element('refresh-window', HTMLInputElement),
  sessionLifetime: element('session-lifetime', HTMLInputElement),
};

/**
 * @param {Session} session
 * @param {() => void} signedIn called after each successful sign-in
 */
export function prepareSignIn(session, signedIn) {
  prepareTimes(session.about);
  preparePolicies(session);
  on(form, 'submit', async () => {
    const [username = '', password = ''] = element('user', HTMLSelectElement).value.split(' ');
    const limits = isShort.checked
      ? {
          expiresIn: seconds('expiresIn'),
          refreshWindow: seconds('refreshWindow'),
          sessionLifetime: seconds('sessionLifetime'),
        }
      : {};
    write(problem, isShort.checked ? contradiction() : '');
    if (problem.textContent !== '') return;
    const answer = await session.signIn({ username, password, limits });
    write(problem, answer.status === 200 ? '' : refusalOf(answer));
    if (answer.status === 200) signedIn();
  });
}

/** @param {Session} session */
export function drawPolicyChoice({ about, policy }) {
  for (const [index, choice] of about.policies.entries())
    element(`policy-${index}`, HTMLInputElement).checked = choice === policy;
}

/** @param {About} about */
function prepareTimes({ lifetimes }) {
  const { expiresIn, refreshWindow, sessionLifetime } = lifetimes;
  const end = sessionLifetime === null ? 'no end' : duration(sessionLifetime);
  write(element('server-times', HTMLElement), `${duration(expiresIn)}, ${duration(refreshWindow)}, ${end}`);
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

/** Returns what does not fit together in the form; '' if everything does. The browser has checked each number by itself. */
function contradiction() {
  return seconds('refreshWindow') > seconds('expiresIn')
    ? ''
    : '“refreshable for” must be longer than “valid for”: otherwise the token could never be refreshed.';
}

/** @param {keyof typeof times} name */
function seconds(name) {
  return times[name].valueAsNumber;
}

/** @param {Answer} answer */
function refusalOf(answer) {
  if (answer.status === 400) return `The server does not accept these times: ${messageIn(answer.body)}`;
  if (answer.status === 401 && answer.code === undefined) return 'The server does not know this user and password.';
  return reasonOf(answer);
}

/** @param {string} body */
function messageIn(body) {
  try {
    return String(JSON.parse(body).message);
  } catch {
    return body;
  }
}
