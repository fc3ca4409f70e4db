import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TestClock } from '../../../../test/support/clock.js';
import { decodePayload, encodeSegment, flipBit, signRaw } from '../../../../test/support/hostile-tokens.js';
import { send } from '../../../../test/support/http.js';
import {
  algorithms,
  certificateForms,
  certifiedKey,
  forge,
  keyFor,
  p256,
  publicForms,
  rsa,
  secret,
} from '../../../../test/support/key-material.js';
import { invalid, malformed, refusalOf } from '../../../../test/support/refusals.js';
import { claims, claimsText } from '../../../../test/support/signed-claims.js';
import { checkOwnClaims } from './claims.js';
import { readHeader } from './compact.js';
import { createKeyRing, type KeyOptions } from '../options/key-options.js';
import { TokenSigner } from './signing.js';
import { TokenTimes } from './token-times.js';
import { type Parties, TokenVerifier } from './verifying.js';

const WRONG = invalid('the signature, the issuer or the audience is wrong');
const OTHER_ALGORITHM = invalid('the algorithm is not that of the key');
const UNKNOWN_KID = invalid('unknown kid');

function verifierFor(keys: KeyOptions[], parties: Parties = {}): TokenVerifier {
  return new TokenVerifier(createKeyRing({ keys }), parties);
}

function signerFor(keys: KeyOptions[], parties: Parties = {}): TokenSigner {
  const lifetimes = { expiresIn: 900, refreshWindow: 604_800, sessionLifetime: 2_592_000, clockTolerance: 0 };
  return new TokenSigner(createKeyRing({ keys }), parties, new TokenTimes(lifetimes, new TestClock()));
}

const everyKey = verifierFor(algorithms.map(keyFor));
const oneKey = verifierFor([{ algorithm: 'HS256', secret }]);

function hs256(header: object | string, payload: object | string = claims): string {
  return signRaw({ header, payload, algorithm: 'HS256', secret });
}

describe.each(algorithms)('%s', (algorithm) => {
  test('signs and verifies', () => {
    const issued = signerFor([keyFor(algorithm)]).first(checkOwnClaims({ sub: '1', role: 'admin' }), 0);

    expect(everyKey.verify(issued.token)).toEqual(issued.claims);
    expect(readHeader(issued.token)).toEqual({ alg: algorithm, typ: 'JWT', kid: algorithm });
  });

  test('verifies what others signed with that key', () => {
    expect(everyKey.verify(forge(algorithm, claims))).toEqual(claims);
  });

  test('rejects a signature with one wrong bit', () => {
    expect(refusalOf(() => everyKey.verify(flipBit(forge(algorithm, claims))))).toEqual(WRONG);
  });

  test('rejects another claim under the same signature', () => {
    const [header, , signature] = forge(algorithm, claims).split('.');
    const changed = `${header}.${encodeSegment({ ...claims, sub: '2' })}.${signature}`;

    expect(refusalOf(() => everyKey.verify(changed))).toEqual(WRONG);
  });

  test.each(algorithms.filter((other) => other !== algorithm))('[V4] [V6] is not accepted as %s', (other) => {
    expect(refusalOf(() => everyKey.verify(forge(algorithm, claims, { alg: other, kid: other })))).toEqual(WRONG);
    expect(refusalOf(() => everyKey.verify(forge(algorithm, claims, { alg: algorithm, kid: other })))).toEqual(
      OTHER_ALGORITHM,
    );
  });
});

describe('[V4] with the one key of the option secret', () => {
  test.each(algorithms.filter((algorithm) => algorithm !== 'HS256'))('a %s token is dead', (algorithm) => {
    expect(refusalOf(() => oneKey.verify(forge(algorithm, claims, { alg: algorithm })))).toEqual(OTHER_ALGORITHM);
    expect(refusalOf(() => oneKey.verify(forge(algorithm, claims, { alg: 'HS256' })))).toEqual(WRONG);
  });
});

describe('[V6] no public form of a key is an HMAC secret', () => {
  const forms = [
    ...publicForms(rsa.publicKey).map((form) => ['RS256', ...form, rsa.publicKey] as const),
    ...publicForms(p256.publicKey).map((form) => ['ES256', ...form, p256.publicKey] as const),
    ...certificateForms.map((form) => ['ES256', ...form, certifiedKey] as const),
  ];

  test.each(forms)('%s: %s', (algorithm, _, form, publicKey) => {
    const verifier = verifierFor([keyFor('HS512'), { kid: 'k', algorithm, publicKey }]);
    const confused = (['HS256', 'HS384', 'HS512'] as const).map((hmac) =>
      refusalOf(() =>
        verifier.verify(signRaw({ header: { alg: hmac, kid: 'k' }, payload: claims, algorithm: hmac, secret: form })),
      ),
    );
    const disguised = signRaw({
      header: { alg: algorithm, kid: 'k' },
      payload: claims,
      algorithm: 'HS256',
      secret: form,
    });

    expect(confused).toEqual([OTHER_ALGORITHM, OTHER_ALGORITHM, OTHER_ALGORITHM]);
    expect(refusalOf(() => verifier.verify(disguised))).toEqual(WRONG);
  });
});

describe('[V5] no algorithm', () => {
  const none = ['none', 'None', 'NONE', 'nOnE', 'noNE', 'none ', '\u0000none'];
  const odd = [undefined, null, '', 0, true, {}, [], ['HS256'], ['none'], 'hs256', 'HS256 ', 'HMAC', 'HS1', 'Hs256'];

  test.each([...none, ...odd])('alg %j is dead', (alg) => {
    expect(refusalOf(() => oneKey.verify(hs256({ alg, typ: 'JWT' })))).toEqual(OTHER_ALGORITHM);
  });

  test.each(none)('alg %j without a signature is dead', (alg) => {
    const unsigned = `${encodeSegment({ alg, typ: 'JWT' })}.${encodeSegment(claims)}.`;

    expect(refusalOf(() => oneKey.verify(unsigned))).toEqual(malformed('not three base64url segments'));
    expect(refusalOf(() => oneKey.verify(`${unsigned}A`))).toEqual(OTHER_ALGORITHM);
  });

  test.each([
    ['the last of two, as everybody reads JSON', '{"alg":"none","alg":"HS256"}', claims],
    ['and not the first', '{"alg":"HS256","alg":"none"}', OTHER_ALGORITHM],
  ])('%s', (_, header, expected) => {
    expect(expected === claims ? oneKey.verify(hs256(header)) : refusalOf(() => oneKey.verify(hs256(header)))).toEqual(
      expected,
    );
  });

  test('an inherited algorithm is ignored', () => {
    expect(refusalOf(() => oneKey.verify(hs256('{"__proto__":{"alg":"HS256"}}')))).toEqual(OTHER_ALGORITHM);
  });
});

describe('[V7] kid', () => {
  const tricks = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '../../../../dev/null',
    '/dev/null',
    'file:///dev/null',
    "' UNION SELECT 'x' -- ",
    '| id',
    'undefined',
    'null',
    'hs256',
    'HS256 ',
    ' HS256',
    'HS256\u0000',
    'ＨＳ256',
    '',
    'x'.repeat(5000),
    0,
    1,
    true,
    null,
    [],
    ['HS256'],
    { toString: 'HS256' },
    undefined,
  ];

  test.each(tricks)('%j is unknown if each key has a kid', (kid) => {
    expect(refusalOf(() => everyKey.verify(hs256({ alg: 'HS256', kid })))).toEqual(UNKNOWN_KID);
  });

  test.each(tricks.filter((kid) => kid !== undefined))('%j does not match the key without a kid', (kid) => {
    expect(refusalOf(() => oneKey.verify(hs256({ alg: 'HS256', kid })))).toEqual(UNKNOWN_KID);
  });

  test('of 10 kB is not read', () => {
    expect(refusalOf(() => oneKey.verify(hs256({ alg: 'HS256', kid: 'x'.repeat(10_000) })))).toEqual(
      malformed('longer than 8192 bytes'),
    );
  });
});

describe('[V7] a key inside the token', () => {
  const stranger = { alg: 'ES256', kid: 'k', typ: 'JWT' };
  const verifier = verifierFor([keyFor('HS256'), { kid: 'k', algorithm: 'ES256', publicKey: certifiedKey }]);
  const jwk = p256.publicKey.export({ format: 'jwk' });

  test.each([
    ['jwk', jwk],
    ['jwk', { ...jwk, kid: 'k' }],
    ['x5c', certificateForms.slice(-1).map(([, form]) => form)],
    ['x5t', 'AAAA'],
    ['keys', [jwk]],
  ])('%s is ignored', (name, value) => {
    expect(refusalOf(() => verifier.verify(forge('ES256', claims, { ...stranger, [name]: value })))).toEqual(WRONG);
  });

  test('is fetched from nowhere', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    try {
      for (const name of ['jku', 'x5u', 'kid', 'iss']) {
        const header = { ...stranger, ...(name === 'iss' ? {} : { [name]: `${url}/${name}` }) };
        const payload = name === 'iss' ? { ...claims, iss: url } : claims;
        expect(refusalOf(() => verifier.verify(forge('ES256', payload, header)))).toEqual(
          name === 'kid' ? UNKNOWN_KID : WRONG,
        );
      }
      // A request that was sent earlier would arrive before this one is answered.
      await send(`${url}/last`);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }

    expect(asked).toEqual(['/last']);
  });
});

describe('[V8] [V14] a token of another kind', () => {
  test.each(['at+jwt', 'dpop+jwt', 'JOSE', 'application/jwt', 'JWT ', 'secevent+jwt', '', null, 7, true, ['JWT'], {}])(
    'typ %j is dead',
    (typ) => {
      expect(refusalOf(() => oneKey.verify(hs256({ alg: 'HS256', typ })))).toEqual(invalid('typ is not JWT'));
    },
  );

  test.each([undefined, 'JWT', 'jwt', 'Jwt'])('typ %j is accepted', (typ) => {
    expect(oneKey.verify(hs256({ alg: 'HS256', typ }))).toEqual(claims);
  });

  test.each([
    ['cty', 'JWT'],
    ['cty', ''],
    ['cty', null],
    ['enc', 'A256GCM'],
    ['enc', null],
  ])('%s: %j is dead', (name, value) => {
    expect(refusalOf(() => oneKey.verify(hs256({ alg: 'HS256', typ: 'JWT', [name]: value })))).toEqual(
      invalid('a nested or encrypted token'),
    );
  });

  test.each([['exp'], ['unknown'], ['b64'], []])('a good signature over crit %j is dead', (...crit) => {
    expect(refusalOf(() => oneKey.verify(hs256({ alg: 'HS256', crit })))).toEqual(malformed('the header has crit'));
  });

  const { iat, exp, auth_time } = claims;

  const { sid } = claims;

  test.each([
    ['a password reset', { sub: '1', purpose: 'reset', iat, exp }, 'claim jti is not a non-empty string'],
    [
      'an id token',
      { iss: 'https://op', sub: '1', aud: 'app', nonce: 'n', auth_time, iat, exp },
      'claim jti is not a non-empty string',
    ],
    ['an id token with sid', { sub: '1', sid, aud: 'app', auth_time, iat, exp }, 'claim jti is not a non-empty string'],
    [
      'a DPoP proof without its typ',
      { jti: 'j', htm: 'GET', htu: 'https://a/', iat },
      'claim sub is not a non-empty string',
    ],
    [
      'a client assertion',
      { iss: 'c', sub: 'c', jti: 'j', aud: 'as', exp },
      'claim sid is not the id of a session of this user',
    ],
    [
      'an access token for life',
      { sub: '1', sid, jti: 'j', gen: 0, auth_time, iat },
      'claim exp is not a plausible time in whole seconds',
    ],
    [
      'a token that cannot be refreshed',
      { sub: '1', sid, jti: 'j', gen: 0, auth_time, iat, exp },
      'claim refresh_exp is not a plausible time in whole seconds',
    ],
  ])('%s with a good signature is dead', (_, payload, detail) => {
    expect(refusalOf(() => oneKey.verify(hs256({ alg: 'HS256', typ: 'JWT' }, payload)))).toEqual(invalid(detail));
  });
});

describe('[V11] [V12] a payload that is not a JSON object is malformed', () => {
  const payloads = [
    '{',
    '',
    ' ',
    'sub=1',
    'undefined',
    'NaN',
    '{"sub":"1"}}',
    'null',
    '"sub"',
    '1',
    'true',
    '[]',
    '[{"sub":"1"}]',
  ];

  describe.each([{ alg: 'HS256', typ: 'JWT' }, { alg: 'HS256', typ: 'jwt' }, { alg: 'HS256' }])(
    'under the header %j',
    (header) => {
      test.each(payloads.filter((payload) => payload !== ''))('signed: %s', (payload) => {
        expect(refusalOf(() => oneKey.verify(hs256(header, payload)))).toEqual(
          malformed('the payload is not a JSON object'),
        );
      });

      test.each(payloads.filter((payload) => payload !== ''))('unsigned: %s', (payload) => {
        const unsigned = `${encodeSegment(header)}.${encodeSegment(payload)}.c2ln`;

        expect(refusalOf(() => oneKey.verify(unsigned))).toEqual(malformed('the payload is not a JSON object'));
      });
    },
  );
});

describe('[V11] of two claims with one name the last counts, everywhere', () => {
  test('if it is valid', () => {
    const text = `{"sub":"2",${JSON.stringify(claims).slice(1)}`;
    const verified = oneKey.verify(hs256({ alg: 'HS256' }, text));

    expect(verified).toEqual(claims);
    expect(decodePayload(signerFor([{ algorithm: 'HS256', secret }]).successor(verified).token)).toMatchObject({
      sub: '1',
    });
  });

  test('and if it is not', () => {
    const text = `${JSON.stringify(claims).slice(0, -1)},"exp":"9999999999"}`;

    expect(refusalOf(() => oneKey.verify(hs256({ alg: 'HS256' }, text)))).toEqual(
      invalid('claim exp is not a plausible time in whole seconds'),
    );
  });
});

test.each(Object.getOwnPropertyNames(Object.prototype))(
  '[V13] a signed claim %s is dead and pollutes nothing',
  (name) => {
    const token = hs256({ alg: 'HS256', typ: 'JWT' }, claimsText(name, '{"polluted":true}'));

    expect(refusalOf(() => oneKey.verify(token))).toEqual(
      invalid('a claim has the name of a property of Object.prototype'),
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  },
);

describe('[V15] issuer and audience', () => {
  const parties = { issuer: 'https://auth.example', audience: 'api' };
  const verifier = verifierFor([{ algorithm: 'HS256', secret }], parties);
  const good = { iss: 'https://auth.example', aud: 'api' };
  const expired = { iat: claims.iat - 9000, exp: claims.iat - 8100 };

  describe.each([
    ['valid', {}],
    ['expired', expired],
  ])('of a token that is %s', (_, times) => {
    test.each([
      ['no iss', { aud: 'api' }],
      ['another iss', { ...good, iss: 'https://evil.example' }],
      ['an iss that begins so', { ...good, iss: 'https://auth.example.evil' }],
      ['an iss in another case', { ...good, iss: 'HTTPS://auth.example' }],
      ['a list of iss', { ...good, iss: ['https://auth.example'] }],
      ['no aud', { iss: good.iss }],
      ['another aud', { ...good, aud: 'evil-api' }],
      ['an aud that begins so', { ...good, aud: 'api.attacker' }],
      ['aud null', { ...good, aud: null }],
      ['an empty list of aud', { ...good, aud: [] }],
      ['a list of other aud', { ...good, aud: ['web', 'API'] }],
      ['a nested list of aud', { ...good, aud: [['api']] }],
    ])('%s is dead, six times over', (__, odd) => {
      const token = hs256({ alg: 'HS256' }, { ...claims, ...times, ...odd });

      expect(Array.from({ length: 6 }, () => refusalOf(() => verifier.verify(token)))).toEqual(
        Array.from({ length: 6 }, () => WRONG),
      );
    });

    test.each([
      ['what is configured', good],
      ['a list of aud with ours', { ...good, aud: ['web', 'api'] }],
    ])('%s passes', (__, odd) => {
      const payload = { ...claims, ...times, ...odd };

      expect(verifier.verify(hs256({ alg: 'HS256' }, payload))).toEqual(payload);
    });
  });

  test('are signed as they are checked', () => {
    const { token, claims: signed } = signerFor([{ algorithm: 'HS256', secret }], parties).first({ sub: '1' }, 0);

    expect(verifier.verify(token)).toEqual(signed);
    expect(signed).toMatchObject({ iss: 'https://auth.example', aud: 'api' });
  });

  test('are not checked if none is configured', () => {
    const payload = { ...claims, iss: 'anybody', aud: ['anything'] };

    expect(oneKey.verify(hs256({ alg: 'HS256' }, payload))).toEqual(payload);
  });
});

describe('[K3] a change of keys', () => {
  const old = keyFor('HS256');
  const fresh = keyFor('ES256');
  const { token } = signerFor([old]).first(checkOwnClaims({ sub: '1', role: 'admin' }), 0);

  test('tokens of the old key still verify, and their successors are signed with the new key', () => {
    const both = [fresh, old];
    const verified = verifierFor(both).verify(token);
    const successor = signerFor(both).successor(verified);

    expect(readHeader(successor.token)).toEqual({ alg: 'ES256', typ: 'JWT', kid: 'ES256' });
    expect(verifierFor([fresh]).verify(successor.token)).toMatchObject({
      sub: '1',
      role: 'admin',
      sid: verified.sid,
      gen: 1,
    });
  });

  test('without the old key its tokens are dead', () => {
    expect(refusalOf(() => verifierFor([fresh]).verify(token))).toEqual(UNKNOWN_KID);
  });

  test('another secret under the same kid does not make them valid again', () => {
    const other = verifierFor([{ ...old, secret: `${secret}, but another one` }]);

    expect(refusalOf(() => other.verify(token))).toEqual(WRONG);
  });

  test('a key without a kid can be replaced by one with a kid, and the other way round', () => {
    const nameless = { algorithm: 'HS256', secret } as const;
    const { token: namelessToken } = signerFor([nameless]).first({ sub: '1' }, 0);

    expect(readHeader(namelessToken)).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(verifierFor([fresh, nameless]).verify(namelessToken)).toMatchObject({ sub: '1' });
    expect(verifierFor([nameless, old]).verify(token)).toMatchObject({ sub: '1' });
  });
});

test.each<unknown>([undefined, null, 7, {}, ['e30.e30.e30'], { length: 11, toString: () => 'e30.e30.e30' }])(
  '[V12] %p, from whatever reads tokens in the place of the library, is malformed',
  (odd) => {
    expect(refusalOf(() => oneKey.verify(odd as string))).toEqual(malformed('not a string'));
  },
);

test('verified claims cannot be changed: all requests with the same token share them', () => {
  const verified = oneKey.verify(hs256({ alg: 'HS256' }, { ...claims, address: { city: 'London' } }));

  expect(Object.isFrozen(verified)).toBe(true);
  expect(Object.isFrozen((verified as unknown as { address: object }).address)).toBe(true);
});

test.each([
  ['expired long ago', { iat: claims.iat - 8e8, exp: claims.iat - 7e8, refresh_exp: claims.iat - 6e8 }],
  ['not good before the year 2100', { nbf: Date.UTC(2100, 0) / 1000 }],
])('the verifier does not check times: a token %s is accepted', (_, times) => {
  const payload = { ...claims, ...times };

  expect(oneKey.verify(hs256({ alg: 'HS256' }, payload))).toEqual(payload);
});

describe('[F11] reports once a token with an issuer or audience that the options do not name', () => {
  const issuer = 'https://auth.example';

  test.each<[string, Parties, object, unknown[]]>([
    ['where none is required', {}, { iss: issuer, aud: 'api' }, [{ issuer, audience: 'api' }]],
    [
      'where only an audience is required',
      { audience: 'api' },
      { iss: issuer, aud: 'api' },
      [{ issuer, audience: 'api' }],
    ],
    ['where only an issuer is required', { issuer }, { iss: issuer, aud: 'api' }, [{ issuer, audience: 'api' }]],
    ['but not where it is required', { issuer }, { iss: issuer }, []],
    ['but not one that names neither', {}, {}, []],
  ])('%s', (_, parties, named, expected) => {
    const reported: unknown[] = [];
    const ring = createKeyRing({ keys: [{ algorithm: 'HS256', secret }] });
    const verifier = new TokenVerifier(ring, parties, (signed) => reported.push(signed));

    verifier.verify(hs256({ alg: 'HS256' }, { ...claims, ...named }));
    verifier.verify(hs256({ alg: 'HS256' }, { ...claims, ...named }));

    expect(reported).toEqual(expected);
  });

  test('but not one that was rejected', () => {
    const reported: unknown[] = [];
    const ring = createKeyRing({ keys: [{ algorithm: 'HS256', secret }] });
    const verifier = new TokenVerifier(ring, {}, (signed) => reported.push(signed));

    const forged = flipBit(hs256({ alg: 'HS256' }, { ...claims, iss: issuer }));

    expect([refusalOf(() => verifier.verify(forged)), reported]).toEqual([WRONG, []]);
  });
});
