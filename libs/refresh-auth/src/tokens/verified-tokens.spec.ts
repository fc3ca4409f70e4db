import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { flipBit } from '../../../../test/support/hostile-tokens.js';
import { algorithms, keyFor } from '../../../../test/support/key-material.js';
import { invalid, refusalOf } from '../../../../test/support/refusals.js';
import { checkOwnClaims, type TokenClaims } from './claims.js';
import { createKeyRing, type KeyOptions } from '../options/key-options.js';
import { TokenSigner } from './signing.js';
import { VerifiedTokens } from './verified-tokens.js';
import { TokenTimes } from './token-times.js';
import { TokenVerifier } from './verifying.js';

const EXPIRES_IN = 900;
const lifetimes = { expiresIn: EXPIRES_IN, refreshWindow: 3600, sessionLifetime: 7200, clockTolerance: 0 };

describe('a token', () => {
  let clock: TestClock;

  beforeEach(() => {
    jest.useFakeTimers();
    clock = new TestClock();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  function knownBy(keys: readonly KeyOptions[] = [keyFor('HS256')]): VerifiedTokens {
    return new VerifiedTokens(new TokenVerifier(createKeyRing({ keys }), {}), new TokenTimes(lifetimes, clock));
  }

  function sign(key: KeyOptions = keyFor('HS256'), claims: object = { sub: '1' }): string {
    const signer = new TokenSigner(createKeyRing({ keys: [key] }), {}, new TokenTimes(lifetimes, clock));
    return signer.first(checkOwnClaims(claims), 0).token;
  }

  /** Advances both clocks: the library's own and that of its timers. */
  function pass(seconds: number): void {
    clock.advance(seconds * 1000);
    jest.advanceTimersByTime(seconds * 1000);
  }

  test.each(algorithms)('of %s is verified once, and then found in the cache', (algorithm) => {
    const tokens = knownBy([keyFor(algorithm)]);
    const token = sign(keyFor(algorithm));

    const claims = tokens.verify(token);

    expect(tokens.verify(`${token.slice(0, 9)}${token.slice(9)}`)).toBe(claims);
    expect(Object.isFrozen(claims)).toBe(true);
    expect(tokens.size).toBe(1);
  });

  test('in the cache does not make another signature valid, not even one that differs in one bit', () => {
    const tokens = knownBy();
    const token = sign();
    tokens.verify(token);

    expect(refusalOf(() => tokens.verify(flipBit(token)))).toEqual(
      invalid('the signature, the issuer or the audience is wrong'),
    );
    expect(tokens.size).toBe(1);
  });

  test('that is rejected is not cached', () => {
    const tokens = knownBy();

    for (let attempt = 0; attempt < 10; attempt++) refusalOf(() => tokens.verify(flipBit(sign())));

    expect(tokens.size).toBe(0);
  });

  test('leaves the cache within two minutes after it has expired, even if it is not presented again', () => {
    const tokens = knownBy();
    tokens.verify(sign());

    pass(EXPIRES_IN + 59);
    expect(tokens.size).toBe(1);

    pass(61);
    expect(tokens.size).toBe(0);
  });

  test.each([0, 1, 600])('that expired %i s ago is verified once for all requests of a minute', (seconds) => {
    const tokens = knownBy();
    const token = sign();
    clock.advance((EXPIRES_IN + seconds) * 1000);

    const claims = tokens.verify(token);
    clock.advance(60_000);
    expect(tokens.verify(token)).toBe(claims);

    clock.advance(1);
    expect(tokens.verify(token)).not.toBe(claims);
  });

  test('stays in the cache no longer than the lifetime of this process, no matter what was signed elsewhere', () => {
    const tokens = new VerifiedTokens(
      new TokenVerifier(createKeyRing({ keys: [keyFor('HS256')] }), {}),
      new TokenTimes({ ...lifetimes, expiresIn: 60 }, clock),
    );
    tokens.verify(sign());

    pass(180);

    expect(tokens.size).toBe(0);
  });

  test('leaves no timer behind once the cache is empty', () => {
    const tokens = knownBy();
    tokens.verify(sign());
    expect(jest.getTimerCount()).toBe(1);

    pass(EXPIRES_IN + 120);

    expect([tokens.size, jest.getTimerCount()]).toEqual([0, 0]);
  });

  test('is rejected once its key is gone', () => {
    const [old, next] = ['old', 'next'].map((kid) => ({ ...keyFor('HS256'), kid })) as [KeyOptions, KeyOptions];
    const token = sign(old);
    knownBy([next, old]).verify(token);

    expect(refusalOf(() => knownBy([next]).verify(token))).toEqual(invalid('unknown kid'));
  });

  test('of a million, is one of about 30,000 that are cached', () => {
    const claims = knownBy().verify(sign());
    // This test is not about signatures, so every token counts as verified.
    const tokens = new VerifiedTokens({ verify: (): TokenClaims => claims }, new TokenTimes(lifetimes, clock));

    for (let n = 0; n < 1_000_000; n++) tokens.verify(`a.token.${String(n).padStart(6, '0')}`);

    expect(tokens.size).toBe(Math.floor((32 * 1024 * 1024) / (3 * 'a.token.000000'.length + 1024)));
  });

  test('of the largest size shares 32 MiB with others', () => {
    const claims = knownBy().verify(sign());
    const tokens = new VerifiedTokens({ verify: (): TokenClaims => claims }, new TokenTimes(lifetimes, clock));

    for (let n = 0; n < 5_000; n++) tokens.verify(`${n}.`.padEnd(8192, 'x'));

    expect(tokens.size).toBe(Math.floor((32 * 1024 * 1024) / (3 * 8192 + 1024)));
  });
});
