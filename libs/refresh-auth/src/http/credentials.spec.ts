import { describe, expect, test } from '@jest/globals';
import { malformed, refusalOf } from '../../../../test/support/refusals.js';
import { headerSegment } from '../tokens/compact.js';
import { Credentials } from './credentials.js';
import type { RawRequest } from './http-message.js';

/** None of the texts in these tests is a live token. */
const noneLive = () => undefined;
const credentials = new Credentials(['authorization'], noneLive);
const MISSING = { code: 'token_missing', statusCode: 401, message: 'No token was presented', detail: undefined };
const NOT_ONE = malformed('not one token after Bearer');
const TWO_HEADERS = malformed('more than one Authorization header');

/** Makes a request as Node.js does: the first `Authorization` counts, and several `Cookie` lines are joined. */
function request(...lines: [name: string, value: string][]): RawRequest {
  const valuesOf = (name: string) => lines.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
  const [authorization] = valuesOf('authorization');
  const cookies = valuesOf('cookie');
  return {
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
    },
    rawHeaders: lines.flat(),
  };
}

function bearer(value: string): RawRequest {
  return request(['Authorization', value]);
}

function cookie(...values: string[]): RawRequest {
  return request(...values.map((value): [string, string] => ['Cookie', value]));
}

describe('[V1] the Authorization header', () => {
  test.each(['Bearer T', 'bearer T', 'BEARER T', 'bEaReR T', 'Bearer  T', 'Bearer      T'])(
    '%j has token T',
    (value) => {
      expect(credentials.token(bearer(value))).toBe('T');
    },
  );

  test.each([
    'Bearer',
    'bearer',
    'Bearer ',
    'Bearer   ',
    'Bearer A B',
    'Bearer A,B',
    'Bearer A, B',
    'Bearer ,A',
    'Bearer A ',
    'Bearer A,',
    'Bearer\tA',
    'Bearer,A',
    'Bearer=A',
    'Bearer:A B',
    'Bearer:A',
    'Bearer"A"',
    'Bearer\u00a0A',
    'Bearer\0A',
    'Bearer A, Bearer B',
    'Bearer A, Basic B',
  ])('%j is malformed', (value) => {
    expect(refusalOf(() => credentials.token(bearer(value)))).toEqual(NOT_ONE);
  });

  test.each(['Bearer \tA', 'Bearer A\t', 'Bearer A\u00a0B', 'Bearer \u00a0A'])(
    '%j is malformed, which is found when the token is read',
    (value) => {
      expect(refusalOf(() => headerSegment(credentials.token(bearer(value))))).toEqual(
        malformed('not three base64url segments'),
      );
    },
  );

  test.each([
    'Basic YTpi',
    'Bearers A',
    'BearerX A',
    'Bearer-Token A',
    'bearer_ A',
    'Token A',
    'DPoP A',
    'A',
    '',
    ' Bearer A',
  ])('%j has another scheme and is ignored', (value) => {
    expect(refusalOf(() => credentials.token(bearer(value)))).toEqual(MISSING);
    expect(credentials.token(request(['Authorization', value], ['Cookie', 'authorization=C']))).toBe('C');
  });
});

describe('[V2] several credentials, in any order', () => {
  const inBothOrders = (first: [string, string], second: [string, string]) => [
    request(first, second),
    request(second, first),
  ];

  test.each([
    ['different', 'Bearer A', 'Bearer B'],
    ['equal', 'Bearer A', 'Bearer A'],
    ['of two schemes', 'Bearer A', 'Basic B'],
  ])('two Authorization headers that are %s are malformed', (_, first, second) => {
    const requests = inBothOrders(['Authorization', first], ['authorization', second]);

    expect(requests.map((both) => refusalOf(() => credentials.token(both)))).toEqual([TWO_HEADERS, TWO_HEADERS]);
  });

  test('two Authorization headers of HTTP/2, whose names are in lower case, are malformed', () => {
    const both = request([':path', '/'], ['authorization', 'Bearer A'], ['authorization', 'Bearer B']);

    expect(refusalOf(() => credentials.token(both))).toEqual(TWO_HEADERS);
  });

  test('two other headers whose names have the same length are accepted', () => {
    const range: [string, string] = ['Content-Range', 'bytes 0-1/2'];

    expect(credentials.token(request(range, range, ['Authorization', 'Bearer A']))).toBe('A');
  });

  test('a value equal to the name of the header is not counted as a header', () => {
    expect(credentials.token(request(['X-Forwarded', 'authorization'], ['Authorization', 'Bearer A']))).toBe('A');
  });

  test.each(['authorization=A', 'authorization=B', 'authorization=A; authorization=B', 'authorization'])(
    'the header decides alone, whatever the cookie %j is',
    (value) => {
      const requests = inBothOrders(['Authorization', 'Bearer A'], ['Cookie', value]);

      expect(requests.map((both) => credentials.token(both))).toEqual(['A', 'A']);
    },
  );

  test('a malformed header is rejected even beside a good cookie', () => {
    expect(
      refusalOf(() => credentials.token(request(['Authorization', 'Bearer'], ['Cookie', 'authorization=C']))),
    ).toEqual(NOT_ONE);
  });

  test.each([
    [cookie('authorization=A; authorization=A')],
    [cookie('authorization=A', 'authorization=A')],
    [cookie('authorization=; authorization=A')],
    [cookie('authorization=A; authorization=')],
  ])('two cookies with the same value are one token: %j', (both) => {
    expect(credentials.token(both)).toBe('A');
  });
});

describe('the cookie', () => {
  test.each([
    'authorization=A',
    'x=1; authorization=A',
    'authorization=A;y=2',
    ' authorization=A ',
    '\tauthorization=A\t',
    'x=1; \t authorization=A \t ;y=2',
    'x=1;authorization=A;',
  ])('%j has token A', (value) => {
    expect(credentials.token(cookie(value))).toBe('A');
  });

  test.each([
    '',
    ';',
    'authorization',
    'authorization=',
    'Authorization=A',
    'xauthorization=A',
    'authorization2=A',
    'authorization =A',
    'x=authorization=A',
    '__proto__=A',
    '\u00a0authorization=A',
    'x=1;\u00a0authorization=A',
    '\u0085authorization=A',
    '\ufeffauthorization=A',
    '\u2003authorization=A',
    '\vauthorization=A',
    '\fauthorization=A',
    '\r\nauthorization=A',
    'x=1;\nauthorization=A',
  ])('[F4] %j has none', (value) => {
    expect(refusalOf(() => credentials.token(cookie(value)))).toEqual(MISSING);
  });

  test('is neither decoded nor unquoted', () => {
    expect(credentials.token(cookie('authorization="A%2E="'))).toBe('"A%2E="');
    expect(credentials.token(cookie('authorization=A\u00a0'))).toBe('A\u00a0');
  });

  test('is read under the configured name', () => {
    expect(new Credentials(['__Host-session'], noneLive).token(cookie('authorization=A; __Host-session=B'))).toBe('B');
  });

  test('is not read if cookies are switched off', () => {
    const without = new Credentials([], noneLive);

    expect(refusalOf(() => without.token(cookie('authorization=A; undefined=B')))).toEqual(MISSING);
    expect(without.all(cookie('authorization=A; undefined=B'))).toEqual([]);
  });
});

describe('[F21] cookies of earlier deployments', () => {
  const several = new Credentials(['now', 'before', 'earlier'], noneLive);

  test.each([
    ['now=A', 'A'],
    ['before=A', 'A'],
    ['earlier=A; x=B', 'A'],
    ['earlier=A; before=A; now=', 'A'],
  ])('%j has token %s', (value, token) => {
    expect(several.token(cookie(value))).toBe(token);
  });

  test('are read after the current one, wherever they stand in the header', () => {
    const presented = cookie('earlier=C; before=B; now=A; before=D');

    expect(several.all(presented)).toEqual(['A', 'B', 'D', 'C']);
    expect(refusalOf(() => new Credentials(['now'], noneLive).token(cookie('before=B')))).toEqual(MISSING);
  });

  test.each(['A', 'B', 'C'])('carry tokens that browsers attach by themselves: %s', (token) => {
    const presented = cookie('now=A; before=B; earlier=C');

    expect(several.isAmbient(presented, token)).toBe(true);
    expect(several.isAmbient(presented, 'D')).toBe(false);
  });
});

describe('[F21] a request with several values', () => {
  const [live, dead, garbage] = ['live.a.a', 'dead.a.a', 'x'];

  /** Makes credentials that count how often they verify a token. */
  function counting(isLive = (token: string) => token.startsWith('live')) {
    const judged: string[] = [];
    const judge = (token: string): { sid: string; gen: number } | undefined => {
      judged.push(token);
      return isLive(token) ? { sid: token, gen: 0 } : undefined;
    };
    return { judged, credentials: new Credentials(['now', 'before'], judge) };
  }

  test.each([
    ['one token', cookie(`now=${dead}`), dead],
    ['one token twice', cookie(`now=${dead}; before=${dead}`), dead],
    ['one token and garbage', cookie(`now=${garbage}; now=${dead}; before=${garbage}`), dead],
    ['nothing but garbage', cookie(`now=${garbage}; now=y`), garbage],
    ['a header', request(['Authorization', 'Bearer A'], ['Cookie', `now=${live}; now=${dead}`]), 'A'],
  ])('verifies no token if it has %s', (_, presented, token) => {
    const { judged, credentials: judging } = counting();

    expect(judging.token(presented)).toBe(token);
    expect(judged).toEqual([]);
  });

  test('verifies each token once, and keeps its choice', () => {
    let ended: string[] = [];
    const { judged, credentials: judging } = counting((token) => token.startsWith('live') && !ended.includes(token));
    const presented = cookie(`now=${dead}; now=${live}; before=${garbage}; before=${dead}x`);

    const before = judging.token(presented);
    ended = [live];
    const after = judging.token(presented);

    expect([before, after]).toEqual([live, live]);
    expect(judged).toEqual([dead, live, `${dead}x`]);
    expect(judging.token({ ...presented })).toBe(dead);
  });

  test('stays refused once it was refused', () => {
    let ended: string[] = [];
    const { credentials: judging } = counting((token) => !ended.includes(token));
    const presented = cookie(`now=${live}; now=${live}2`);
    const refusals = [refusalOf(() => judging.token(presented))];

    ended = [live];
    refusals.push(refusalOf(() => judging.token(presented)));

    expect(refusals).toEqual(refusals.map(() => malformed('two live sessions in cookies of one name')));
  });

  test('has all of them among its tokens, live or not', () => {
    const tokens = Array.from({ length: 9 }, (_, index) => `${dead}${index}`);
    const presented = cookie(...tokens.map((token) => `now=${token}`), `before=${live}`);

    expect(counting().credentials.all(presented)).toEqual([...tokens, live]);
  });
});

describe('a request without credentials', () => {
  test('has a missing token', () => {
    expect(refusalOf(() => credentials.token({ headers: {} }))).toEqual(MISSING);
  });

  test('[V3] has none even with a token in its query, its body or another header', () => {
    const odd = {
      ...request(['X-Authorization', 'Bearer A'], ['Proxy-Authorization', 'Bearer A'], ['X-Access-Token', 'A']),
      url: '/?access_token=A&authorization=A',
      query: { access_token: 'A', authorization: 'A' },
      body: { access_token: 'A', authorization: 'A' },
      cookies: { authorization: 'A' },
      signedCookies: { authorization: 'A' },
    };

    expect(refusalOf(() => credentials.token(odd))).toEqual(MISSING);
  });
});

test('a Fastify request is read like the Node.js request that it wraps', () => {
  expect(credentials.token({ raw: bearer('Bearer A') })).toBe('A');
  expect(
    refusalOf(() => credentials.token({ raw: request(['Authorization', 'Bearer A'], ['Authorization', 'Bearer B']) })),
  ).toEqual(TWO_HEADERS);
});

describe('all tokens of a request', () => {
  test.each([
    ['none', request(), []],
    ['that of the header', bearer('Bearer A'), ['A']],
    ['that of the cookie', cookie('authorization=C'), ['C']],
    ['both', request(['Cookie', 'authorization=C'], ['Authorization', 'Bearer A']), ['A', 'C']],
    ['every cookie', cookie('authorization=C; authorization=D; authorization='), ['C', 'D']],
    ['each once', request(['Authorization', 'Bearer A'], ['Cookie', 'authorization=A; authorization=A']), ['A']],
    ['not what is malformed', request(['Authorization', 'Bearer A B'], ['Cookie', 'authorization=C']), ['C']],
    ['not what another scheme has', request(['Authorization', 'Basic A'], ['Cookie', 'authorization=C']), ['C']],
  ])('%s', (_, presented, tokens) => {
    expect(credentials.all(presented)).toEqual(tokens);
  });
});

describe('a token that browsers attach by themselves', () => {
  test.each<[string, RawRequest, boolean]>([
    ['in the cookie', cookie('authorization=A'), true],
    [
      'in the cookie, beside a header of another scheme',
      request(['Authorization', 'Basic A'], ['Cookie', 'authorization=A']),
      true,
    ],
    ['in the header', bearer('Bearer A'), false],
    ['in both', request(['Authorization', 'Bearer A'], ['Cookie', 'authorization=A']), false],
    ['in another cookie', cookie('other=A'), false],
    ['nowhere', request(), false],
  ])('is one that was found %s: %#', (_, presented, isAmbient) => {
    expect(credentials.isAmbient(presented, 'A')).toBe(isAmbient);
  });

  test('is possible only without a Bearer header and with cookies switched on', () => {
    const [byCookie, byHeader] = [cookie('authorization=A'), bearer('Bearer A')];
    const withoutCookies = new Credentials([], noneLive);

    expect([request(), byCookie, byHeader].map((presented) => credentials.areAmbient(presented))).toEqual([
      true,
      true,
      false,
    ]);
    expect([request(), byCookie, byHeader].map((presented) => withoutCookies.areAmbient(presented))).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('[F21] the cookie values of which several may be live', () => {
  const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `T${index}`);
  const inCookies = (values: string[]): RawRequest => cookie(...values.map((value) => `authorization=${value}`));

  test('are those of all names, each once', () => {
    const both = new Credentials(['session', 'authorization'], noneLive);

    expect(both.rivals(cookie('authorization=A; session=B; authorization=A'))).toEqual(['B', 'A']);
  });

  test.each([
    ['one cookie', cookie('authorization=A')],
    ['a Bearer header', request(['Authorization', 'Bearer A'], ['Cookie', 'authorization=B; authorization=C'])],
    ['no cookie of ours', cookie('other=A; other=B')],
  ])('are none with %s', (_, incoming) => {
    expect(credentials.rivals(incoming)).toEqual([]);
  });

  test('are at most eight, so that one request cannot ask the store about many sessions', () => {
    expect(credentials.rivals(inCookies(numbered(8)))).toEqual(numbered(8));
    expect(credentials.rivals(inCookies(numbered(9)))).toEqual([]);
  });
});
