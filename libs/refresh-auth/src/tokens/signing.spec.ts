import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { TestClock } from '../../../../test/support/clock.js';
import { decodePayload } from '../../../../test/support/hostile-tokens.js';
import { secret } from '../../../../test/support/key-material.js';
import { START } from '../../../../test/support/signed-claims.js';
import { checkOwnClaims, type TokenClaims } from './claims.js';
import { createKeyRing } from '../options/key-options.js';
import { type TimeState, TokenTimes } from './token-times.js';
import { tagOf } from './session-id.js';
import { TokenSigner } from './signing.js';
import { TokenVerifier, type Parties } from './verifying.js';

const DAY = 86_400;
const lifetimes = { expiresIn: 900, refreshWindow: 7 * DAY, sessionLifetime: 30 * DAY, clockTolerance: 0 };
const ring = createKeyRing({ secret });
const verifier = new TokenVerifier(ring, {});
const RANDOM_128_BITS = /^[\w-]{21}[AQgw]$/;
const SESSION_ID = /^[\w-]{8}[\w-]{21}[AQgw]$/;

function signerAt(clock: TestClock, parties: Parties = {}): TokenSigner {
  return new TokenSigner(ring, parties, new TokenTimes(lifetimes, clock));
}

describe('the first token of a session', () => {
  test('has the claims of the application and those of the library', () => {
    const clock = new TestClock(START * 1000 + 999);
    const signer = signerAt(clock, { issuer: 'me', audience: 'api' });
    const { token, claims } = signer.first(checkOwnClaims({ sub: '1', role: 'admin' }), 7);

    expect(claims).toEqual({
      sub: '1',
      role: 'admin',
      sid: expect.stringMatching(SESSION_ID),
      gen: 0,
      jti: expect.stringMatching(RANDOM_128_BITS),
      rev: 7,
      iss: 'me',
      aud: 'api',
      auth_time: START,
      iat: START,
      exp: START + 900,
      refresh_exp: START + 7 * DAY,
    });
    expect(decodePayload(token)).toEqual(claims);
  });

  test('has claims that cannot be changed afterwards', () => {
    const { claims } = signerAt(new TestClock()).first(checkOwnClaims({ sub: '1', roles: ['user'] }), 0);

    expect(Object.isFrozen(claims)).toBe(true);
    expect(Object.isFrozen(Reflect.get(claims, 'roles'))).toBe(true);
  });

  test('[T7] [T8] has the limits of its session, and times within them', () => {
    const limits = { expires_in: 600, refresh_window: 3600, session_lifetime: 4000 };
    const clock = new TestClock();
    const { claims } = signerAt(clock).first({ sub: '1' }, 0, limits);
    clock.advance(3500_000);
    const successor = signerAt(clock).successor(claims);

    expect(claims).toMatchObject({ ...limits, exp: START + 600, refresh_exp: START + 3600 });
    expect(successor.claims).toMatchObject({ ...limits, exp: START + 4000, refresh_exp: START + 4000 });
  });
});

describe('a successor', () => {
  const clock = new TestClock();
  const first = signerAt(clock).first(
    checkOwnClaims({ sub: '1', role: 'admin', nested: { list: [1, null] } }),
    0,
  ).claims;

  test('[R8] keeps the claims, and refreshes the times and the jti', () => {
    clock.set((START + 1000) * 1000);
    const { token, claims } = signerAt(clock).successor(first);

    expect(claims).toEqual({
      ...first,
      gen: 1,
      jti: expect.stringMatching(RANDOM_128_BITS),
      iat: START + 1000,
      exp: START + 1900,
      refresh_exp: START + 1000 + 7 * DAY,
    });
    expect(claims.jti).not.toBe(first.jti);
    expect(verifier.verify(token)).toEqual(claims);
  });

  test.each([0, 1, 899, 900, 86_400])('[T6] %d s later has times that count from now', (seconds) => {
    const { iat, exp, refresh_exp } = signerAt(new TestClock((START + seconds) * 1000)).successor(first).claims;

    expect({ iat, exp, refresh_exp }).toEqual({
      iat: START + seconds,
      exp: START + seconds + 900,
      refresh_exp: START + seconds + 7 * DAY,
    });
  });

  test('[T7] of a session near its end has times that stop there', () => {
    const { exp, refresh_exp } = signerAt(new TestClock((START + 30 * DAY - 60) * 1000)).successor(first).claims;

    expect({ exp, refresh_exp }).toEqual({ exp: START + 30 * DAY, refresh_exp: START + 30 * DAY });
  });

  test('has no nbf, so it is valid at once', () => {
    expect(signerAt(clock).successor({ ...first, nbf: START } as TokenClaims).claims).not.toHaveProperty('nbf');
  });

  test('[R8] has the current issuer and audience', () => {
    const before = { ...first, iss: 'old', aud: ['a', 'b'] } as TokenClaims;

    expect(signerAt(clock, { issuer: 'new', audience: 'api' }).successor(before).claims).toMatchObject({
      iss: 'new',
      aud: 'api',
    });
    expect(signerAt(clock).successor(before).claims).toMatchObject({ iss: 'old', aud: ['a', 'b'] });
  });
});

const RESERVED =
  'sub sid gen jti rev auth_time iat exp nbf refresh_exp expires_in refresh_window session_lifetime iss aud'.split(' ');
const name = fc
  .oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('toJSON', 'then', '', '0', 'kid', 'alg', 'é'))
  .filter((key) => !RESERVED.includes(key) && !(key in Object.prototype));
const ownClaims = fc.record({
  sub: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  others: fc.dictionary(name, fc.jsonValue({ stringUnit: 'binary', maxDepth: 3 }), { maxKeys: 6 }),
});

test('[R8] any JSON claims survive sign-in and refreshes, byte for byte', () => {
  fc.assert(
    fc.property(ownClaims, fc.array(fc.nat(6 * DAY), { minLength: 1, maxLength: 4 }), ({ sub, others }, waits) => {
      const clock = new TestClock();
      const signer = signerAt(clock);
      const own = JSON.parse(JSON.stringify({ ...others, sub })) as object;

      let { token, claims } = signer.first({ ...others, sub }, 0);
      fc.pre(token.length < 8000);
      for (const wait of waits) {
        clock.advance(wait * 1000);
        ({ token, claims } = signer.successor(verifier.verify(token)));
        expect(verifier.verify(token)).toEqual(claims);
      }

      const { sid, gen, jti, rev, auth_time, iat, exp, refresh_exp, ...kept } = claims;
      expect(JSON.parse(JSON.stringify(kept))).toEqual(own);
      expect({ gen, rev, auth_time, iat }).toEqual({
        gen: waits.length,
        rev: 0,
        auth_time: START,
        iat: Math.floor(clock.now() / 1000),
      });
      expect([sid, jti]).toEqual([expect.stringMatching(SESSION_ID), expect.stringMatching(RANDOM_128_BITS)]);
      expect(sid.startsWith(tagOf(sub))).toBe(true);
      expect(exp).toBeLessThanOrEqual(refresh_exp);
    }),
    { numRuns: 300 },
  );
});

test('[R7] jti has 128 bits and sid ends with as many, each of which is random', () => {
  const signer = signerAt(new TestClock());
  const seen = { jti: [Buffer.alloc(16, 255), Buffer.alloc(16)], sid: [Buffer.alloc(16, 255), Buffer.alloc(16)] };

  for (let mint = 0; mint < 200; mint++) {
    const { claims } = signer.first({ sub: '1' }, 0);
    for (const id of ['jti', 'sid'] as const) {
      const [always, ever] = seen[id];
      Buffer.from(claims[id].slice(-22), 'base64url').forEach((byte, index) => {
        always?.writeUInt8(always.readUInt8(index) & byte, index);
        ever?.writeUInt8(ever.readUInt8(index) | byte, index);
      });
    }
  }

  const everyBitBothWays = [Buffer.alloc(16), Buffer.alloc(16, 255)];
  expect(seen).toEqual({ jti: everyBitBothWays, sid: everyBitBothWays });
});

describe('a chain of refreshes', () => {
  function stateAt(now: number, claims: TokenClaims): TimeState {
    return new TokenTimes(lifetimes, new TestClock(now)).state(claims);
  }

  function refresh(every: number, until: number): TokenClaims {
    const clock = new TestClock();
    const signer = signerAt(clock);
    let { claims } = signer.first(checkOwnClaims({ sub: '1', role: 'admin' }), 0);
    for (let now = every; now < until; now += every) {
      clock.set((START + now) * 1000);
      expect(['valid', 'expired']).toContain(stateAt(clock.now(), claims));
      ({ claims } = signer.successor(claims));
    }
    return claims;
  }

  test('[T8] continues while each token is used inside its window, and [T7] ends with the session', () => {
    const last = refresh(7 * DAY - 1, 30 * DAY);

    expect(stateAt((START + 30 * DAY) * 1000 - 1, last)).toBe('expired');
    expect(stateAt((START + 30 * DAY) * 1000, last)).toBe('session_expired');
  });

  test('[T8] ends when a token is not used inside its window', () => {
    const { iat, ...last } = refresh(900, 10 * DAY);

    expect(stateAt((iat + 7 * DAY) * 1000 - 1, { iat, ...last })).toBe('expired');
    expect(stateAt((iat + 7 * DAY) * 1000, { iat, ...last })).toBe('token_expired');
  });

  test('[M4] of 1,000 makes the token longer only by the digits of the generation', () => {
    const clock = new TestClock();
    const signer = signerAt(clock, { issuer: 'https://auth.example', audience: 'api' });
    const byDigits = new Map<number, Set<number>>();
    let { token, claims } = signer.first(checkOwnClaims({ sub: '1', role: 'admin' }), 0);
    const first = token;
    const [, payload = ''] = first.split('.');
    const bytes = Buffer.from(payload, 'base64url').length;

    for (let refreshes = 0; refreshes <= 1000; refreshes++) {
      const digits = String(claims.gen).length;
      byDigits.set(digits, (byDigits.get(digits) ?? new Set()).add(token.length));
      clock.advance(900_000);
      ({ token, claims } = signer.successor(verifier.verify(token)));
    }

    const lengthWith = (digits: number) => first.length - payload.length + Math.ceil(((bytes + digits - 1) * 4) / 3);
    expect([...byDigits].map(([digits, lengths]) => [digits, [...lengths]])).toEqual(
      [1, 2, 3, 4].map((digits) => [digits, [lengthWith(digits)]]),
    );
  });
});
