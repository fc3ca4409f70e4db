import { reasonOf } from './answers.js';
import { duration } from './format.js';
import { showSteps } from './outcome.js';
import { claimsOf } from './tokens.js';
import { sleep } from './waiting.js';

/** @import { Answer } from './answers.js' */
/** @import { Policy, Session } from './session.js' */

/** How long the tokens of the victim are valid, in seconds. */
const EXPIRES_IN = 2;
/** Nobody watches an experiment for longer, in seconds. */
const MOST_PATIENCE = 60;
/** Starts the demo so that the theft takes seconds. One way of delivery, because a client must not keep two copies under reuse detection. */
export const THEFT_COMMAND = 'REUSE_GRACE=1s REUSE_REVOKE_AFTER=5s TOKEN_DELIVERY=header npm start';
/** How late the page presents a token after the server's own limit has passed, in seconds. */
const MARGIN = 0.3;

/** @typedef {Policy & { reuse: NonNullable<Policy['reuse']> }} ReusePolicy */
/** @typedef {{ title: string, run: () => Promise<Answer>, why: (answer: Answer) => string }} Step */

/** @param {Session} session */
export function theftObstacle(session) {
  if (!session.seesToken) return 'The token is in a cookie that scripts cannot read, by design.';
  return watchable(session)
    ? undefined
    : 'Needs reuse detection with short times: start the demo with the command below.';
}

/** @param {Session} session */
export function theftHint(session) {
  const policy = watchable(session);
  if (!policy) return '';
  const { grace, revokeAfter } = policy.reuse;
  const where = policy.base === '' ? '' : ` on the routes under ${policy.base}`;
  return `Eight steps under reuse detection${where}, in a session of its own. With REUSE_GRACE=${grace}s and REUSE_REVOKE_AFTER=${revokeAfter}s they take ${duration(EXPIRES_IN + revokeAfter + 1)}.`;
}

/**
 * Plays a theft under reuse detection, and shows each step as it happens.
 *
 * @param {Session} session
 * @returns {Promise<undefined>} because the steps show the outcome
 */
export async function playTheft(session) {
  const policy = watchable(session);
  if (!policy) throw new Error(`Start the demo with ${THEFT_COMMAND}`);
  const steps = stepsOf(session, policy);
  /** @type {Parameters<typeof showSteps>[1]} */
  const shown = steps.map(({ title }, index) => ({ title: `${index + 1}. ${title}` }));
  for (const [index, { title, run, why }] of steps.entries()) {
    showSteps(`Step ${index + 1} of ${steps.length}: ${title}`, shown);
    const answer = await run();
    const step = shown[index];
    if (step) step.result = { answer, why: why(answer) };
    if (answer.status === 0 || answer.status >= 500) {
      return showSteps(`Step ${index + 1} did not work. ${reasonOf(answer)}`, shown);
    }
  }
  return showSteps('The theft was noticed: each step is below', shown);
}

/**
 * @param {Session} session
 * @param {ReusePolicy} policy
 * @returns {Step[]}
 */
function stepsOf(session, policy) {
  const { grace, revokeAfter } = policy.reuse;
  /** The token that the thief has copied. */
  let copy = '';
  /** The token of the victim. */
  let latest = '';
  /** The time from which on the server counts the age of the copy. */
  let countsFrom = 0;
  const asVictim = async () => {
    const answer = await session.askWith(latest, '/me', policy);
    latest = answer.token ?? latest;
    return answer;
  };
  const asThief = async () => session.askWith(copy, '/me', policy);
  const until = async (/** @type {number} */ time) => sleep(1000 * (time + MARGIN - session.now()));
  return [
    {
      title: 'The victim signs in. A thief copies the token, generation 0',
      run: async () => {
        const limits = { expiresIn: Math.min(EXPIRES_IN, session.about.lifetimes.expiresIn) };
        const answer = await session.signInApart({ username: 'alan', password: 'turing', limits }, policy);
        latest = answer.token ?? '';
        copy = latest;
        return answer;
      },
      why: (answer) => (answer.token === undefined ? reasonOf(answer) : 'From now on two parties hold the same token.'),
    },
    {
      title: 'The token expires, and the victim’s next request refreshes it',
      run: async () => {
        await until(claimsOf(copy).exp);
        return asVictim();
      },
      why: () => 'The victim has got generation 1. The thief’s copy is superseded.',
    },
    {
      title: 'The thief presents the older generation: it is handed over the latest token',
      run: asThief,
      why: () =>
        'Nobody has used generation 1 yet, so this could be the victim, whose answer was lost. Honest clients are not logged out for that. The thief of this experiment does not use what it got.',
    },
    {
      title: 'The victim uses generation 1',
      run: async () => {
        const answer = await asVictim();
        countsFrom = session.now();
        return answer;
      },
      why: () => 'From this use on, the server counts the age of requests with generation 0.',
    },
    {
      title: `After REUSE_GRACE (${duration(grace)}) the thief presents the older generation again`,
      run: async () => {
        await until(countsFrom + grace);
        return asThief();
      },
      why: reasonOf,
    },
    {
      title: 'The victim goes on working',
      run: asVictim,
      why: (answer) => `The session lives on. ${reasonOf(answer)}`,
    },
    {
      title: `After REUSE_REVOKE_AFTER (${duration(revokeAfter)}) the thief presents it a third time`,
      run: async () => {
        await until(countsFrom + revokeAfter);
        return asThief();
      },
      why: reasonOf,
    },
    {
      title: 'The victim sends another request',
      run: asVictim,
      why: (answer) =>
        answer.code === 'session_revoked'
          ? 'The session has ended for both. The victim signs in again; the thief cannot.'
          : `The session lives on, as ON_REUSE=reject wants it. ${reasonOf(answer)}`,
    },
  ];
}

/**
 * Returns a policy under which the whole theft takes less than a minute; the current one if it is such a policy.
 *
 * @param {Session} session
 * @returns {ReusePolicy | undefined}
 */
function watchable({ policy, about }) {
  for (const { base, reuse } of [policy, ...about.policies]) {
    if (reuse !== null && EXPIRES_IN + reuse.revokeAfter < MOST_PATIENCE) return { base, reuse };
  }
  return undefined;
}
