import type { ListingPage, SessionOfToken } from '../../store/session-store.js';
import {
  about,
  type Bench,
  cutOff,
  CURRENT,
  HOUR,
  MINUTE,
  NOT_TEXT,
  REVOKED,
  ROTATED,
  same,
  SECOND,
  sessionOf,
  successor,
  ttl,
} from './checks.js';

const detailsOf = ({ sessions }: ListingPage): string[] =>
  sessions.map(({ details }) => Buffer.from(details).toString('latin1'));
const listed = async (t: Bench, by = t.store): Promise<string[]> => detailsOf(await by.listedSessions(t.sub));

/** A tracked session begins. */
const begin = (t: Bench, details: string | Uint8Array, keep = HOUR, session: SessionOfToken = t.session) =>
  t.store.rotate({
    ...session,
    generation: -1,
    candidate: successor('zero', keep),
    tracked: true,
    details: Buffer.from(details),
  });
/** Sessions of one user, by their details. */
async function beginMany(t: Bench, count: number): Promise<Map<string, SessionOfToken>> {
  const names = new Map(Array.from({ length: count }, (_, index) => [`session ${index}`, sessionOf(t.sub)]));
  await Promise.all([...names].map(([name, session]) => begin(t, name, HOUR, session)));
  return names;
}
/** A refresh by a process whose details begin with these bytes. */
const NEW_SEAL = { currentSeal: Buffer.from('new'), tracked: true };
/** It is refreshed. */
const refresh = (t: Bench, generation: number, keep = HOUR) =>
  t.rotate({ generation, candidate: successor(`after ${generation}`, keep), tracked: true });

export const listingChecks = [
  ...about('listed sessions', (check) => {
    check('there are none at first', async (t) => {
      same(await t.store.listedSessions(t.sub), { sessions: [] });
    });

    check('are those of their user, with their details byte for byte, in all processes', async (t) => {
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
      'are listed for longer when they are refreshed, with the details that they have, and for no shorter',
      async (t) => {
        await begin(t, 'one', MINUTE);
        await refresh(t, 0);
        await refresh(t, 1, SECOND);

        await t.pass(HOUR - 10 * SECOND);
        same(await listed(t), ['one']);
        await t.pass(10 * SECOND);
        same(await listed(t), []);
      },
    );

    check('are not listed for longer by what was not kept', async (t) => {
      await begin(t, 'one', MINUTE);
      await t.rotateTo('one', 0, HOUR);

      await refresh(t, 0);
      await t.rotate({ generation: 0, tracked: true });
      await t.pass(MINUTE);

      same(await listed(t), []);
    });

    check('are not those that are not tracked', async (t) => {
      await t.rotateTo('one', 0);
      await refresh(t, 1);

      same(await listed(t), []);
    });

    check('have their latest generation and its sealed token', async (t) => {
      await begin(t, 'one');
      await refresh(t, 0);
      await t.rotate({ generation: 1, candidate: successor(NOT_TEXT), tracked: true });

      const [session] = (await t.store.listedSessions(t.sub)).sessions;
      same(session, { details: Buffer.from('one'), latest: 2, sealed: NOT_TEXT });
    });

    check('are not those that were revoked', async (t) => {
      const other = sessionOf(t.sub);
      await begin(t, 'one');
      await begin(t, 'other', HOUR, other);

      await t.store.revoke(t.sid, ttl);

      same(await listed(t), ['other']);
    });

    check('come with the cutoff of their user, which is not applied', async (t) => {
      await begin(t, 'one');
      const cutoff = await t.store.revokeUser(t.sub, ttl, t.sid);

      const page = await t.store.listedSessions(t.sub);

      same(page.cutoff, cutoff);
      same(detailsOf(page), ['one']);
    });

    check('come in pages of 500, each session once, even if many end at the same moment', async (t) => {
      const names = await beginMany(t, 501);

      const first = await t.store.listedSessions(t.sub);
      const second = await t.store.listedSessions(t.sub, first.next);

      same([first.sessions.length, second.sessions.length, second.next], [500, 1, undefined]);
      same(new Set([...detailsOf(first), ...detailsOf(second)]), new Set(names.keys()));
    });

    check('are none missed that are refreshed between two pages', async (t) => {
      const names = await beginMany(t, 502);
      const first = await t.store.listedSessions(t.sub);
      const border = detailsOf(first).at(-1) ?? '';
      const unread = [...names.keys()].find((name) => !detailsOf(first).includes(name)) ?? '';
      for (const name of [border, unread]) {
        const session = names.get(name) ?? t.session;
        await t.store.rotate({ ...session, generation: 0, candidate: successor('one', 2 * HOUR), tracked: true });
      }

      const read = new Set(detailsOf(first));
      for (let { next } = first, pages = 0; next !== undefined && pages < 3; pages++) {
        const page = await t.store.listedSessions(t.sub, next);
        detailsOf(page).forEach((name) => read.add(name));
        next = page.next;
      }
      same(read, new Set(names.keys()));
    });

    check('are not those that a cutoff has kept from beginning', async (t) => {
      const { time: cutoff } = await t.store.revokeUser(t.sub, ttl);

      same(await begin(t, 'one'), cutOff(cutoff));

      same(await listed(t), []);
    });
  }),
  ...about('details', (check) => {
    const one = successor('one');

    check('are returned by a refresh if they do not begin with the current seal', async (t) => {
      await begin(t, NOT_TEXT);

      same(await t.rotate({ generation: 0, candidate: one, ...NEW_SEAL }), { ...ROTATED, details: NOT_TEXT });
      // The same bytes again: the first answer may have been lost.
      same(await t.rotate({ generation: 0, candidate: one, ...NEW_SEAL }), { ...ROTATED, details: NOT_TEXT });
    });

    check('are not returned if they begin with the current seal, or none is given', async (t) => {
      await begin(t, 'new seal');

      same(await t.rotate({ generation: 0, candidate: one, ...NEW_SEAL }), ROTATED);
      same(await t.rotate({ generation: 1, candidate: successor('two'), tracked: true }), ROTATED);
    });

    check('are not returned for a session that is not listed, or without a refresh', async (t) => {
      await t.rotateTo('one', 0);
      same(await t.rotate({ generation: 1, candidate: successor('two'), ...NEW_SEAL }), ROTATED);

      await begin(t, 'old', HOUR, sessionOf(t.sub));
      same(await t.rotate({ generation: 2, ...NEW_SEAL }), CURRENT);
    });

    check('are not returned of a session that has ended', async (t) => {
      await begin(t, 'old');
      await t.store.revoke(t.sid, ttl);

      same(await t.rotate({ generation: 0, candidate: one, ...NEW_SEAL }), REVOKED);
    });

    check('are replaced where they stand byte for byte, for as long as the session is listed', async (t) => {
      await begin(t, NOT_TEXT, MINUTE);
      await begin(t, 'other', MINUTE, sessionOf(t.sub));

      await t.store.replaceDetails(t.session, NOT_TEXT, Buffer.from('new'));

      same(new Set(await listed(t)), new Set(['new', 'other']));
      await t.pass(MINUTE);
      same(await listed(t), []);
    });

    check('are not replaced where others stand by then, and none are added', async (t) => {
      await begin(t, 'old');
      const unlisted = sessionOf(t.sub);

      await t.store.replaceDetails(t.session, Buffer.from('older'), Buffer.from('new'));
      await t.store.replaceDetails(unlisted, Buffer.from('old'), Buffer.from('new'));

      same(await listed(t), ['old']);
    });
  }),
];
