import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Revocation, RevocationPage } from '../../store/session-store.js';
import { hashed, sessionName } from '../../tokens/session-id.js';
import { listen } from './notification.js';
import { about, type Bench, DAY, HOUR, MINUTE, same, SECOND, sessionOf, storeOf, ttl } from './checks.js';

/** The log of a test that appends little. */
async function whole(t: Bench, by = t.store) {
  const { now, entries, count } = await by.revocationsAfter(0, 0);
  return { now, entries, count };
}

export const logChecks = [
  ...about(
    'the log',
    (check) => {
      check('is empty at first, and has the store’s clock', async (t) => {
        same(await whole(t), { now: t.now(), entries: [], count: 0 });
      });

      check('has what was revoked, by names, with the position', async (t) => {
        const at = t.now();
        await t.store.revoke(t.sid, ttl);
        t.clock.advance(SECOND);
        const given = await t.store.revokeUser(t.sub, ttl, t.sid);
        t.clock.advance(SECOND);
        const other = await t.store.revokeUser(`other ${t.sub}`, ttl);

        const entries: Revocation[] = [
          { session: sessionName(t.sid), at: 1000 * at },
          { user: hashed(t.sub), cutoff: given, at: 1000 * (at + SECOND) },
          { user: hashed(`other ${t.sub}`), cutoff: other, at: 1000 * (at + 2 * SECOND) },
        ];
        const pages = await Promise.all(t.stores.map((each) => whole(t, each)));
        same(
          pages,
          pages.map(() => ({ now: t.now(), entries, count: 3 })),
        );
      });

      check('is read after a position, and counted after another', async (t) => {
        const sids = [t.sid, sessionOf().sid, sessionOf().sid];
        const at = 1000 * t.now();
        for (const each of sids) {
          await t.store.revoke(each, ttl);
          t.clock.advance(SECOND);
        }
        const all = sids.map((each, index) => ({ session: sessionName(each), at: at + 1000 * index * SECOND }));
        const read = async (position: number, countedFrom: number) => {
          const { entries, count } = await t.store.revocationsAfter(position, countedFrom);
          return { entries, count };
        };

        same(await read(at - 1, at - 1), { entries: all, count: 3 });
        same(await read(at, at - 1), { entries: all.slice(1), count: 3 });
        same(await read(at - 1, at), { entries: all, count: 2 });
        same(await read(at + 2000 * SECOND, at + 2000 * SECOND), { entries: [], count: 0 });
      });

      check('gives entries of one moment positions of their own, in pages of at most 1,000', async (t) => {
        const sids = Array.from({ length: 2500 }, () => sessionOf().sid);
        await Promise.all(sids.map((sid, index) => storeOf(t, index).revoke(sid, ttl)));

        const sizes: number[] = [];
        const positions: number[] = [];
        const names = new Set<string>();
        // One page more than there are: a store that always tells of a next one is not asked for ever.
        for (let from: number | undefined = 0; from !== undefined && sizes.length < 4;) {
          const page: RevocationPage = await t.store.revocationsAfter(from, 0);
          sizes.push(page.entries.length);
          positions.push(...page.entries.map((entry) => entry.at));
          for (const entry of page.entries) if ('session' in entry) names.add(entry.session);
          same(page.count, sids.length);
          from = page.next;
        }

        same(sizes, [1000, 1000, 500]);
        same(
          positions.map((at) => at - 1000 * t.now()),
          sids.map((_, index) => index),
        );
        same(names, new Set(sids.map(sessionName)));
      });

      check(
        'goes on from the last position while the clock is behind it by up to a minute, else from the clock',
        async (t) => {
          const at = 1000 * t.now();
          await t.store.revoke(sessionOf().sid, ttl);
          t.clock.step(-MINUTE);
          await t.store.revoke(sessionOf().sid, ttl);
          t.clock.step(-SECOND);
          await t.store.revoke(sessionOf().sid, ttl);
          await t.store.revoke(sessionOf().sid, ttl);

          const { entries } = await whole(t);
          same(
            entries.map((entry) => entry.at - at),
            [-1000 * (MINUTE + SECOND), -1000 * (MINUTE + SECOND) + 1, 0, 1],
          );
        },
      );

      check('makes known the longest times that any process has asked for', async (t) => {
        await t.store.revoke(t.sid, { record: HOUR, log: MINUTE });
        await (t.stores.at(-1) ?? t.store).revoke(t.sid, { record: MINUTE, log: 2 * MINUTE });

        const pages = await Promise.all(t.stores.map((each) => each.revocationsAfter(0, 0)));
        same(
          pages.map(({ longest }) => longest),
          pages.map(() => ({ record: HOUR, log: 2 * MINUTE })),
        );
      });

      check('names a session once, at the last moment at which it was revoked', async (t) => {
        await t.store.revoke(t.sid, ttl);
        t.clock.advance(SECOND);
        await t.store.revoke(t.sid, ttl);

        const entries = [{ session: sessionName(t.sid), at: 1000 * t.now() }];
        same(await whole(t), { now: t.now(), entries, count: 1 });
      });

      check('has the latest cutoff of a user', async (t) => {
        await t.store.revokeUser(t.sub, ttl);
        t.clock.advance(SECOND);
        const latest = await t.store.revokeUser(t.sub, ttl);

        const { entries } = await t.store.revocationsAfter(1000 * t.now() - 1, 0);
        same(entries, [{ user: hashed(t.sub), cutoff: latest, at: 1000 * t.now() }]);
      });

      check('keeps an entry as long as was asked', async (t) => {
        await t.store.revoke(t.sid, { record: HOUR, log: MINUTE });
        await t.store.revokeUser(t.sub, { record: HOUR, log: MINUTE });
        await t.pass(MINUTE - 5 * SECOND);
        same((await whole(t)).entries.length, 2);

        await t.pass(5 * SECOND + 1);
        same(await whole(t), { now: t.now(), entries: [], count: 0 });
      });

      check('keeps an entry as long as another process has asked for', async (t) => {
        await t.store.revoke(sessionOf().sid, ttl);
        await (t.stores.at(-1) ?? t.store).revoke(t.sid, { record: MINUTE, log: MINUTE });

        await t.pass(2 * MINUTE);

        same((await whole(t)).entries.length, 2);
      });

      check('has nothing of a revocation that was late', async (t) => {
        const late = { ...ttl, before: t.now() };
        await Promise.allSettled([t.store.revoke(t.sid, late), t.store.revokeUser(t.sub, late)]);

        same(await whole(t), { now: t.now(), entries: [], count: 0 });
      });

      check('is written after the revoked record: whoever finds an entry finds the session revoked', async (t) => {
        let isWritten = false;
        const look = async (): Promise<boolean | undefined> => {
          for (;;) {
            const isLast = isWritten;
            const { entries } = await t.store.revocationsAfter(0, 0);
            if (entries.length > 0) return t.store.isRevoked(t.session);
            if (isLast) return undefined;
            await nextTurn();
          }
        };
        const found = look();

        await (t.stores.at(-1) ?? t.store).revoke(t.sid, ttl);
        isWritten = true;

        same(await found, true);
      });
      // Everything that stood in it before is forgotten.
    },
    (t) => t.pass(30 * DAY),
  ),
  ...about('the notification', (check) => {
    check('notifies all processes whenever something was appended', async (t) => {
      const listeners = t.stores.map(listen);

      for (const id of [t.sid, sessionOf().sid, sessionOf().sid]) {
        const answers = Promise.all(listeners.map(({ heard }) => heard(sessionName(id))));
        await t.store.revoke(id, ttl);
        await answers;
      }
      const before = listeners.map(({ notifications }) => notifications());
      same(
        before.map((times) => times >= 1),
        before.map(() => true),
      );
      await Promise.all(listeners.map((listener) => listener.stop()));
    });

    check('notifies of the users whose sessions are ended too', async (t) => {
      const listeners = t.stores.map(listen);
      const answers = Promise.all(listeners.map(({ heard }) => heard(hashed(t.sub))));

      await t.store.revokeUser(t.sub, ttl);

      await answers;
      await Promise.all(listeners.map((listener) => listener.stop()));
    });

    check('notifies no more after it was stopped', async (t) => {
      const [stopped, other] = [listen(t.store), listen(t.store)];
      const before = sessionOf().sid;
      const both = Promise.all([stopped, other].map(({ heard }) => heard(sessionName(before))));
      await t.store.revoke(before, ttl);
      await both;

      await stopped.stop();
      const notifications = stopped.notifications();
      const heard = other.heard(sessionName(t.sid));
      await t.store.revoke(t.sid, ttl);
      await heard;

      same(stopped.notifications(), notifications);
      await other.stop();
    });
  }),
];
