import type { Revocation, Cutoff } from '../../store/session-store.js';
import { hashed, sessionName } from '../../tokens/session-id.js';
import { listen } from './notification.js';
import { about, DAY, HOUR, MINUTE, NOT_TEXT, same, SECOND, sessionOf, ttl } from './checks.js';

const session = (sid: string, at: number): Revocation => ({ session: sessionName(sid), at });
const user = (name: string, cutoff: Cutoff, at: number): Revocation => ({ user: hashed(name), cutoff, at });

/** The checks of stores that processes outlive: entries that a failover took from the log can be written back. */
export const restoringChecks = about(
  'restoreRevocations',
  (check) => {
    check('writes entries again as of now, so that those who have read further see them', async (t) => {
      const at = t.clock.now();
      const cutoffs = { b: { time: at - 1 }, c: { time: at - 1, except: { session: sessionName(t.sid), floor: 7 } } };

      await t.store.restoreRevocations(
        [session(t.sid, at - MINUTE), user('b', cutoffs.b, at - 2000), user('c', cutoffs.c, 0)],
        ttl,
      );

      const { now, count, entries } = await t.store.revocationsAfter(1000 * at - 1, 0);
      same({ now, count }, { now: at, count: 3 });
      const first = 1000 * at;
      same(entries, [session(t.sid, first), user('b', cutoffs.b, first + 1), user('c', cutoffs.c, first + 2)]);
    });

    check('writes revoked records and cutoffs too, and lowers no cutoff', async (t) => {
      await t.store.rotate({ ...t.session, generation: 0, candidate: { sealed: NOT_TEXT, ttl: HOUR } });
      const { time: cutoff } = await t.store.revokeUser('b', ttl);

      await t.store.restoreRevocations(
        [session(t.sid, 1), user('b', { time: cutoff - 1 }, 1), user('c', { time: 5 }, 1)],
        ttl,
      );

      same(await t.store.isRevoked(t.session), true);
      same(await t.store.userCutoff('b'), { time: cutoff });
      same(await t.store.userCutoff('c'), { time: 5 });
    });

    check('keeps them for the time that it was given, and ends nothing earlier', async (t) => {
      const at = t.clock.now();
      await t.store.restoreRevocations([session(t.sid, at)], ttl);
      await t.store.restoreRevocations([session(sessionOf().sid, at)], { record: SECOND, log: SECOND });

      await t.pass(HOUR - 10 * SECOND);
      same((await t.store.revocationsAfter(0, 0)).entries.length, 2);
      await t.pass(10 * SECOND);
      same((await t.store.revocationsAfter(0, 0)).entries.length, 0);
    });

    check('without entries makes known how long this process asks to keep them, and for that long', async (t) => {
      await t.store.restoreRevocations([], { record: HOUR, log: MINUTE });
      await t.pass(HOUR - 10 * SECOND);

      const { longest, entries } = await t.store.revocationsAfter(0, 0);
      same({ longest, entries }, { longest: { record: HOUR, log: MINUTE }, entries: [] });
    });

    check('notifies: others may never have seen them', async (t) => {
      const other = listen(t.stores[1] ?? t.store);
      const at = t.clock.now();

      for (const sid of [t.sid, sessionOf().sid, sessionOf().sid]) {
        const heard = other.heard(sessionName(sid));
        await t.store.restoreRevocations([session(sid, at)], ttl);
        same(await heard, undefined);
      }
      await other.stop();
    });
  },
  (t) => t.pass(30 * DAY),
);
