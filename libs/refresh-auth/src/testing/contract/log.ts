import type { Revocation } from '../../sessions/session-store.js';
import { hashed, sessionName } from '../../tokens/session-id.js';
import { listen } from './bell.js';
import { about, DAY, HOUR, MINUTE, same, SECOND, sessionOf, ttl } from './checks.js';

export const logChecks = [
  ...about(
    'the log',
    (check) => {
      check('is empty at first, and has the store’s clock', async (t) => {
        same(await t.store.revocationsSince(0), { now: t.now(), size: 0, entries: [] });
      });

      check('has what was revoked, by names, with the moment', async (t) => {
        const at = t.now();
        await t.store.revoke(t.sid, ttl);
        t.clock.advance(SECOND);
        const given = await t.store.revokeSubject(t.sub, ttl, t.sid);
        t.clock.advance(SECOND);
        const other = await t.store.revokeSubject(`other ${t.sub}`, ttl);

        const entries: Revocation[] = [
          { session: sessionName(t.sid), at },
          { subject: hashed(t.sub), mark: given, at: at + SECOND },
          { subject: hashed(`other ${t.sub}`), mark: other, at: at + 2 * SECOND },
        ];
        const pages = await Promise.all(t.stores.map((each) => each.revocationsSince(0)));
        same(
          pages,
          pages.map(() => ({ now: t.now(), size: 3, entries })),
        );
      });

      check('is read from a moment on, that moment included, and says how long it is', async (t) => {
        const sids = [t.sid, sessionOf().sid, sessionOf().sid];
        const at = t.now();
        for (const each of sids) {
          await t.store.revoke(each, ttl);
          t.clock.advance(SECOND);
        }
        const all = sids.map((each, index) => ({ session: sessionName(each), at: at + index * SECOND }));

        same(await t.store.revocationsSince(at), { now: t.now(), size: 3, entries: all });
        same(await t.store.revocationsSince(at + 1), { now: t.now(), size: 3, entries: all.slice(1) });
        same(await t.store.revocationsSince(at + 2 * SECOND), { now: t.now(), size: 3, entries: all.slice(2) });
        same(await t.store.revocationsSince(t.now()), { now: t.now(), size: 3, entries: [] });
      });

      check('names a session once, at the last moment at which it was revoked', async (t) => {
        await t.store.revoke(t.sid, ttl);
        t.clock.advance(SECOND);
        await t.store.revoke(t.sid, ttl);

        const entries = [{ session: sessionName(t.sid), at: t.now() }];
        same(await t.store.revocationsSince(0), { now: t.now(), size: 1, entries });
      });

      check('has the newest mark of a subject', async (t) => {
        await t.store.revokeSubject(t.sub, ttl);
        t.clock.advance(SECOND);
        const newest = await t.store.revokeSubject(t.sub, ttl);

        const { entries } = await t.store.revocationsSince(t.now());
        same(entries, [{ subject: hashed(t.sub), mark: newest, at: t.now() }]);
      });

      check('keeps an entry as long as was asked', async (t) => {
        await t.store.revoke(t.sid, { record: HOUR, log: MINUTE });
        await t.store.revokeSubject(t.sub, { record: HOUR, log: MINUTE });
        await t.pass(MINUTE - 5 * SECOND);
        same((await t.store.revocationsSince(0)).entries.length, 2);

        await t.pass(5 * SECOND);
        same(await t.store.revocationsSince(0), { now: t.now(), size: 0, entries: [] });
      });

      check('is written after the tombstone: whoever finds an entry finds the session revoked', async (t) => {
        const found = new Promise<boolean>((resolve) => {
          const look = async (): Promise<void> => {
            const { entries } = await t.store.revocationsSince(0);
            if (entries.length > 0) resolve(await t.store.isRevoked(t.session));
            else setImmediate(() => void look());
          };
          void look();
        });

        await (t.stores.at(-1) ?? t.store).revoke(t.sid, ttl);

        same(await found, true);
      });
      // Whatever stood in it before is forgotten.
    },
    (t) => t.pass(30 * DAY),
  ),
  ...about('the bell', (check) => {
    check('rings for all processes whenever something was appended', async (t) => {
      const listeners = t.stores.map(listen);

      for (const id of [t.sid, sessionOf().sid, sessionOf().sid]) {
        const answers = Promise.all(listeners.map(({ heard }) => heard(id)));
        await t.store.revoke(id, ttl);
        await answers;
      }
      const before = listeners.map(({ rings }) => rings());
      same(
        before.map((times) => times >= 1),
        before.map(() => true),
      );
      await Promise.all(listeners.map((listener) => listener.stop()));
    });

    check('rings no more after it was stopped', async (t) => {
      const [stopped, other] = [listen(t.store), listen(t.store)];
      const before = sessionOf().sid;
      const both = Promise.all([stopped.heard(before), other.heard(before)]);
      await t.store.revoke(before, ttl);
      await both;

      await stopped.stop();
      const rings = stopped.rings();
      const heard = other.heard(t.sid);
      await t.store.revoke(t.sid, ttl);
      await heard;

      same(stopped.rings(), rings);
      await other.stop();
    });
  }),
];
