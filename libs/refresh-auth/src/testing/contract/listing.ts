import type { SessionOfToken } from '../../sessions/session-store.js';
import {
  about,
  type Bench,
  cutOff,
  HOUR,
  MINUTE,
  NOT_TEXT,
  same,
  SECOND,
  sessionOf,
  successor,
  ttl,
} from './checks.js';

const listed = async (t: Bench, by = t.store): Promise<string[]> =>
  (await by.listedSessions(t.sub)).map((each) => Buffer.from(each).toString('latin1'));

/** A tracked session begins. */
const begin = (t: Bench, details: string | Uint8Array, keep = HOUR, session: SessionOfToken = t.session) =>
  t.store.rotate({
    ...session,
    generation: -1,
    candidate: successor('zero', keep),
    tracked: true,
    details: Buffer.from(details),
  });
/** It is renewed. */
const renew = (t: Bench, generation: number, keep = HOUR) =>
  t.rotate({ generation, candidate: successor(`after ${generation}`, keep), tracked: true });

export const listingChecks = [
  ...about('listed sessions', (check) => {
    check('there are none at first', async (t) => {
      same(await t.store.listedSessions(t.sub), []);
    });

    check('are those of their subject, with their details byte for byte, in all processes', async (t) => {
      await begin(t, NOT_TEXT);
      await begin(t, 'other', HOUR, sessionOf(t.sub));
      await begin(t, 'somebody else’s', HOUR, sessionOf());

      const expected = new Set([Buffer.from(NOT_TEXT).toString('latin1'), 'other']);
      const lists = await Promise.all(t.stores.map((each) => listed(t, each)));
      same(
        lists.map((list) => new Set(list)),
        lists.map(() => expected),
      );
    });

    check('are listed once, however often the same beginning comes', async (t) => {
      await begin(t, 'one');
      await begin(t, 'one');

      same(await listed(t), ['one']);
    });

    check('are listed for the time that was given, each its own', async (t) => {
      await begin(t, 'long');
      await begin(t, 'short', MINUTE, sessionOf(t.sub));

      await t.pass(MINUTE - 5 * SECOND);
      same(new Set(await listed(t)), new Set(['long', 'short']));
      await t.pass(5 * SECOND);
      same(await listed(t), ['long']);
      await t.pass(HOUR - MINUTE);
      same(await listed(t), []);
    });

    check(
      'are listed for longer when they are renewed, with the details that they have, and for no shorter',
      async (t) => {
        await begin(t, 'one', MINUTE);
        await renew(t, 0);
        await renew(t, 1, SECOND);

        await t.pass(HOUR - 10 * SECOND);
        same(await listed(t), ['one']);
        await t.pass(10 * SECOND);
        same(await listed(t), []);
      },
    );

    check('are not listed for longer by what was not kept', async (t) => {
      await begin(t, 'one', MINUTE);
      await t.rotateTo('one', 0, HOUR);

      await renew(t, 0);
      await t.rotate({ generation: 0, tracked: true });
      await t.pass(MINUTE);

      same(await listed(t), []);
    });

    check('are not those that are not tracked', async (t) => {
      await t.rotateTo('one', 0);
      await renew(t, 1);

      same(await listed(t), []);
    });

    check('are not those that a mark has kept from beginning', async (t) => {
      const { mark } = await t.store.revokeSubject(t.sub, ttl);

      same(await begin(t, 'one'), cutOff(mark));

      same(await listed(t), []);
    });
  }),
];
