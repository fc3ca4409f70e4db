import { LateRevocation, type ReuseRule } from '../../store/session-store.js';
import {
  about,
  type Asked,
  type Bench,
  CURRENT,
  HOUR,
  MINUTE,
  NOT_TEXT,
  REVOKED,
  ROTATED,
  reused,
  same,
  SECOND,
  sessionOf,
  successor,
  superseded,
  ttl,
} from './checks.js';

const GRACE = 30 * SECOND;
/** Of a token that has expired by now. */
const rule = (t: Bench, more: Partial<ReuseRule> = {}): ReuseRule => ({ grace: GRACE, expiredAt: t.now(), ...more });

/** Generations up to the third are there, each a minute after the one before, and a client has used the newest. */
async function inUse(t: Bench, used = 3): Promise<void> {
  await t.rotateTo('one', 0);
  t.clock.advance(MINUTE);
  await t.rotateTo('two', 1);
  t.clock.advance(MINUTE);
  await t.rotateTo('three', 2);
  await t.store.recordUse([{ sid: t.sid, gen: used }]);
}

/** Whether this generation, whose grace is over, counts as reused; asked so that nothing is written. */
const isReused = async (t: Bench, generation: number): Promise<boolean> =>
  (await t.rotate({ generation, reuse: { grace: 0, expiredAt: 0 } })).outcome === 'reused';

/** Whether a client was seen with this generation or a newer one. */
const isUsed = (t: Bench, generation: number): Promise<boolean> => isReused(t, generation - 1);

export const reuseChecks = [
  ...about('rule 3: reuse', (check) => {
    for (const gen of [0, 1] as const) {
      check(`of an older generation, ${gen}: from its expiry and the grace on, to the millisecond`, async (t) => {
        await inUse(t);
        const reuse = rule(t);

        t.clock.advance(GRACE - 1);
        same(await t.rotate({ generation: gen, reuse }), superseded(3, 'three'));
        t.clock.advance(1);
        same(await t.rotate({ generation: gen, reuse }), reused(3));
      });
    }

    check('of an older generation: whenever the latest token took its place', async (t) => {
      await inUse(t);

      same(await t.rotate({ generation: 1, reuse: rule(t, { expiredAt: t.now() - GRACE }) }), reused(3));
    });

    check(
      'of the predecessor that expired before: from when the latest token took its place, to the millisecond',
      async (t) => {
        await inUse(t);
        const reuse = rule(t, { expiredAt: t.now() - HOUR });

        t.clock.advance(GRACE - 1);
        same(await t.rotate({ generation: 2, reuse }), superseded(3, 'three'));
        t.clock.advance(1);
        same(await t.rotate({ generation: 2, reuse }), reused(3));
      },
    );

    check('of the predecessor that expires later: from its expiry on, to the millisecond', async (t) => {
      await inUse(t);
      const reuse = rule(t, { expiredAt: t.now() + MINUTE });

      t.clock.advance(MINUTE + GRACE - 1);
      same(await t.rotate({ generation: 2, reuse }), superseded(3, 'three'));
      t.clock.advance(1);
      same(await t.rotate({ generation: 2, reuse }), reused(3));
    });

    for (const gen of [0, 1, 2] as const) {
      check(`is none where no client was seen with anything newer than ${gen} [U2]`, async (t) => {
        await inUse(t, gen);
        t.clock.advance(30 * MINUTE);

        same(await t.rotate({ generation: gen, reuse: rule(t, { expiredAt: 0 }) }), superseded(3, 'three'));
        await t.store.recordUse([{ sid: t.sid, gen: gen + 1 }]);
        same(await t.rotate({ generation: gen, reuse: rule(t, { expiredAt: 0 }) }), reused(3));
      });
    }

    check('is none without a rule', async (t) => {
      await inUse(t);
      t.clock.advance(30 * MINUTE);

      same(await t.rotate({ generation: 0 }), superseded(3, 'three'));
    });

    for (const generation of [3, 4] as const) {
      check(`is none of generation ${generation}: nothing newer is there`, async (t) => {
        await inUse(t);
        await t.store.recordUse([{ sid: t.sid, gen: 9 }]);
        t.clock.advance(30 * MINUTE);

        same(await t.rotate({ generation, reuse: rule(t, { expiredAt: 0 }) }), CURRENT);
      });
    }

    check('is none of the request that comes again after a lost reply [R3]', async (t) => {
      await inUse(t);
      t.clock.advance(30 * MINUTE);

      const answer = await t.rotate({ generation: 2, candidate: successor('three'), reuse: rule(t, { expiredAt: 0 }) });

      same(answer, ROTATED);
    });

    check('with revokeFor ends the session in the same step [U1]', async (t) => {
      await inUse(t);

      const answer = await t.rotate({
        generation: 0,
        candidate: successor('fork'),
        presented: 0,
        reuse: rule(t, { expiredAt: 0, revokeFor: HOUR }),
      });

      same(answer, reused(3));
      same(await t.latest(), REVOKED);
      same(await t.store.isRevoked(t.session), true);
    });

    check('with revokeFor is one, however many come at once [U1]', async (t) => {
      await inUse(t);
      const reuse = rule(t, { expiredAt: 0, revokeFor: HOUR });

      const answers = await Promise.all(t.stores.map((each) => each.rotate({ ...t.session, generation: 0, reuse })));

      same(
        answers.filter(({ outcome }) => outcome === 'reused'),
        [reused(3)],
      );
      same(
        answers.filter(({ outcome }) => outcome !== 'reused'),
        t.stores.slice(1).map(() => REVOKED),
      );
    });

    for (const [what, keep, revokeFor] of [
      ['the time of revokeFor', SECOND, HOUR],
      ['no shorter than the record was', HOUR, SECOND],
    ] as const) {
      check(`with revokeFor leaves a revoked record for ${what} [L6]`, async (t) => {
        await t.rotateTo('one', 0, keep);
        await t.rotateTo('two', 1, keep);
        await t.store.recordUse([{ sid: t.sid, gen: 2 }]);
        same(await t.rotate({ generation: 0, reuse: rule(t, { grace: 0, revokeFor }) }), reused(2));

        await t.pass(HOUR - 10 * SECOND);
        same(await t.latest(), REVOKED);
        await t.pass(10 * SECOND);
        same(await t.latest(), CURRENT);
      });
    }

    check('with revokeFor is refused where it is late, and ends nothing [F30]', async (t) => {
      await inUse(t);
      const before = (time: number) => rule(t, { expiredAt: 0, revokeFor: HOUR, before: time });

      const reason: unknown = await t
        .rotate({ generation: 0, candidate: successor('fork'), reuse: before(t.now()) })
        .catch((error: unknown) => error);

      same(reason instanceof LateRevocation && reason.now, t.now());
      same(await t.latest(), superseded(3, 'three'));
      same(await t.rotate({ generation: 0, reuse: before(t.now() + 1) }), reused(3));
    });

    check('without revokeFor writes nothing', async (t) => {
      await inUse(t);
      const reuse = rule(t, { expiredAt: 0 });

      same(await t.rotate({ generation: 0, candidate: successor('fork'), reuse }), reused(3));

      same(await t.latest(), superseded(3, 'three'));
      same(await t.rotate({ generation: 3, candidate: successor('four'), presented: 3, reuse }), ROTATED);
      same(await t.rotate({ generation: 0, reuse }), reused(4));
    });
  }),
  ...about('presented', (check) => {
    for (const [what, request, outcome] of [
      ['the latest token is refreshed', { generation: 2, candidate: successor('three') }, 'rotated'],
      ['the latest token is handed over', { generation: 1, candidate: successor('fork') }, 'superseded'],
      ['the latest token is not the refused one', { generation: 2, refused: Buffer.from('spoilt') }, 'superseded'],
      ['the latest token is looked at', { generation: 2 }, 'current'],
      ['the reply was lost', { generation: 1, candidate: successor('two') }, 'rotated'],
    ] as [string, Asked, string][]) {
      check(`raises 'used' where ${what}`, async (t) => {
        await t.rotateTo('one', 0);
        await t.rotateTo('two', 1);
        t.clock.advance(SECOND);
        same(await isUsed(t, 1), false);

        same((await t.rotate({ ...request, presented: 2 })).outcome, outcome);

        // One more on top, so that the second is not the latest token itself.
        await t.rotateTo('nine', 8);
        t.clock.advance(SECOND);
        same([await isUsed(t, 2), await isUsed(t, 3)], [true, false]);
      });
    }

    check('lowers nothing', async (t) => {
      await t.rotateTo('three', 2);
      await t.store.recordUse([{ sid: t.sid, gen: 3 }]);

      await t.rotate({ generation: 0, presented: 0 });
      await t.rotate({ generation: 3, candidate: successor('four'), presented: 1 });

      t.clock.advance(SECOND);
      same([await isUsed(t, 3), await isUsed(t, 4)], [true, false]);
    });

    check('makes no record, and prolongs none', async (t) => {
      same(await t.rotate({ generation: 3, presented: 3 }), CURRENT);
      same(await t.rotate({ generation: 0, tracked: true }), REVOKED);

      await t.rotateTo('four', 3, HOUR);
      await t.pass(HOUR - 10 * SECOND);
      await t.rotate({ generation: 3, presented: 3 });
      await t.pass(10 * SECOND);
      same(await t.latest(), CURRENT);
    });
  }),
  ...about('recordUse', (check) => {
    check('keeps the highest, in whatever order they come', async (t) => {
      await t.rotateTo('nine', 8);
      await t.store.recordUse([{ sid: t.sid, gen: 3 }]);
      same([await isReused(t, 2), await isReused(t, 3)], [true, false]);

      await t.store.recordUse([
        { sid: t.sid, gen: 5 },
        { sid: t.sid, gen: 4 },
      ]);
      await t.store.recordUse([{ sid: t.sid, gen: 2 }]);

      same([await isReused(t, 4), await isReused(t, 5)], [true, false]);
    });

    check('keeps it when the latest token is refreshed', async (t) => {
      await t.rotateTo('five', 4);
      await t.store.recordUse([{ sid: t.sid, gen: 5 }]);

      await t.rotateTo('six', 5);
      await t.rotateTo('seven', 6);

      same([await isReused(t, 4), await isReused(t, 5)], [true, false]);
    });

    check('leaves the latest token as it is', async (t) => {
      await t.rotateTo(NOT_TEXT.toString(), 0);

      await t.store.recordUse([{ sid: t.sid, gen: 1 }]);

      same(await t.latest(), superseded(1, NOT_TEXT.toString()));
    });

    check('is for many sessions at once, and for no other', async (t) => {
      const sessions = [t.session, sessionOf(), sessionOf()];
      for (const each of sessions) await t.store.rotate({ ...each, generation: 4, candidate: successor('five') });

      await t.store.recordUse(sessions.slice(0, 2).map(({ sid }) => ({ sid, gen: 5 })));
      t.clock.advance(SECOND);

      const reuse = { grace: 0, expiredAt: 0 };
      const answers = await Promise.all(sessions.map((each) => t.store.rotate({ ...each, generation: 4, reuse })));
      same(
        answers.map(({ outcome }) => outcome),
        ['reused', 'reused', 'superseded'],
      );
    });

    check('of nothing is none', async (t) => {
      same(await t.store.recordUse([]), undefined);
    });

    check('creates nothing', async (t) => {
      await t.store.recordUse([{ sid: t.sid, gen: 3 }]);

      same(await t.rotate({ generation: 0, tracked: true }), REVOKED);
      same(await t.latest(), CURRENT);
    });

    check('brings no session back', async (t) => {
      await t.rotateTo('one', 0);
      await t.store.revoke(t.sid, ttl);

      await t.store.recordUse([{ sid: t.sid, gen: 1 }]);

      same(await t.latest(), REVOKED);
    });

    check('prolongs nothing', async (t) => {
      await t.rotateTo('one', 0, HOUR);
      await t.pass(HOUR - 10 * SECOND);

      await t.store.recordUse([{ sid: t.sid, gen: 1 }]);
      same(await t.latest(), superseded(1, 'one'));

      await t.pass(10 * SECOND);
      same(await t.latest(), CURRENT);
    });
  }),
];
