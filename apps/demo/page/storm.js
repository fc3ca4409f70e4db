import { VERDICTS } from './answers.js';
import { element, make, on, write } from './dom.js';
import { plural, short } from './format.js';
import { distinctTokens, partsOf, summaryOf } from './storm-summary.js';
import { untilExpired } from './waiting.js';

/** @import { Answer } from './answers.js' */
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

const OBSTACLES = {
  gone: 'The server is gone.',
  nobody: 'Sign in first.',
  over: 'This session is over. Sign in again.',
};

let isUnderWay = false;

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
    if (isUnderWay || obstacle(session) !== undefined) return;
    isUnderWay = true;
    drawStart(session);
    if (!wait.checked || (await untilExpired(session, tell))) {
      tell(`${plural(count.valueAsNumber, 'request')} under way …`);
      drawStorm(await storm(session, count.valueAsNumber, target.value), session.seesToken);
    }
    isUnderWay = false;
    drawStart(session);
  });
}

/** @param {string} text */
function tell(text) {
  write(status, text);
}

/**
 * Draws the button, and says why it cannot be pressed yet. Not `disabled`, so that it keeps the focus.
 *
 * @param {Session} session
 */
export function drawStart(session) {
  const reason = obstacle(session);
  const isDisabled = String(isUnderWay || reason !== undefined);
  if (start.getAttribute('aria-disabled') !== isDisabled) start.setAttribute('aria-disabled', isDisabled);
  if (isUnderWay) return;
  if (reason !== undefined) tell(reason);
  else if (Object.values(OBSTACLES).includes(status.textContent ?? '')) tell('');
}

/** @param {Session} session */
function obstacle({ isServerThere, current, isAlive }) {
  if (!isServerThere) return OBSTACLES.gone;
  if (!current) return OBSTACLES.nobody;
  return isAlive ? undefined : OBSTACLES.over;
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

/**
 * @param {Answer[]} answers
 * @param {boolean} seesToken
 */
function drawStorm(answers, seesToken) {
  const from = Math.min(...answers.map((answer) => answer.from));
  const to = Math.max(...answers.map((answer) => answer.to));
  drawSums(answers, seesToken);
  tell(summaryOf(answers, seesToken));
  drawChart(answers, from, to - from);
  rows.replaceChildren(...answers.map((answer, index) => row(answer, index, from)));
  figure.hidden = false;
  details.hidden = false;
}

/**
 * @param {Answer[]} answers
 * @param {boolean} seesToken
 */
function drawSums(answers, seesToken) {
  const tokens = distinctTokens(answers);
  sums.replaceChildren(
    ...partsOf(answers, seesToken).map(({ kind, count: number, what }) => sum(kind, number, what)),
    ...(tokens > 0 ? [sum('token', tokens, tokens === 1 ? 'distinct new token' : 'distinct new tokens')] : []),
  );
  sums.hidden = false;
}

/**
 * @param {string} kind
 * @param {number} number
 * @param {string} what
 */
function sum(kind, number, what) {
  return make('li', { 'data-verdict': kind }, make('strong', {}, String(number)), ` ${what}`);
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
