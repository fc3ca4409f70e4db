import { randomUUID } from 'node:crypto';
import { LateRevocation, type Cutoff } from '../../store/session-store.js';
import { sessionName } from '../../tokens/session-id.js';
import {
  about,
  type Bench,
  CURRENT,
  cutOff,
  HOUR,
  MINUTE,
  REVOKED,
  ROTATED,
  same,
  SECOND,
  sessionOf,
  successor,
  handedOver,
  ttl,
} from './checks.js';

const cutoff = (value: number, except?: { session: string; floor: number }): Cutoff => ({
  time: value,
  ...(except ? { except } : {}),
});

export const revocationChecks = [
  ...about('revoke', (check) => {
    for (const [what, prepare] of [
      ['a session without a record', async () => undefined],
      ['a refreshed session', (t: Bench) => t.rotateTo('one', 0)],
      ['a revoked session', (t: Bench) => t.store.revoke(t.sid, ttl)],
    ] as const) {
      check(`ends ${what}`, async (t) => {
        await prepare(t);

        same(await t.store.revoke(t.sid, ttl), undefined);
        same(await t.latest(), REVOKED);
      });
    }

    check('ends no other session', async (t) => {
      const other = sessionOf(t.sub);
      await t.store.rotate({ ...other, generation: 0, candidate: successor('other') });

      await t.store.revoke(t.sid, ttl);

      same(await t.store.rotate({ ...other, generation: 0 }), handedOver(1, 'other'));
    });
  }),
  ...about('isRevoked', (check) => {
    for (const [what, prepare, untracked, tracked] of [
      ['of a session without a record', async () => undefined, false, true],
      ['of a refreshed session', (t: Bench) => t.rotateTo('one', 0), false, false],
      ['of a session that has begun', (t: Bench) => t.rotateTo('zero', -1), false, false],
      ['of a revoked session', (t: Bench) => t.store.revoke(t.sid, ttl), true, true],
    ] as const) {
      check(what, async (t) => {
        await prepare(t);

        same(
          [
            await t.store.isRevoked(t.session),
            await t.store.isRevoked({ ...t.session, tracked: false }),
            await t.store.isRevoked({ ...t.session, tracked: true }),
          ],
          [untracked, untracked, tracked],
        );
      });
    }

    check('is as long as the revoked record is kept', async (t) => {
      await t.store.revoke(t.sid, ttl);

      await t.pass(HOUR - 10 * SECOND);
      same(await t.store.isRevoked(t.session), true);
      await t.pass(10 * SECOND);
      same(await t.store.isRevoked(t.session), false);
    });
  }),
  ...about('revokeUser', (check) => {
    check('there is no cutoff before', async (t) => {
      same(await t.store.userCutoff(t.sub), undefined);
    });

    check('sets the cutoff to the store’s clock, for all processes', async (t) => {
      same(await t.store.revokeUser(t.sub, ttl), cutoff(t.now()));

      const cutoffs = await Promise.all(t.stores.map((each) => each.userCutoff(t.sub)));
      same(
        cutoffs,
        cutoffs.map(() => cutoff(t.now())),
      );
      same(await t.store.userCutoff(randomUUID()), undefined);
    });

    check('always grows, by one at least while the clock stands or goes back [L5]', async (t) => {
      const first = t.now();
      await t.store.revokeUser(t.sub, ttl);
      same(await t.store.revokeUser(t.sub, ttl), cutoff(first + 1));

      t.clock.advance(-MINUTE);
      same(await t.store.revokeUser(t.sub, ttl), cutoff(first + 2));

      t.clock.advance(2 * MINUTE);
      same(await t.store.revokeUser(t.sub, ttl), cutoff(first + MINUTE));
    });

    check('of many at once: each has a cutoff of its own [L5]', async (t) => {
      const given = await Promise.all(
        Array.from({ length: 32 }, (_, index) => (t.stores[index % t.stores.length] ?? t.store).revokeUser(t.sub, ttl)),
      );

      const cutoffs = new Set(given.map((each) => each.time));
      same(cutoffs, new Set(Array.from({ length: 32 }, (_, index) => t.now() + index)));
      same(await t.store.userCutoff(t.sub), cutoff(t.now() + 31));
    });

    check('excepts a session, from the cutoff before on', async (t) => {
      const session = sessionName(t.sid);
      same(await t.store.revokeUser(t.sub, ttl, t.sid), cutoff(t.now(), { session, floor: 0 }));
      same(await t.store.userCutoff(t.sub), cutoff(t.now(), { session, floor: 0 }));

      const before = await t.store.revokeUser(t.sub, ttl);
      t.clock.advance(MINUTE);
      same(await t.store.revokeUser(t.sub, ttl, t.sid), cutoff(t.now(), { session, floor: before.time }));
      same(await t.store.userCutoff(t.sub), cutoff(t.now(), { session, floor: before.time }));
    });

    check('that excepts the same session again keeps its floor', async (t) => {
      const before = await t.store.revokeUser(t.sub, ttl);
      for (let times = 0; times < 3; times++) {
        t.clock.advance(MINUTE);
        const except = { session: sessionName(t.sid), floor: before.time };
        same(await t.store.revokeUser(t.sub, ttl, t.sid), cutoff(t.now(), except));
      }
    });

    check('that excepts another session replaces it: its floor is the cutoff before', async (t) => {
      const before = await t.store.revokeUser(t.sub, ttl, sessionOf(t.sub).sid);
      t.clock.advance(MINUTE);

      const except = { session: sessionName(t.sid), floor: before.time };
      same(await t.store.revokeUser(t.sub, ttl, t.sid), cutoff(t.now(), except));
      same(await t.store.userCutoff(t.sub), cutoff(t.now(), except));
    });

    check('that excepts none ends the excepted one', async (t) => {
      await t.store.revokeUser(t.sub, ttl, t.sid);
      t.clock.advance(MINUTE);

      same(await t.store.revokeUser(t.sub, ttl), cutoff(t.now()));
      same(await t.store.userCutoff(t.sub), cutoff(t.now()));
    });

    check('is kept for the time that it was given, and no shorter because of another one [L6]', async (t) => {
      await t.store.revokeUser(t.sub, ttl);
      const last = await t.store.revokeUser(t.sub, { record: SECOND, log: SECOND });

      await t.pass(HOUR - 10 * SECOND);
      same(await t.store.userCutoff(t.sub), last);
      await t.pass(10 * SECOND);
      same(await t.store.userCutoff(t.sub), undefined);
    });

    check('ends no session of another user', async (t) => {
      await t.rotateTo('one', 0);

      await t.store.revokeUser(randomUUID(), ttl);

      same(await t.store.isRevoked(t.session), false);
      same(await t.latest(), handedOver(1, 'one'));
    });

    check('keeps users apart, whatever their ids look like', async (t) => {
      const subs = ['a', 'A', 'a:b', '{a}', '{a', '', ' a', 'a\0', 'ä'].map((id) => `${t.sub}${id}`);
      for (const each of subs) {
        await t.store.revokeUser(each, ttl);
        t.clock.advance(SECOND);
      }

      const cutoffs = await Promise.all(subs.map((each) => t.store.userCutoff(each)));
      same(
        cutoffs,
        subs.map((_, index) => cutoff(t.now() - (subs.length - index) * SECOND)),
      );
    });
  }),
  ...about('a revocation that is late', (check) => {
    for (const [what, act] of [
      ['of a session', (t: Bench, before: number) => t.store.revoke(t.sid, { ...ttl, before })],
      ['of a user', (t: Bench, before: number) => t.store.revokeUser(t.sub, { ...ttl, before })],
    ] as const) {
      check(`${what} writes nothing, and says what time it is`, async (t) => {
        const reason: unknown = await Promise.resolve(act(t, t.now())).then(
          () => undefined,
          (error: unknown) => error,
        );

        same(reason instanceof LateRevocation && reason.now, t.now());
        same(await t.store.isRevoked(t.session), false);
        same(await t.store.userCutoff(t.sub), undefined);
      });

      check(`${what} is none a millisecond before`, async (t) => {
        await act(t, t.now() + 1);

        same(await t.store.isRevoked(t.session), true);
      });
    }
  }),
  ...about('a cutoff', (check) => {
    for (const [what, rev, ends] of [
      ['ends a session that began before it', -1, true],
      ['ends no session that began with it', 0, false],
      ['ends no session that began after it', 1, false],
    ] as const) {
      check(`${what}, whether or not it has a record, and whatever is asked`, async (t) => {
        await t.rotateTo('one', 0);
        const { time } = await t.store.revokeUser(t.sub, ttl);
        const known = { ...t.session, rev: time + rev };
        const unknown = { ...sessionOf(t.sub), rev: time + rev };

        same(await Promise.all([known, unknown].map((each) => t.store.isRevoked(each))), [ends, ends]);
        same(
          [
            await t.store.rotate({ ...known, generation: 0 }),
            await t.store.rotate({ ...known, generation: 1, candidate: successor('two') }),
            await t.store.rotate({ ...unknown, generation: 0 }),
          ],
          ends ? [cutOff(time), cutOff(time), cutOff(time)] : [handedOver(1, 'one'), ROTATED, CURRENT],
        );
        // The record itself is as it was, or one further.
        same(await t.rotate({ generation: 0, rev: time }), ends ? handedOver(1, 'one') : handedOver(2, 'two'));
      });
    }

    for (const [what, rev, ends] of [
      ['while its rev is at least the floor', 0, false],
      ['and no longer, if it began before the floor', -1, true],
    ] as const) {
      check(`leaves the excepted session alone ${what}`, async (t) => {
        const { time: floor } = await t.store.revokeUser(t.sub, ttl);
        t.clock.advance(MINUTE);
        const { time } = await t.store.revokeUser(t.sub, ttl, t.sid);
        const session = { ...t.session, rev: floor + rev };

        same(await t.store.isRevoked(session), ends);
        same(await t.store.rotate({ ...session, generation: 0 }), ends ? cutOff(time) : CURRENT);
        same(await t.store.isRevoked({ ...sessionOf(t.sub), rev: floor }), true);
      });
    }

    check('is not what ends a session that was revoked by itself', async (t) => {
      await t.store.revokeUser(t.sub, ttl);
      await t.store.revoke(t.sid, ttl);

      same(await t.latest(), REVOKED);
      same(await t.store.isRevoked(t.session), true);
    });

    check('does not count for longer than it was to be kept', async (t) => {
      await t.store.revokeUser(t.sub, ttl);

      await t.pass(HOUR);

      same(await t.store.isRevoked(t.session), false);
      same(await t.latest(), CURRENT);
    });

    check('keeps a tracked session from beginning, which begins once it knows the cutoff', async (t) => {
      const { time } = await t.store.revokeUser(t.sub, ttl);
      const begin = { generation: -1, candidate: successor('zero'), tracked: true };

      same(await t.rotate(begin), cutOff(time));
      same(await t.rotate({ generation: 0, rev: time }), CURRENT);
      same(await t.rotate({ ...begin, rev: time }), ROTATED);
      same(await t.rotate({ generation: -1, rev: time }), handedOver(0, 'zero'));
    });
  }),
];
