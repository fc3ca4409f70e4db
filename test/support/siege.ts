import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type * as fc from 'fast-check';
import { RefreshAuthError } from '../../libs/refresh-auth/src/errors/refresh-auth-error.js';
import { type Attacked, attacksOn, expectedCode } from './attacks.js';
import { TestClock } from './clock.js';
import { authenticate, EXPIRES_IN, issue, makeCore, recordEvents } from './core.js';
import { interceptedStore } from './intercepted-store.js';
import { keyFor } from './key-material.js';

/** The attacks on one process with one key. */
export interface Siege {
  /** The attacks by name, each with a test of one attack. */
  readonly families: Readonly<Record<string, fc.Arbitrary<string>>>;
  /**
   * Throws unless the attack is refused with the right code, in words that quote nothing of it, and without asking the store.
   *
   * @returns the code
   */
  readonly withstand: (attack: string) => Promise<string>;
}

/** The good tokens of a siege are expired and can be refreshed, so that anything which passed for one would get as far as the store. */
export function besiege(algorithm: Attacked): Siege {
  const clock = new TestClock();
  const store = interceptedStore(clock);
  const core = makeCore({ keys: [keyFor(algorithm)] }, { clock, store });
  const events = recordEvents(core);
  const [token, other] = [issue(core).token, issue(core, { sub: '2' }).token];
  // These are the tokens that are remembered as verified.
  for (const good of [token, other]) core.authenticator.liveSession(good);
  clock.advance(EXPIRES_IN * 1000);

  async function withstand(attack: string): Promise<string> {
    const code = expectedCode(attack);
    const refused = await authenticate(core, attack).then(
      () => assert.fail('it was accepted'),
      (error: unknown) => error,
    );
    const inspection = await core.authenticator.inspect(attack);

    assert.ok(refused instanceof RefreshAuthError, inspect(refused));
    assert.deepEqual([refused.code, refused.statusCode], [code, 401]);
    assert.deepEqual(inspection, { state: 'dead', reason: code });
    assert.equal(core.authenticator.liveSession(attack), undefined);
    assert.deepEqual([store.requests, store.revocations, store.uses, store.reads], [[], [], [], []]);
    assert.deepEqual(Object.keys({}.constructor.prototype as object), []);

    const told = events.splice(0);
    assert.deepEqual(
      told.map((event) => ({ type: event.type, code: 'code' in event && event.code, session: 'session' in event })),
      [{ type: 'token-rejected', code, session: false }],
    );
    assertQuotesNothing(inspect([refused, told], { depth: 9, showHidden: true }), attack);
    return code;
  }

  return { families: attacksOn(algorithm, token, other), withstand };
}

/** Shorter texts may occur in a message by chance. */
const LEAST_PIECE = 12;

export function assertQuotesNothing(text: string, token: string): void {
  const quoted = token.split(/[^\w-]+/).filter((piece) => piece.length >= LEAST_PIECE && text.includes(piece));
  assert.deepEqual(quoted, []);
}
