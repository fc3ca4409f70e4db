// Each fault of the store that docs/failure-modes.md lists: what passes meanwhile, and afterwards.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Controller, Get } from '@nestjs/common';
import { type DeadReason, type RefreshAuthOptions, TokenState } from 'nestjs-refresh-auth';
import { DAY } from './support/aged-tokens.js';
import { type AuthApp, startAuthApp } from './support/auth-app.js';
import { TestClock } from './support/clock.js';
import { bearer, delivered, nothing } from './support/delivered.js';
import { FAULTS } from './support/faults.js';
import { type HttpAnswer, send } from './support/http.js';
import { dead, refusal, storeUnavailable } from './support/http-refusals.js';

@Controller()
class MeController {
  @Get('me')
  me(@TokenState() state: unknown): unknown {
    return { state };
  }
}

/** Long, because every attempt advances the clock. */
const LIFETIMES = { expiresIn: '1d', refreshWindow: '7d' } as const;

const me = ({ url }: { url: string }, token: string): Promise<HttpAnswer> => send(`${url}/me`, bearer(token));

/**
 * No fault ends by itself: an answer that comes while it stands has not waited for that. Nor for `storeTimeout`, where that is so long that
 * five answers before its end were each given at once.
 */
describe.each(FAULTS)('[S1] [S2] [S5] $name', ({ stage: setUp, soon, heard = /./, atBoot = false }) => {
  const storeTimeout = soon === 'bounded' ? 200 : 10_000;
  let stage: Awaited<ReturnType<typeof setUp>>;
  let clock: TestClock;
  let app: AuthApp;
  let tolerant: AuthApp;
  /** Dead tokens, and why. */
  let refused: [token: string, reason: DeadReason][];
  let waiting: string[];
  let valid: string;

  const start = (options: RefreshAuthOptions): Promise<AuthApp> =>
    startAuthApp('express', {
      controllers: [MeController],
      clock,
      options: { ...LIFETIMES, redis: stage.redis, storeTimeout: `${storeTimeout}ms`, ...options },
    });

  async function issue(): Promise<string> {
    return (await app.auth.issue({ sub: '1' })).token;
  }

  beforeAll(async () => {
    stage = await setUp();
    clock = new TestClock();
    if (atBoot) await stage.begin();
    [app, tolerant] = await Promise.all([start({}), start({ onStoreFailure: 'tolerate' })]);
    const past = await issue();
    clock.advance(5 * DAY);
    waiting = await Promise.all([issue(), issue()]);
    clock.advance(2 * DAY);
    const leaving = await app.auth.issue({ sub: '1' });
    valid = await issue();
    refused = [[past, 'token_expired']];
    if (atBoot) return;
    await app.auth.revokeSession(leaving.claims.sid);
    refused.push([leaving.token, 'session_revoked']);
    await stage.begin();
  });

  afterAll(async () => {
    await stage.end();
    await Promise.all([app.close(), tolerant.close()]);
    await stage.close();
  });

  test('during the fault a valid token is accepted', async () => {
    const answers = [await me(app, valid), await me(tolerant, valid)];

    expect(answers.map((answer) => [answer.status, answer.json()])).toEqual([
      [200, { state: 'valid' }],
      [200, { state: 'valid' }],
    ]);
  });

  if (soon === undefined) {
    test('during the fault a refreshable token is refreshed', async () => {
      const answers = [await me(app, waiting[0]!), await me(app, waiting[0]!), await me(tolerant, waiting[0]!)];

      expect(answers.map((answer) => answer.json())).toEqual([
        { state: 'refreshable' },
        { state: 'already-refreshed' },
        { state: 'already-refreshed' },
      ]);
      expect(new Set(answers.map((answer) => delivered(answer).header)).size).toBe(1);
    });
  } else {
    test('during the fault a refreshable token gets 503, and its user is not logged out', async () => {
      app.events.length = 0;
      const begun = performance.now();

      for (let times = 0; times < 5; times++) {
        const answer = await me(app, waiting[0]!);
        expect([refusal(answer), delivered(answer)]).toEqual([storeUnavailable, nothing]);
      }

      const details = app.events.flatMap((event) => (event.type === 'token-rejected' ? (event.detail ?? '') : []));
      expect(details).toHaveLength(5);
      expect(details[0]).toMatch(heard);
      const isKnown = details.slice(3).every((detail) => detail.startsWith('known to be down: '));
      expect(soon === 'at once' ? performance.now() - begun < storeTimeout : isKnown).toBe(true);
    });

    test("while it stands: under onStoreFailure 'tolerate' a refreshable one passes, and is not refreshed", async () => {
      const answer = await me(tolerant, waiting[0]!);

      expect([answer.status, answer.json(), delivered(answer)]).toEqual([200, { state: 'refreshable' }, nothing]);
    });
  }

  test('during the fault a dead token is rejected as always', async () => {
    for (const [token, reason] of refused) expect(refusal(await me(app, token))).toEqual(dead(reason));
  });

  test('[S12] after the fault everything works again, without a restart', async () => {
    await stage.end();

    for (const token of waiting) {
      const answer = await untilAnswered(token);
      expect([answer.status, answer.json()]).toEqual([200, { state: expect.stringMatching(/refresh/) }]);
      const { header: successor, cookie } = delivered(answer);
      expect(successor).toBe(cookie);
      expect((await me(app, successor!)).json()).toEqual({ state: 'valid' });
      clock.advance(2000);
      expect(delivered(await untilAnswered(token)).header).toBe(successor);
    }
    expect((await me(app, valid)).json()).toEqual({ state: 'valid' });
    for (const [token, reason] of refused) expect(refusal(await me(app, token))).toEqual(dead(reason));
    if (soon) await untilRecovered();
  });

  /** While the store is known to be down, it is tried again after a second. */
  async function untilAnswered(token: string): Promise<HttpAnswer> {
    for (;;) {
      const answer = await me(app, token);
      if (answer.status !== 503) return answer;
      clock.advance(1000);
    }
  }

  /** A store that refuses has to be quiet for ten seconds first. */
  async function untilRecovered(): Promise<void> {
    clock.advance(10_000);
    const types = () => app.events.flatMap(({ type }) => (type.startsWith('store-') ? type : []));
    while (types().at(-1) !== 'store-recovered') await me(app, waiting[0]!);
  }
});

describe('docs/failure-modes.md', () => {
  const folder = new URL('.', import.meta.url);
  const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');
  const [, table = ''] = read('../docs/failure-modes.md').split('## Every fault');
  const rows = [...table.matchAll(/^\| (?!Fault|-)(.+?) +\|$/gm)].map(([, row = '']) =>
    row.split('|').map((cell) => cell.trim()),
  );
  const tests = rows.map((row) => {
    const [, file = '', name = ''] = /^`([\w-]+)` › (.+)$/.exec(row.at(-1) ?? '') ?? [];
    return { file, name, how: row[1], soon: row[3] };
  });

  test('says for every fault in this suite how it is provoked, and how soon requests are answered', () => {
    const told = tests.flatMap(({ file, ...row }) => (file === 'failure-modes' ? row : []));
    const provoked = FAULTS.map(({ name, isStub, soon = '' }) => ({ name, how: isStub ? 'stub' : 'real', soon }));

    expect(sorted(told)).toEqual(sorted(provoked));
  });

  test.each(tests)('names the test that backs each row: $file › $name', ({ file, name }) => {
    const source = read(`${file}.e2e-spec.ts`) + (file === 'failure-modes' ? read('support/faults.ts') : '');

    expect(source).toContain(name);
  });
});

function sorted<T extends { name: string }>(rows: T[]): T[] {
  return rows.sort((one, other) => one.name.localeCompare(other.name));
}
