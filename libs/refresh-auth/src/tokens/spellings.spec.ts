import { AT_ONCE } from '../../../../test/support/core.js';
import { describe, expect, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { respell } from '../../../../test/support/hostile-tokens.js';
import { keyFor } from '../../../../test/support/key-material.js';
import { RefreshAuthCore } from '../refresh-auth.core.js';
import { resolveOptions } from '../options/refresh-auth-options.js';
import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import type { Algorithm } from './algorithms.js';

const ORDER_OF_P256 = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

/** Returns the same token with other bytes: ECDSA accepts (r, n - s) wherever it accepts (r, s). */
function twin(token: string): string {
  const start = token.lastIndexOf('.') + 1;
  const signature = Buffer.from(token.slice(start), 'base64url').toString('hex');
  const other = ORDER_OF_P256 - BigInt(`0x${signature.slice(64)}`);
  const bytes = Buffer.from(signature.slice(0, 64) + other.toString(16).padStart(64, '0'), 'hex');
  return token.slice(0, start) + bytes.toString('base64url');
}

function setUp(algorithm: Algorithm) {
  const clock = new TestClock();
  const core = new RefreshAuthCore(
    resolveOptions({ keys: [keyFor(algorithm)] }),
    new InMemorySessionStore(clock),
    clock,
  );
  const { token, claims } = core.signer.first({ sub: '1' }, 0);
  const spellings = [...respell(token), ...(algorithm === 'ES256' ? [twin(token), ...respell(twin(token))] : [])];
  return { clock, core, token, claims, spellings };
}

describe('[V10] one token in several spellings', () => {
  const algorithms = ['RS256', 'PS256', 'ES256'] as const;

  test.each([
    ['RS256', 15],
    ['PS256', 15],
    ['ES256', 31],
  ] as const)('%s: all %d others are that token', async (algorithm, count) => {
    const { core, claims, spellings } = setUp(algorithm);

    const found = await Promise.all(
      spellings.map(async (other) => core.authenticator.authenticate(other, 'refresh', AT_ONCE)),
    );

    expect(new Set(spellings).size).toBe(count);
    expect(found).toEqual(spellings.map(() => ({ state: 'valid', claims })));
  });

  test.each(algorithms)('%s: refreshed once, whatever the spelling', async (algorithm) => {
    const { clock, core, token, spellings } = setUp(algorithm);
    clock.advance(900_000);

    const first = await core.authenticator.authenticate(token, 'refresh', AT_ONCE);
    const others = [];
    for (const other of spellings) others.push(await core.authenticator.authenticate(other, 'refresh', AT_ONCE));

    expect(first.state).toBe('refreshable');
    expect(others).toEqual(others.map(() => ({ ...first, state: 'already-refreshed' })));
  });

  test.each(algorithms)('%s: refreshed once, even if all come at once', async (algorithm) => {
    const { clock, core, token, spellings } = setUp(algorithm);
    clock.advance(900_000);

    const all = await Promise.all(
      [...spellings, token].map(async (other) => core.authenticator.authenticate(other, 'refresh', AT_ONCE)),
    );

    expect(all.filter(({ state }) => state === 'refreshable')).toHaveLength(1);
    expect(new Set(all.map(({ refreshed }) => refreshed?.token)).size).toBe(1);
  });

  test.each(algorithms)('%s: revoked in every spelling', async (algorithm) => {
    const { core, claims, spellings } = setUp(algorithm);
    await core.revocations.revokeSession(claims.sid);

    expect(await Promise.all(spellings.map((other) => core.authenticator.inspect(other)))).toEqual(
      spellings.map(() => ({ state: 'dead', reason: 'session_revoked' })),
    );
  });

  test('HS256: accepted in one spelling only', async () => {
    const { core, spellings } = setUp('HS256');

    expect(await Promise.all(spellings.map((other) => core.authenticator.inspect(other)))).toEqual(
      Array.from({ length: 3 }, () => ({ state: 'dead', reason: 'token_invalid' })),
    );
  });
});
