import { expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { RefreshAuthError } from '../../libs/refresh-auth/src/errors/refresh-auth-error.js';
import { Credentials } from '../../libs/refresh-auth/src/http/credentials.js';
import { budget, report, seed } from './budget.js';

const pieces = fc.constantFrom(
  'Bearer',
  'bearer',
  'BEARER',
  'Basic',
  ' ',
  '  ',
  '\t',
  ',',
  ';',
  '=',
  '"',
  'a.b.c',
  'authorization=',
  'earlier=',
  's1.g1.live',
  'authorization=s1.g1.live; ',
  'authorization=s1.g2.live;',
  'authorization=s2.g1.live;\t',
  'earlier=s1.g2.live; ',
  'earlier=s2.g1.live; ',
  'authorization=a.b.c; ',
  '\0',
  '\u00e9',
  '\u00a0',
);
const line = fc.array(
  fc.oneof({ weight: 4, arbitrary: pieces }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) }),
  { maxLength: 8 },
);

/** Live are the tokens that say so, of the session and the generation that they name. */
function findLive(token: string): { sid: string; gen: number } | undefined {
  const [, sid, gen] = /^s(\d)\.g(\d)\.live$/.exec(token) ?? [];
  return sid === undefined ? undefined : { sid, gen: Number(gen) };
}

/** The documentation's answer to a request with one Authorization header and one line of cookies. */
function expected(authorization: string | undefined, cookie: string | undefined): string | undefined {
  if (authorization !== undefined && /^bearer([^\w!#$%&'*+.^`|~-]|$)/i.test(authorization)) {
    // Other white space is found where the token is read.
    return /^bearer +([^ ,]+)$/i.exec(authorization)?.[1] ?? 'token_malformed';
  }
  const pairs = (cookie ?? '').split(';').map((pair) => /^[ \t]*([^]*?)[ \t]*$/.exec(pair)?.[1] ?? '');
  const valuesOf = (name: string) =>
    pairs.filter((pair) => pair.startsWith(name)).map((pair) => pair.slice(name.length));
  const names = ['authorization=', 'earlier='].map((name) => valuesOf(name).filter((value) => value !== ''));
  const deciding = names.find((values) => values.some(findLive))?.filter(findLive);
  if (!deciding) {
    const values = names.flat();
    return values.find((value) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)) ?? values[0] ?? 'token_missing';
  }
  const [session, ...others] = new Set(deciding.map((token) => token.slice(0, 2)));
  if (others.length > 0) return 'token_malformed';
  return names
    .flat()
    .filter((token) => findLive(token) && token.startsWith(`${session}`))
    .sort()
    .at(-1);
}

test('headers and cookies', async () => {
  const credentials = new Credentials(['authorization', 'earlier'], findLive);
  const tried = new Map<string, number>();
  const maybe = fc.option(
    line.map((parts) => parts.join('')),
    { nil: undefined },
  );

  fc.assert(
    fc.property(maybe, maybe, (authorization, cookie) => {
      const headers = {
        ...(authorization === undefined ? {} : { authorization }),
        ...(cookie === undefined ? {} : { cookie }),
      };
      let found: string;
      try {
        found = credentials.token({ headers });
      } catch (error) {
        assert.ok(error instanceof RefreshAuthError);
        found = error.code;
      }
      assert.equal(found, expected(authorization, cookie));
      const kind = found.startsWith('token_') ? found : 'a token';
      tried.set(kind, (tried.get(kind) ?? 0) + 1);
    }),
    { seed, numRuns: Number.POSITIVE_INFINITY, interruptAfterTimeLimit: budget },
  );

  report('headers and cookies', tried);
  expect(tried.size).toBe(3);
});
