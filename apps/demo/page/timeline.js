import { REASONS } from './answers.js';
import { element, make, write } from './dom.js';
import { duration, moment } from './format.js';

/** @import { Session } from './session.js' */
/** @import { Claims } from './tokens.js' */

const state = element('state', HTMLElement);
const words = element('state-words', HTMLElement);
const life = element('life', HTMLElement);
const present = element('present', HTMLElement);
const marks = element('marks', HTMLOListElement);
const generations = element('generations', HTMLElement);
const claimList = element('claims', HTMLElement);

/** The part of the bar for each part of a token's life, in percent. Not to scale, because 15 minutes beside a week would be invisible. */
const PARTS = [40, 36, 24];
const MOST_GENERATIONS = 8;

/**
 * Draws the present time. Called several times a second.
 *
 * @param {Session} session
 */
export function drawPresent(session) {
  const { current } = session;
  if (!current) return;
  const { claims } = current;
  const now = session.now();
  const [name, explanation] = stateAt(now, claims, session);
  write(state, name);
  state.dataset['verdict'] = name;
  write(words, explanation);
  life.setAttribute('aria-label', `${name}. ${explanation}`);
  present.style.left = `${position(now, momentsOf(claims, session))}%`;
  drawGenerations(session, now);
}

/**
 * Draws the parts that change only with the token.
 *
 * @param {Session} session
 */
export function drawToken(session) {
  const { current } = session;
  if (!current) return;
  const { claims } = current;
  const [iat, exp, refreshExp, end] = momentsOf(claims, session);
  marks.replaceChildren(
    mark('iat', 'signed', iat),
    mark('exp', 'expires', exp),
    mark('refresh_exp', 'refresh window ends', refreshExp),
    mark('', 'session ends', session.end === undefined ? undefined : end),
  );
  claimList.replaceChildren(...Object.entries(claims).flatMap(([name, value]) => claim(name, value)));
  drawPresent(session);
}

/**
 * @param {number} now
 * @param {Claims} claims
 * @param {Session} session
 * @returns {[name: string, explanation: string]}
 */
function stateAt(now, { gen, exp, refresh_exp }, { refusal, end = Number.POSITIVE_INFINITY }) {
  if (refusal !== undefined)
    return ['dead', `Generation ${gen} was rejected: ${refusal}. ${REASONS[refusal] ?? ''} Sign in again.`];
  if (now < exp) return ['valid', `Generation ${gen} is valid for another ${duration(exp - now)}.`];
  if (now < refresh_exp) {
    return [
      'refreshable',
      `Generation ${gen} has expired. The next request refreshes it, within ${duration(refresh_exp - now)}.`,
    ];
  }
  return ['dead', now < end ? 'It was not refreshed in time. Sign in again.' : 'The session is over. Sign in again.'];
}

/**
 * @param {Claims} claims
 * @param {Session} session
 * @returns {[iat: number, exp: number, refreshExp: number, end: number]}
 */
function momentsOf({ iat, exp, refresh_exp }, { end }) {
  return [iat, exp, refresh_exp, end ?? refresh_exp + (refresh_exp - iat)];
}

/**
 * Returns the position of a moment on the bar, in percent.
 *
 * @param {number} now
 * @param {[number, number, number, number]} moments
 */
function position(now, moments) {
  let at = 0;
  for (const [index, part] of PARTS.entries()) {
    const [from = 0, to = 0] = moments.slice(index, index + 2);
    if (to > from) at += part * Math.min(1, Math.max(0, (now - from) / (to - from)));
    else if (now >= to) at += part;
  }
  return at;
}

/**
 * @param {string} claimName
 * @param {string} meaning
 * @param {number | undefined} at
 */
function mark(claimName, meaning, at) {
  const time = at === undefined ? 'never' : moment(at);
  const name = claimName === '' ? [] : [make('code', {}, claimName), ' '];
  return make('li', {}, ...name, make('span', { class: 'meaning' }, meaning), make('span', { class: 'time' }, time));
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function claim(name, value) {
  const isTime = ['iat', 'exp', 'refresh_exp', 'auth_time'].includes(name);
  const text = isTime && typeof value === 'number' ? `${value} (${moment(value)})` : JSON.stringify(value);
  return [make('dt', {}, name), make('dd', {}, text)];
}

/**
 * Draws the session so far: each token from its `iat` to that of the next one.
 *
 * @param {Session} session
 * @param {number} now
 */
function drawGenerations(session, now) {
  const shown = session.generations.slice(-MOST_GENERATIONS).map(({ claims }) => claims);
  const [first] = shown;
  const last = shown.at(-1);
  if (!first || !last) return;
  const from = first.iat;
  const to = Math.max(now, last.exp) + 0.08 * (Math.max(now, last.exp) - from);
  const percent = (/** @type {number} */ seconds) => `${(100 * (seconds - from)) / (to - from)}%`;
  while (generations.children.length > shown.length + 1) generations.lastElementChild?.remove();
  while (generations.children.length < shown.length + 1) generations.append(make('div'));
  const [line, ...segments] = /** @type {HTMLElement[]} */ ([...generations.children]);
  if (!line) return;
  line.className = 'present';
  line.style.left = percent(now);
  for (const [index, segment] of segments.entries()) {
    const { gen, iat, exp } = /** @type {Claims} */ (shown[index]);
    const until = shown[index + 1]?.iat ?? Math.max(now, exp);
    segment.className = 'generation';
    segment.style.left = percent(iat);
    segment.style.width = `calc(${percent(until)} - ${percent(iat)} - 2px)`;
    // Solid while it was valid, hatched from then on.
    segment.style.setProperty('--until', `${(100 * (Math.min(exp, until) - iat)) / Math.max(until - iat, 0.001)}%`);
    write(segment, `gen ${gen}`);
  }
  const count = session.generations.length;
  generations.setAttribute(
    'aria-label',
    `${count === 1 ? '1 generation was' : `${count} generations were`} seen, the latest is ${last.gen}`,
  );
}
