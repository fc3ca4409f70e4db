import type { Revocation, SubjectMark } from '../../sessions/session-store.js';
import { hashed, sessionName } from '../../tokens/session-id.js';
import { listen } from './bell.js';
import { about, DAY, HOUR, MINUTE, NOT_TEXT, same, SECOND, sessionOf, ttl } from './checks.js';

const session = (sid: string, at: number): Revocation => ({ session: sessionName(sid), at });
const subject = (name: string, mark: SubjectMark, at: number): Revocation => ({ subject: hashed(name), mark, at });

/** What only stores can do that outlive what they know: whatever a failover took from their log can be put back. */
export const restoringChecks = about(
  'restoreRevocations',
  (check) => {
    check('writes entries again as of now, so that those who have read further see them', async (t) => {
      const at = t.clock.now();
      const marks = { b: { mark: at - 1 }, c: { mark: at - 1, except: { session: sessionName(t.sid), floor: 7 } } };

      await t.store.restoreRevocations(
        [session(t.sid, at - MINUTE), subject('b', marks.b, at - 2000), subject('c', marks.c, 0)],
        ttl,
      );

      const { now, size, entries } = await t.store.revocationsSince(at);
      same({ now, size }, { now: at, size: 3 });
      same(new Set(entries), new Set([session(t.sid, at), subject('b', marks.b, at), subject('c', marks.c, at)]));
    });

    check('writes tombstones and marks too, and lowers no mark', async (t) => {
      await t.store.rotate({ ...t.session, generation: 0, candidate: { sealed: NOT_TEXT, ttl: HOUR } });
      const { mark } = await t.store.revokeSubject('b', ttl);

      await t.store.restoreRevocations(
        [session(t.sid, 1), subject('b', { mark: mark - 1 }, 1), subject('c', { mark: 5 }, 1)],
        ttl,
      );

      same(await t.store.isRevoked(t.session), true);
      same(await t.store.subjectMark('b'), { mark });
      same(await t.store.subjectMark('c'), { mark: 5 });
    });

    check('keeps them for the time that it was given, and ends nothing earlier', async (t) => {
      const at = t.clock.now();
      await t.store.restoreRevocations([session(t.sid, at)], ttl);
      await t.store.restoreRevocations([session(sessionOf().sid, at)], { record: SECOND, log: SECOND });

      await t.pass(HOUR - 10 * SECOND);
      same((await t.store.revocationsSince(0)).size, 2);
      await t.pass(10 * SECOND);
      same((await t.store.revocationsSince(0)).size, 0);
    });

    check('rings: others may never have seen them', async (t) => {
      const other = listen(t.stores[1] ?? t.store);
      const at = t.clock.now();

      for (const sid of [t.sid, sessionOf().sid, sessionOf().sid]) {
        const heard = other.heard(sid);
        await t.store.restoreRevocations([session(sid, at)], ttl);
        same(await heard, undefined);
      }
      await other.stop();
    });
  },
  (t) => t.pass(30 * DAY),
);
