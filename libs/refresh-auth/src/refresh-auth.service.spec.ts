import { describe, expect, test } from '@jest/globals';
import { issue, makeCore, serviceOf } from '../../../test/support/core.js';
import { interceptedStore } from '../../../test/support/intercepted-store.js';
import { sessionName } from './tokens/session-id.js';

const SID = issue(makeCore()).claims.sid;

describe('RefreshAuthService', () => {
  const NO_SIDS: [string, unknown][] = [
    ['null', null],
    ['an empty string', ''],
    ['a number', 30],
    ['an object', { sid: SID }],
    ['a list', [SID]],
    ['a character too few', SID.slice(1)],
    ['a character too many', `${SID}x`],
    ['a line break at its end', `${SID.slice(1)}\n`],
    ['a character that is not base64url', `${SID.slice(1)}+`],
    ['the session of an event', sessionName(SID)],
  ];

  describe('a `sid` that is none', () => {
    const message = (what: string) =>
      `${what} needs the claim \`sid\` of a token, 30 base64url characters; the \`session\` of an event is not a \`sid\``;

    test.each([['nothing', undefined], ...NO_SIDS])(
      'is a TypeError of revokeSession, and no session ends: %s',
      async (_, sid) => {
        const store = interceptedStore();
        const service = serviceOf(makeCore({}, { store }));

        await expect(service.revokeSession(sid as string)).rejects.toEqual(new TypeError(message('revokeSession')));
        expect(store.revocations).toEqual([]);
      },
    );

    // Left out, all sessions of the user are meant.
    test.each(NO_SIDS)('is a TypeError of revokeUser as `except`, and no session ends: %s', async (_, sid) => {
      const store = interceptedStore();
      const service = serviceOf(makeCore({}, { store }));

      await expect(service.revokeUser('1', { except: sid as string })).rejects.toEqual(
        new TypeError(message('revokeUser: `except`')),
      );
      expect(await store.userCutoff('1')).toBeUndefined();
    });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty string', ''],
    ['a number', 1],
  ])('a `sub` that is none is a TypeError of revokeUser: %s', async (_, sub) => {
    await expect(serviceOf(makeCore()).revokeUser(sub as string)).rejects.toEqual(
      new TypeError('revokeUser needs the claim `sub` of a token'),
    );
  });
});
