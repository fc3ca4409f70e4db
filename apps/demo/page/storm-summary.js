import { plural } from './format.js';

/** @import { Answer, Verdict } from './answers.js' */

/**
 * One part of the answers of a storm. All parts together are all answers.
 *
 * @typedef {{ kind: Verdict, count: number, what: string }} Part
 */

/**
 * Counts the answers of a storm by what happened to the request.
 *
 * @param {Pick<Answer, 'verdict' | 'token' | 'status'>[]} answers
 * @param {boolean} seesToken false if the new token is in a cookie that scripts cannot read
 * @returns {Part[]} without empty parts
 */
export function partsOf(answers, seesToken) {
  const isOneToken = !seesToken || distinctTokens(answers) <= 1;
  /** @type {[Verdict, string][]} */
  const kinds = [
    ['refreshable', 'refreshed the token'],
    ['already-refreshed', isOneToken ? 'got the same new one' : 'got a token that another request had refreshed'],
    ['valid', seesToken ? 'found it valid' : 'sent a valid token'],
    ['dead', 'rejected'],
    ['unavailable', 'told to try again'],
    ['other', 'got no answer from the guard'],
  ];
  return kinds
    .map(([kind, what]) => ({ kind, what, count: answers.filter(({ verdict }) => verdict === kind).length }))
    .filter(({ count }) => count > 0);
}

/** @param {Pick<Answer, 'token'>[]} answers */
export function distinctTokens(answers) {
  return new Set(answers.flatMap(({ token }) => token ?? [])).size;
}

/**
 * Says what happened in a storm, in sentences whose numbers add up to the number of requests.
 *
 * @param {Pick<Answer, 'verdict' | 'token' | 'status' | 'process'>[]} answers
 * @param {boolean} seesToken
 */
export function summaryOf(answers, seesToken) {
  const parts = partsOf(answers, seesToken);
  const processes = new Set(answers.flatMap(({ process }) => process ?? [])).size;
  const where = processes > 1 ? `, over ${processes} processes` : '';
  const [first] = parts;
  if (parts.length === 1 && first?.kind === 'valid')
    return `The token was valid for all ${answers.length}: nothing was refreshed, and the store was not asked.`;
  if (answers.every(({ status }) => status === 0))
    return 'There was no answer: the server cannot be reached. Your token is kept.';
  const total = `Of ${plural(answers.length, 'request')}${where}, ${listed(parts)}.`;
  return [total, ...explanations(answers, parts, seesToken)].join(' ');
}

/**
 * @param {Pick<Answer, 'token'>[]} answers
 * @param {Part[]} parts
 * @param {boolean} seesToken
 */
function explanations(answers, parts, seesToken) {
  const has = (/** @type {Verdict} */ verdict) => parts.some(({ kind }) => kind === verdict);
  const sentences = [];
  if (has('refreshable') || has('already-refreshed')) {
    sentences.push(...whatCame(distinctTokens(answers), seesToken, has('valid')));
  }
  if (has('unavailable'))
    sentences.push('The store is down. Nobody was logged out: the same token works again as soon as the store does.');
  return sentences;
}

/**
 * @param {number} tokens the number of different new tokens
 * @param {boolean} seesToken
 * @param {boolean} someWereValid
 */
function whatCame(tokens, seesToken, someWereValid) {
  if (!seesToken) {
    return [
      'The new token came in the cookie, where scripts cannot see it.',
      ...(someWereValid ? ['Requests that the browser sent after that carried the new cookie, which is valid.'] : []),
    ];
  }
  if (tokens > 1)
    return [`${tokens} distinct new tokens came back, because the first one expired before the storm was over.`];
  return tokens === 1 ? ['1 distinct new token came back.'] : [];
}

/** @param {Part[]} parts */
function listed(parts) {
  const texts = parts.map(
    ({ kind, count, what }) => `${count} ${kind === 'dead' || kind === 'unavailable' ? verb(count) : ''}${what}`,
  );
  return texts.length > 1 ? `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}` : texts.join('');
}

/** @param {number} count */
function verb(count) {
  return count === 1 ? 'was ' : 'were ';
}
