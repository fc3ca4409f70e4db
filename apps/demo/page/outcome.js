import { reasonOf, VERDICTS } from './answers.js';
import { element, make } from './dom.js';

/** @import { Answer } from './answers.js' */

const lab = element('lab', HTMLElement);
const box = element('outcome-box', HTMLElement);
const outcome = element('outcome', HTMLElement);
const answerList = element('answers', HTMLElement);

/** The box is beside the buttons if there is room. */
const isWide = matchMedia('(min-width: 52rem)');
isWide.addEventListener('change', () => {
  if (isWide.matches) lab.append(box);
});

/**
 * The result of an experiment.
 *
 * @typedef {object} Outcome
 * @property {string} headline
 * @property {string} why
 * @property {[what: string, answer: Answer][]} answers
 */

/** @param {Outcome} outcome */
export function showOutcome({ headline, why, answers }) {
  outcome.replaceChildren(make('p', { class: 'headline' }, headline), ...(why === '' ? [] : [make('p', {}, why)]));
  answerList.replaceChildren(...answers.map(([what, answer]) => drawAnswer(what, answer)));
}

/**
 * Shows steps in their order, each with its answer once there is one.
 *
 * @param {string} headline
 * @param {{ title: string, result?: { answer: Answer, why: string } | undefined }[]} steps
 */
export function showSteps(headline, steps) {
  showOutcome({ headline, why: '', answers: [] });
  const current = steps.findIndex(({ result }) => result === undefined);
  const items = steps.map(({ title, result }, index) => {
    const item = make('li', {}, make('p', {}, title));
    if (index === current) item.setAttribute('aria-current', 'step');
    if (result) {
      const { answer, why } = result;
      item.append(make('p', { class: 'small' }, why));
      item.append(make('details', {}, make('summary', {}, badge(answer)), content(title, answer)));
    }
    return item;
  });
  answerList.replaceChildren(make('ol', { class: 'steps' }, ...items));
  if (isInSight(box)) items[current]?.scrollIntoView({ block: 'nearest' });
  return undefined;
}

/**
 * Keeps the outcome in sight: beside the buttons, or below the one that was pressed where the page is narrow.
 *
 * @param {HTMLElement} below
 */
export function bringOutcome(below) {
  const place = isWide.matches ? lab : below;
  if (box.parentElement !== place) place.append(box);
}

/** @param {HTMLElement} target */
function isInSight(target) {
  const { top, bottom } = target.getBoundingClientRect();
  return top < innerHeight && bottom > 0;
}

export function scrollToOutcome() {
  box.scrollIntoView({ block: 'nearest' });
}

/**
 * Returns the outcome of a single request.
 *
 * @param {string} what
 * @param {Answer} answer
 * @returns {Outcome}
 */
export function outcomeOf(what, answer) {
  return { headline: `${what}: ${answer.code ?? answer.verdict}`, why: reasonOf(answer), answers: [[what, answer]] };
}

/**
 * @param {string} what
 * @param {Answer} answer
 */
function drawAnswer(what, answer) {
  const request = make('code', {}, `${answer.method} ${answer.path}`);
  return make(
    'article',
    { class: 'answer' },
    make('h4', {}, what),
    make('p', {}, badge(answer), ' ', request),
    content(what, answer),
  );
}

/** @param {Answer} answer */
function badge({ verdict, code, status }) {
  const text = code ?? (verdict === 'other' && status > 0 ? String(status) : VERDICTS[verdict]);
  return make('span', { class: 'badge', 'data-verdict': verdict }, text);
}

/**
 * @param {string} what
 * @param {Answer} answer
 */
function content(what, { status, headers, body }) {
  const lines = [
    `${status === 0 ? 'no answer' : status}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ];
  return make('pre', { tabindex: '0', 'aria-label': `Status, headers and body of: ${what}` }, lines.join('\n').trim());
}
