import { AT_ONCE } from '../../../../test/support/core.js';
import { describe, expect, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { signRaw } from '../../../../test/support/hostile-tokens.js';
import { secret } from '../../../../test/support/key-material.js';
import { claimsText } from '../../../../test/support/signed-claims.js';
import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { RefreshAuthCore } from '../refresh-auth.core.js';
import { resolveOptions } from '../options/refresh-auth-options.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';

const LONGEST_TOKEN = 8192;

function tokenWith(claim: string): string {
  return signRaw({
    header: { alg: 'HS256', typ: 'JWT' },
    payload: claimsText('deep', claim),
    algorithm: 'HS256',
    secret,
  });
}

function nest(open: string, close: string, depth: number): string {
  return open.repeat(depth) + '1' + close.repeat(depth);
}

function deepestThatFits(open: string, close: string): number {
  let depth = 1;
  while (tokenWith(nest(open, close, depth + 1)).length <= LONGEST_TOKEN) depth++;
  return depth;
}

function coreAt(clock: TestClock): RefreshAuthCore {
  return new RefreshAuthCore(resolveOptions({ secret }), new InMemorySessionStore(clock), clock);
}

/** Returns the error that an application or a client gets. Any other error would be a 500, and fails the test. */
async function outcome(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return 'accepted';
  } catch (error) {
    if (error instanceof RefreshAuthError) return String(error.statusCode);
    if (error instanceof TypeError) return 'TypeError';
    throw error;
  }
}

describe.each([
  ['lists', '[', ']'],
  ['objects', '{"a":', '}'],
  ['lists in objects', '{"a":[', ']}'],
])('[M4] %s nested as deep as fit into a token', (_, open, close) => {
  const deepest = deepestThatFits(open, close);

  test.each([0, 0.5, 0.9, 1])('verify and refresh, or are dead: %d of that depth', async (share) => {
    const token = tokenWith(nest(open, close, Math.round(deepest * share)));

    for (const seconds of [0, 900]) {
      const clock = new TestClock();
      clock.advance(seconds * 1000);
      expect(['accepted', '401']).toContain(
        await outcome(async () => coreAt(clock).authenticator.authenticate(token, 'refresh', AT_ONCE)),
      );
    }
  });
});

test.each([10, 1000, 2500, 3000, 4000, 5000, 10_000, 100_000])(
  '[M4] claims nested %d deep can be signed, or are a TypeError at sign-in',
  async (depth) => {
    const core = coreAt(new TestClock());
    let deep: unknown = 1;
    for (let level = 0; level < depth; level++) deep = [deep];

    expect(['accepted', 'TypeError']).toContain(await outcome(async () => core.signIns.start({ sub: '1', deep }, {})));
  },
);
