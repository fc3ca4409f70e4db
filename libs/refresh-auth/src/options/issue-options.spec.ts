// The options of signIn and issue, whose errors name the call.
import { describe, expect, test } from '@jest/globals';
import { makeCore, serviceOf } from '../../../../test/support/core.js';
import { interceptedStore } from '../../../../test/support/intercepted-store.js';
import { type IssueOptions, readIssueOptions } from './issue-options.js';

const lifetimes = { expiresIn: 60, refreshWindow: 600, sessionLifetime: 3600, clockTolerance: 0 };

test.each<[IssueOptions, object]>([
  [{}, { limits: {}, device: undefined }],
  [
    { expiresIn: '30s', refreshWindow: undefined, device: 'phone' },
    { limits: { expires_in: 30 }, device: 'phone' },
  ],
  [
    { expiresIn: 60, refreshWindow: '10m', sessionLifetime: 3600, device: 'x'.repeat(200) },
    { limits: { expires_in: 60, refresh_window: 600, session_lifetime: 3600 }, device: 'x'.repeat(200) },
  ],
])('%j', (options, settings) => {
  expect(readIssueOptions('issue', options, lifetimes)).toEqual(settings);
});

describe('are rejected with an error that names the call, which has stored nothing', () => {
  const SHORTER = 'Write a shorter one, or leave it out.';
  const LONGER = 'Write a longer one: both count from `iat`.';

  test.each<[unknown, string]>([
    [{ refreshWindow: 601 }, `option \`refreshWindow\` is 601 s, longer than the module's 600 s. ${SHORTER}`],
    [{ expiresIn: 61 }, `option \`expiresIn\` is 61 s, longer than the module's 60 s. ${SHORTER}`],
    [{ sessionLifetime: '2h' }, `option \`sessionLifetime\` is 7200 s, longer than the module's 3600 s. ${SHORTER}`],
    [
      { expiresIn: 30, refreshWindow: 30 },
      `option \`refreshWindow\` is 30 s, not longer than expiresIn (30 s). ${LONGER}`,
    ],
    [{ refreshWindow: 60 }, `option \`refreshWindow\` is 60 s, not longer than expiresIn (60 s). ${LONGER}`],
    [{ refreshWindow: 1 }, `option \`refreshWindow\` is 1 s, not longer than expiresIn (60 s). ${LONGER}`],
    ...[7, null, {}, ['phone'], 'x'.repeat(201)].map((device): [unknown, string] => [
      { device },
      `option \`device\` is not a string of at most 200 characters. ${SHORTER}`,
    ]),
    [{ expires: 30 }, 'option `expires` is not known. Use only expiresIn, refreshWindow, sessionLifetime, device.'],
    ['30s', 'the argument is not an object. Write an object with expiresIn, refreshWindow, sessionLifetime, device.'],
  ])('%j', async (options, says) => {
    const store = interceptedStore();
    const service = serviceOf(makeCore(lifetimes, { store }));
    const attempt = service.issue({ sub: '1' } as never, options as IssueOptions);

    await expect(attempt).rejects.toThrow(new TypeError(`issue: ${says}`));
    expect(store.reads).toEqual([]);
    expect(() => readIssueOptions('signIn', options, lifetimes)).toThrow(new TypeError(`signIn: ${says}`));
  });

  test.each(['120', '', 0, -1, 0.5, Number.NaN, true, null, {}])('a duration of %p', (value) => {
    for (const option of ['expiresIn', 'refreshWindow', 'sessionLifetime']) {
      expect(() => readIssueOptions('signIn', { [option]: value }, lifetimes)).toThrow(
        `signIn: option \`${option}\` is `,
      );
    }
  });
});
