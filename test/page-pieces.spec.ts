// Parts of the demo's page that need no browser.
import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { distinctTokens, partsOf, summaryOf } from '../apps/demo/page/storm-summary.js';
import { repositoryAddress } from '../apps/demo/src/page/repository.js';

type Answers = Parameters<typeof summaryOf>[0];

function answers(counts: Partial<Record<Answers[number]['verdict'], number>>, tokens: string[] = []): Answers {
  const verdicts = Object.entries(counts).flatMap(([verdict, count]) => Array<string>(count).fill(verdict));
  return verdicts.map((verdict, index) => ({
    verdict: verdict as Answers[number]['verdict'],
    status: verdict === 'unavailable' ? 503 : 200,
    process: '1',
    token: tokens[index % Math.max(tokens.length, 1)],
  }));
}

describe('the sums of a storm', () => {
  test.each([
    [
      'one refresh',
      answers({ refreshable: 1, 'already-refreshed': 29 }, ['one']),
      true,
      'Of 30 requests, 1 refreshed the token and 29 got the same new one. 1 distinct new token came back.',
    ],
    [
      'a new token that expires during the storm',
      answers({ refreshable: 1, 'already-refreshed': 199 }, ['one', 'two']),
      true,
      'Of 200 requests, 1 refreshed the token and 199 got a token that another request had refreshed. 2 distinct new tokens came back, because the first one expired before the storm was over.',
    ],
    [
      'a token that expires after the first requests',
      answers({ valid: 3, refreshable: 1, 'already-refreshed': 6 }, ['one']),
      true,
      'Of 10 requests, 1 refreshed the token, 6 got the same new one and 3 found it valid. 1 distinct new token came back.',
    ],
    [
      'a token in the cookie',
      answers({ refreshable: 1, 'already-refreshed': 3, valid: 2 }),
      false,
      'Of 6 requests, 1 refreshed the token, 3 got the same new one and 2 sent a valid token. The new token came in the cookie, where scripts cannot see it. Requests that the browser sent after that carried the new cookie, which is valid.',
    ],
    [
      'a store that goes down during the storm',
      answers({ valid: 1, unavailable: 4 }),
      true,
      'Of 5 requests, 1 found it valid and 4 were told to try again. The store is down. Nobody was logged out: the same token works again as soon as the store does.',
    ],
    ['rejected tokens', answers({ dead: 1 }), true, 'Of 1 request, 1 was rejected.'],
  ])('%s: the numbers add up to the number of requests', (_, list, seesToken, expected) => {
    expect(summaryOf(list, seesToken)).toBe(expected);
    expect(partsOf(list, seesToken).reduce((sum, { count }) => sum + count, 0)).toBe(list.length);
  });

  test('tokens in a cookie are not counted, because scripts cannot see them', () => {
    expect(distinctTokens(answers({ refreshable: 1, valid: 5 }))).toBe(0);
  });
});

describe('the address of the repository', () => {
  test.each([
    [{}, null],
    [{ repository: 'git@example.com:a/b.git' }, null],
    [{ repository: { type: 'git', url: 'git+https://example.com/a/b.git' } }, 'https://example.com/a/b'],
    [{ repository: 'https://example.com/a/b' }, 'https://example.com/a/b'],
  ])('of %j is %j', (manifest, expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'manifest-'));
    try {
      const file = join(folder, 'package.json');
      writeFileSync(file, JSON.stringify(manifest));
      expect(repositoryAddress(pathToFileURL(file))).toBe(expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
