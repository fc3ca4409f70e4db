import { VERDICTS } from './answers.js';
import { element, make, on, write } from './dom.js';
import { plural, short } from './format.js';
import { untilExpired } from './waiting.js';

/** @import { Answer, Verdict } from './answers.js' */
/** @import { Session } from './session.js' */

const form = element('storm-form', HTMLFormElement);
const count = element('storm-count', HTMLInputElement);
const target = element('storm-target', HTMLSelectElement);
const wait = element('storm-wait', HTMLInputElement);
const start = element('storm-start', HTMLButtonElement);
const status = element('storm-status', HTMLElement);
const sums = element('storm-sums', HTMLUListElement);
const figure = element('storm-figure', HTMLElement);
const chart = element('storm-chart', HTMLElement);
const scale = element('storm-scale', HTMLElement);
const details = element('storm-details', HTMLElement);
const rows = element('storm-rows', HTMLTableSectionElement);

/** @param {Session} session */
export function prepareStorm(session) {
  const { processes } = session.about;
  if (processes > 1) {
    element('storm-target-label', HTMLElement).hidden = false;
    target.append(make('option', { value: '' }, `all ${processes} processes in turn`));
    for (let name = 1; name <= processes; name += 1)
      target.append(make('option', { value: String(name) }, `process ${name}`));
  }
  on(form, 'submit', async () => {
    start.disabled = true;
    if (!wait.checked || (await untilExpired(session, tell))) {
      tell(`${plural(count.valueAsNumber, 'request')} under way …`);
      drawStorm(await storm(session, count.valueAsNumber, target.value));
    }
    start.disabled = false;
  });
}

/** @param {string} text */
function tell(text) {
  write(status, text);
}

/** @param {Session} session */
export function enableStorm({ current }) {
  start.disabled = current === undefined;
  if (!current) tell('Sign in first.');
  else if (status.textContent === 'Sign in first.') tell('');
}

/**
 * Sends all requests at once, with the current token.
 *
 * @param {Session} session
 * @param {number} requests
 * @param {string} process '' for all processes in turn
 */
function storm(session, requests, process) {
  performance.clearResourceTimings();
  performance.setResourceTimingBufferSize(2 * requests + 50);
  const init = process === '' ? {} : { headers: { 'X-Demo-Process': process } };
  return Promise.all(Array.from({ length: requests }, (_, index) => session.ask(`/me?request=${index + 1}`, init)));
}

/** @param {Answer[]} answers */
function drawStorm(answers) {
  const from = Math.min(...answers.map((answer) => answer.from));
  const to = Math.max(...answers.map((answer) => answer.to));
  const number = (/** @type {Verdict} */ verdict) => answers.filter((answer) => answer.verdict === verdict).length;
  const tokens = new Set(answers.flatMap(({ token }) => token ?? []));
  drawSums([
    ['refreshable', number('refreshable'), 'refreshed the token'],
    ['already-refreshed', number('already-refreshed'), 'got the same one'],
    ['token', tokens.size, tokens.size === 1 ? 'distinct new token' : 'distinct new tokens'],
    ['valid', number('valid'), 'found it valid'],
    ['dead', number('dead'), 'refused'],
    ['unavailable', number('unavailable') + number('other'), 'told to try again'],
  ]);
  tell(summary(answers, number, tokens.size));
  drawChart(answers, from, to - from);
  rows.replaceChildren(...answers.map((answer, index) => row(answer, index, from)));
  figure.hidden = false;
  details.hidden = false;
}

/**
 * @param {Answer[]} answers
 * @param {(verdict: Verdict) => number} number
 * @param {number} tokens
 */
function summary(answers, number, tokens) {
  const processes = new Set(answers.map(({ process }) => process)).size;
  const where = processes > 1 ? `, over ${processes} processes` : '';
  const refreshed = number('refreshable');
  const handed = number('already-refreshed');
  if (refreshed + handed > 0) {
    const came = whatCame(tokens);
    return `Of ${plural(answers.length, 'request')}${where}, ${refreshed} refreshed the token and ${handed} got the same new one. ${came}`;
  }
  if (number('valid') === answers.length)
    return `The token was valid for all ${answers.length}: nothing was refreshed, and the store was not asked.`;
  if (number('unavailable') > 0)
    return 'The store is down. Nobody was logged out: the same token works again as soon as the store does.';
  return 'No request was served.';
}

/** @param {number} tokens the number of different new tokens */
function whatCame(tokens) {
  if (tokens === 0) return 'The new token came in the cookie, where scripts cannot see it.';
  if (tokens === 1) return '1 distinct new token came back.';
  return `${tokens} distinct new tokens came back, one after the other: each expired before the storm was over.`;
}

/** @param {[kind: string, count: number, what: string][]} list */
function drawSums(list) {
  const shown = list.filter(([kind, number]) => number > 0 || kind === 'refreshable');
  sums.replaceChildren(
    ...shown.map(([kind, number, what]) =>
      make('li', { 'data-verdict': kind }, make('strong', {}, String(number)), ` ${what}`),
    ),
  );
  sums.hidden = false;
}

/**
 * @param {Answer[]} answers
 * @param {number} from
 * @param {number} length
 */
function drawChart(answers, from, length) {
  const percent = (/** @type {number} */ milliseconds) => `${(100 * milliseconds) / Math.max(length, 1)}%`;
  chart.className = answers.length > 40 ? 'chart dense' : 'chart';
  chart.replaceChildren(
    ...answers.map((answer) => {
      const bar = make('div', { class: 'bar', 'data-verdict': answer.verdict, title: VERDICTS[answer.verdict] });
      bar.style.left = percent(answer.sent - from);
      bar.style.width = percent(answer.to - answer.sent);
      const waiting = make('div', { class: 'waiting' });
      waiting.style.width = percent(answer.sent - from);
      return make(
        'div',
        { class: 'line' },
        make('span', { class: 'process', 'data-process': answer.process ?? '' }, answer.process ?? ''),
        make('div', { class: 'track' }, waiting, bar),
      );
    }),
  );
  chart.setAttribute('aria-label', `${plural(answers.length, 'bar')}, one for each request: ${status.textContent}`);
  write(scale, `The width is ${Math.round(length)} ms. The number in front is the process that answered.`);
}

/**
 * @param {Answer} answer
 * @param {number} index
 * @param {number} from
 */
function row({ verdict, code, process = '', token, sent, to }, index, from) {
  const cells = [
    String(index + 1),
    code ?? verdict,
    process,
    `${Math.round(sent - from)} ms`,
    `${Math.round(to - from)} ms`,
    token === undefined ? '' : short(token),
  ];
  return make('tr', {}, ...cells.map((text) => make('td', {}, text)));
}
