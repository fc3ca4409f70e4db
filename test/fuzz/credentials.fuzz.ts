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
  '\0',
  '\u00e9',
);
const line = fc.array(
  fc.oneof({ weight: 4, arbitrary: pieces }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) }),
  { maxLength: 8 },
);

/** What the documentation says of a request with one Authorization header and one line of cookies. */
function expected(authorization: string | undefined, cookie: string | undefined): string | undefined {
  if (authorization !== undefined && /^bearer([^\w!#$%&'*+.^`|~-]|$)/i.test(authorization)) {
    // Other white space is found where the token is read.
    return /^bearer +([^ ,]+)$/i.exec(authorization)?.[1] ?? 'token_malformed';
  }
  const pairs = (cookie ?? '').split(';').map((pair) => pair.trim());
  const values = new Set(pairs.filter((pair) => /^authorization=./s.test(pair)).map((pair) => pair.slice(14)));
  if (values.size > 1) return 'token_malformed';
  return values.size === 1 ? [...values][0] : 'token_missing';
}

test('headers and cookies', async () => {
  const credentials = new Credentials('authorization');
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
