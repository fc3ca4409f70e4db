import { beforeEach, describe, expect, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { issue, makeCore, REFRESH_WINDOW } from '../../../../test/support/core.js';
import { flipBit } from '../../../../test/support/hostile-tokens.js';
import { malformed } from '../../../../test/support/refusals.js';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { RefreshAuthCore } from '../refresh-auth.core.js';
import type { IssuedToken } from '../tokens/claims.js';
import { chooseToken } from './chosen-token.js';

let clock: TestClock;
let core: RefreshAuthCore;
/** Generations 0 to 2 of one session, and the first of another one. */
let gen0: string;
let gen1: string;
let gen2: string;
let other: string;
let session: IssuedToken;

beforeEach(() => {
  clock = new TestClock();
  core = makeCore({}, { clock });
  session = issue(core);
  const next = core.signer.successor(session.claims);
  [gen0, gen1, gen2] = [session.token, next.token, core.signer.successor(next.claims).token];
  other = issue(core).token;
});

function choose(...valuesByName: string[][]): unknown {
  const chosen = chooseToken(valuesByName, (token) => core.authenticator.liveClaims(token));
  if (!(chosen instanceof RefreshAuthError)) return chosen;
  const { code, statusCode, message, detail } = chosen;
  return { code, statusCode, message, detail };
}

/** Makes different texts that have the shape of a token. */
function forged(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${flipBit(gen0)}${index}`);
}

const TWO_SESSIONS = malformed('two live sessions in cookies of one name');
const TOO_MANY = malformed('more than 8 tokens in cookies of one name');

describe('[F21] of one name', () => {
  test.each<[string, () => string[]]>([
    ['garbage', () => ['x']],
    [
      'garbage of any number and length',
      () => [...Array.from({ length: 50 }, (_, i) => `x${i}`), 'a.b.c'.padEnd(8193, 'c')],
    ],
    ['a forged token', () => forged(1)],
    ['seven forged tokens', () => forged(7)],
    ['the live token once more', () => [gen0]],
    ['all of that', () => ['x', ...forged(7), gen0, 'y']],
  ])('a live token counts beside %s, in any order', (_, make) => {
    const others = make();

    expect(choose([gen0, ...others])).toBe(gen0);
    expect(choose([...others, gen0])).toBe(gen0);
    expect(choose([...others, gen0, ...others])).toBe(gen0);
  });

  test('a live token counts beside one whose window has passed', () => {
    clock.advance(REFRESH_WINDOW * 1000);
    const fresh = issue(core).token;

    expect([choose([gen0, fresh]), choose([fresh, gen0])]).toEqual([fresh, fresh]);
  });

  test('a live token counts beside one whose session is known to have ended', async () => {
    await core.revocations.revokeSession(session.claims.sid);

    expect([choose([gen0, other]), choose([other, gen0, gen1])]).toEqual([other, other]);
  });

  test('the latest generation of one session counts, in any order', () => {
    expect([
      choose([gen0, gen1]),
      choose([gen1, gen0]),
      choose([gen1, 'x', gen2, gen0]),
      choose([gen2, gen0, gen1, ...forged(5)]),
    ]).toEqual([gen1, gen1, gen2, gen2]);
  });

  test('two live sessions are malformed, in any order', () => {
    expect([choose([gen0, other]), choose([other, gen0]), choose([gen0, gen1, 'x', other])]).toEqual([
      TWO_SESSIONS,
      TWO_SESSIONS,
      TWO_SESSIONS,
    ]);
  });

  test('more than eight tokens are malformed, in any order', () => {
    expect(choose([gen0, ...forged(7)])).toBe(gen0);
    expect([choose([gen0, ...forged(8)]), choose([...forged(8), gen0]), choose(forged(9))]).toEqual([
      TOO_MANY,
      TOO_MANY,
      TOO_MANY,
    ]);
  });

  test('if no token is live, the first one counts, and values that are not tokens do not', () => {
    clock.advance(REFRESH_WINDOW * 1000);
    const [bad = ''] = forged(1);

    expect([choose(['x', bad, gen0]), choose([gen0, 'x', bad]), choose(['x', gen0, 'y'])]).toEqual([bad, gen0, gen0]);
  });

  test('if no value is a token, the first value counts', () => {
    expect([choose(['x', 'y']), choose([])]).toEqual(['x', undefined]);
  });
});

describe('[F21] of several names', () => {
  test('the first name with a live token decides', () => {
    expect([
      choose([gen0], [other]),
      choose([other], [gen0], [gen1]),
      choose([], [gen0], [other]),
      choose(forged(2), ['x'], [gen0]),
    ]).toEqual([gen0, other, gen0, gen0]);
  });

  test('the latest generation of that session counts, under any name', () => {
    expect([choose([gen0], [gen1]), choose([gen1], [gen0]), choose([gen0], [other, gen1], [gen2])]).toEqual([
      gen1,
      gen1,
      gen2,
    ]);
  });

  test('two live sessions under the name that decides are malformed; under a later name they are ignored', () => {
    expect([choose([gen0, other], [gen0]), choose([], [gen0, other]), choose([gen0], [other, gen0])]).toEqual([
      TWO_SESSIONS,
      TWO_SESSIONS,
      gen0,
    ]);
  });

  test('too many tokens under the name that decides are malformed; under a later name they are ignored', () => {
    expect([choose(forged(9), [gen0]), choose(['x'], forged(9)), choose([gen0], forged(9))]).toEqual([
      TOO_MANY,
      TOO_MANY,
      gen0,
    ]);
  });

  test('if no token is live, the first one counts', () => {
    const [one = '', two = ''] = forged(2);

    expect([choose(['x'], [one], [two]), choose([], ['x'], ['y'])]).toEqual([one, 'x']);
  });
});
