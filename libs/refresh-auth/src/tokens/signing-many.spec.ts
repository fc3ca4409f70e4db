import { expect, test } from '@jest/globals';
import { TestClock } from '../../../../test/support/clock.js';
import { secret } from '../../../../test/support/key-material.js';
import { createKeyRing } from '../options/key-options.js';
import { TokenSigner } from './signing.js';
import { TokenTimes } from './token-times.js';

const DAY = 86_400;
const lifetimes = { expiresIn: 900, refreshWindow: 7 * DAY, sessionLifetime: 30 * DAY, clockTolerance: 0 };

test('[R7] 100,000 tokens of one moment have 100,000 jtis, and each session has its own sid', () => {
  const signer = new TokenSigner(createKeyRing({ secret }), {}, new TokenTimes(lifetimes, new TestClock()));
  const jtis = new Set<string>();
  const sids = new Set<string>();

  for (let session = 0; session < 50_000; session++) {
    const { claims } = signer.first({ sub: '1' }, 0);
    jtis.add(claims.jti).add(signer.successor(claims).claims.jti);
    sids.add(claims.sid);
  }

  expect({ jtis: jtis.size, sids: sids.size }).toEqual({ jtis: 100_000, sids: 50_000 });
}, 120_000);
