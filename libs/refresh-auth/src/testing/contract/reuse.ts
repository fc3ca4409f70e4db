import { LateRevocation, type ReuseRule } from '../../store/session-store.js';
import {
  about,
  type Asked,
  type Bench,
  CURRENT,
  DAY,
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
  handedOver,
  ttl,
} from './checks.js';

const GRACE = 30 * SECOND;
const REVOKE_AFTER = 30 * MINUTE;
/** Longer than anything has been in use. */
const LONG = 365 * DAY;

/** The rule for a token that has just expired, in a request that has just arrived. */
const rule = (more: Partial<ReuseRule> = {}): ReuseRule => ({
  grace: GRACE,
  revokeAfter: REVOKE_AFTER,
  expiredFor: 0,
  waited: 0,
  isUse: false,
  ...more,
});

const use = (t: Bench, ...generations: number[]): Promise<void> =>
  t.store.recordUse(
    generations.map((gen) => ({ sid: t.sid, gen })),
    REVOKE_AFTER,
  );

/** Generations up to the third are there, and a client has just used the latest, or another one. */
async function inUse(t: Bench, used = 3): Promise<void> {
  await t.rotateTo('one', 0);
  t.clock.advance(MINUTE);
  await t.rotateTo('two', 1);
  t.clock.advance(MINUTE);
  await t.rotateTo('three', 2);
  t.clock.advance(MINUTE);
  await use(t, used);
}

/** Every minute a client refreshes and uses what it is handed, up to this generation. */
async function refreshEveryMinute(t: Bench, last: number): Promise<void> {
  for (let generation = 1; generation <= last; generation++) {
    await t.rotateTo(`${generation}`, generation - 1, DAY);
    await use(t, generation);
    t.clock.advance(MINUTE);
  }
}

/** Asked so that nothing is written. */
const isReused = async (t: Bench, generation: number): Promise<boolean> =>
  (await t.rotate({ generation, reuse: rule({ grace: 0, revokeAfter: 0, expiredFor: LONG }) })).outcome === 'reused';

/** Returns true if this generation or a newer one is in use. */
const isUsed = (t: Bench, generation: number): Promise<boolean> => isReused(t, generation - 1);

export const reuseChecks = [
  ...about('rule 3: a superseded token', (check) => {
    for (const gen of [0, 1, 2] as const) {
      check(`of generation ${gen} is handed over, superseded, then reused, to the millisecond [U1] [U2]`, async (t) => {
        await inUse(t);
        const reuse = rule({ expiredFor: LONG });
        const ask = () => t.rotate({ generation: gen, reuse });

        t.clock.advance(GRACE - 1);
        same(await ask(), handedOver(3, 'three'));
        t.clock.advance(1);
        same(await ask(), superseded(3));
        t.clock.advance(REVOKE_AFTER - GRACE - 1);
        same(await ask(), superseded(3));
        t.clock.advance(1);
        same(await ask(), reused(3));
      });
    }

    check('that expired later than something newer came into use: both times count from its expiry', async (t) => {
      await inUse(t);
      const ask = (expiredFor: number) => t.rotate({ generation: 2, reuse: rule({ expiredFor }) });
      t.clock.advance(45 * MINUTE);

      same(await ask(-MINUTE), handedOver(3, 'three'));
      same(await ask(GRACE - 1), handedOver(3, 'three'));
      same(await ask(GRACE), superseded(3));
      same(await ask(REVOKE_AFTER - 1), superseded(3));
      same(await ask(REVOKE_AFTER), reused(3));
    });

    check('counts from the use of something newer, however long ago that was minted [F22b]', async (t) => {
      await t.rotateTo('one', 0, DAY);
      t.clock.advance(2 * HOUR);
      await use(t, 1);

      same(await t.rotate({ generation: 0, reuse: rule({ expiredFor: LONG }) }), handedOver(1, 'one'));
      t.clock.advance(GRACE);
      same(await t.rotate({ generation: 0, reuse: rule({ expiredFor: LONG }) }), superseded(1));
    });

    check('is judged by when its request arrived [F22] [F23]', async (t) => {
      await inUse(t);
      const after = (age: number, waited: number) => {
        t.clock.advance(age);
        return t.rotate({ generation: 2, reuse: rule({ expiredFor: LONG, waited }) });
      };

      same(await after(GRACE + MINUTE, MINUTE + 1), handedOver(3, 'three'));
      same(await after(0, MINUTE), superseded(3));
      same(await after(REVOKE_AFTER, GRACE + MINUTE + 1), superseded(3));
      same(await after(0, GRACE + MINUTE), reused(3));
    });

    check(
      'is not handed over to a request that was held for longer than revokeAfter, and its session lives',
      async (t) => {
        await inUse(t);
        t.clock.advance(REVOKE_AFTER + 10 * MINUTE);
        const held = (waited: number) => t.rotate({ generation: 2, reuse: rule({ expiredFor: LONG, waited }) });

        same(await held(REVOKE_AFTER + 10 * MINUTE), superseded(3));
        same(await held(DAY), superseded(3));
        same(await held(10 * MINUTE), reused(3));
      },
    );

    check('is reused right after the grace where both times are the same (RFC 9700)', async (t) => {
      await inUse(t);
      const reuse = rule({ expiredFor: LONG, revokeAfter: GRACE });

      t.clock.advance(GRACE - 1);
      same(await t.rotate({ generation: 2, reuse }), handedOver(3, 'three'));
      t.clock.advance(1);
      same(await t.rotate({ generation: 2, reuse }), reused(3));
    });

    for (const gen of [0, 1, 2] as const) {
      check(`is handed over where no client was seen with anything newer than ${gen} [U2]`, async (t) => {
        await inUse(t, gen);
        const reuse = rule({ expiredFor: LONG });
        t.clock.advance(DAY);
        await t.rotateTo('three', 2);

        same(await t.rotate({ generation: gen, reuse }), handedOver(3, 'three'));
        await use(t, gen + 1);
        t.clock.advance(REVOKE_AFTER);
        same(await t.rotate({ generation: gen, reuse }), reused(3));
      });
    }

    check('is handed over without a rule', async (t) => {
      await inUse(t);
      t.clock.advance(2 * REVOKE_AFTER - HOUR + MINUTE);

      same(await t.rotate({ generation: 0 }), handedOver(3, 'three'));
    });

    for (const generation of [3, 4] as const) {
      check(`is not what generation ${generation} is: nothing newer is there`, async (t) => {
        await inUse(t);
        await use(t, 9);
        t.clock.advance(REVOKE_AFTER);

        same(await t.rotate({ generation, reuse: rule({ expiredFor: LONG }) }), CURRENT);
      });
    }

    check('is accepted from the request that is repeated after a lost reply [R3]', async (t) => {
      await inUse(t);
      t.clock.advance(30 * MINUTE);

      const answer = await t.rotate({
        generation: 2,
        candidate: successor('three'),
        reuse: rule({ expiredFor: LONG }),
      });

      same(answer, ROTATED);
    });

    check('that is superseded writes nothing, even with revokeFor', async (t) => {
      await inUse(t);
      t.clock.advance(GRACE);

      const answer = await t.rotate({
        generation: 0,
        candidate: successor('fork'),
        reuse: rule({ expiredFor: LONG, revokeFor: HOUR, isUse: true }),
      });

      same(answer, superseded(3));
      same(await t.latest(), handedOver(3, 'three'));
      same(await t.store.isRevoked(t.session), false);
    });

    check('that is reused ends the session in the same step, with revokeFor [U1]', async (t) => {
      await inUse(t);
      t.clock.advance(REVOKE_AFTER);

      const answer = await t.rotate({
        generation: 0,
        candidate: successor('fork'),
        reuse: rule({ expiredFor: LONG, revokeFor: HOUR, isUse: true }),
      });

      same(answer, reused(3));
      same(await t.latest(), REVOKED);
      same(await t.store.isRevoked(t.session), true);
    });

    check('with revokeFor is one, however many come at once [U1]', async (t) => {
      await inUse(t);
      t.clock.advance(REVOKE_AFTER);
      const reuse = rule({ expiredFor: LONG, revokeFor: HOUR });

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
        await use(t, 2);
        same(await t.rotate({ generation: 0, reuse: rule({ grace: 0, revokeAfter: 0, revokeFor }) }), reused(2));

        await t.pass(HOUR - 10 * SECOND);
        same(await t.latest(), REVOKED);
        await t.pass(10 * SECOND);
        same(await t.latest(), CURRENT);
      });
    }

    check('with revokeFor is refused where it is late, and ends nothing [F30]', async (t) => {
      await inUse(t);
      t.clock.advance(REVOKE_AFTER);
      const reuse = rule({ expiredFor: LONG, revokeFor: HOUR });

      const reason: unknown = await t
        .rotate({ generation: 0, candidate: successor('fork'), reuse: { ...reuse, before: t.now() } })
        .catch((error: unknown) => error);

      same(reason instanceof LateRevocation && reason.now, t.now());
      same(await t.latest(), handedOver(3, 'three'));
      same(await t.rotate({ generation: 0, reuse: { ...reuse, before: t.now() + 1 } }), reused(3));
    });

    check('without revokeFor writes nothing', async (t) => {
      await inUse(t);
      t.clock.advance(REVOKE_AFTER);
      const reuse = rule({ expiredFor: LONG });

      same(await t.rotate({ generation: 0, candidate: successor('fork'), reuse }), reused(3));

      same(await t.latest(), handedOver(3, 'three'));
      same(await t.rotate({ generation: 3, candidate: successor('four'), reuse: { ...reuse, isUse: true } }), ROTATED);
      same(await t.rotate({ generation: 0, reuse }), reused(4));
    });
  }),
  ...about('checkpoints of use', (check) => {
    check('never take a superseded token for older than it is', async (t) => {
      const began = t.now();
      await refreshEveryMinute(t, 100);

      for (let generation = 0; generation < 100; generation++) {
        const truth = t.now() - (began + generation * MINUTE);
        const reuse = rule({ expiredFor: LONG, grace: truth + 1, revokeAfter: truth + 1 });
        same((await t.rotate({ generation, reuse })).outcome, 'handed-over');
      }
    });

    check('find reuse at most one revokeAfter late', async (t) => {
      const began = t.now();
      await refreshEveryMinute(t, 100);

      for (let generation = 0; generation < 100; generation++) {
        const truth = t.now() - (began + generation * MINUTE);
        if (truth < 2 * REVOKE_AFTER) continue;
        same(await t.rotate({ generation, reuse: rule({ expiredFor: LONG }) }), reused(100));
      }
    });

    for (const [what, generation, age] of [
      ['latest', 99, MINUTE],
      ['last but one', 98, 2 * MINUTE],
    ] as const) {
      check(`are exact for what the ${what} use superseded`, async (t) => {
        await refreshEveryMinute(t, 100);
        const reuse = rule({ expiredFor: LONG, grace: 0, revokeAfter: age });

        same(await t.rotate({ generation, reuse }), reused(100));
        same(await t.rotate({ generation, reuse: { ...reuse, revokeAfter: age + 1 } }), superseded(100));
      });
    }

    check('do not hand a superseded token over once more when something still newer comes into use', async (t) => {
      await refreshEveryMinute(t, 3);

      for (let generation = 4; generation <= 40; generation++) {
        await t.rotateTo(`${generation}`, generation - 1, DAY);
        await use(t, generation);
        same((await t.rotate({ generation: 2, reuse: rule({ expiredFor: LONG }) })).outcome !== 'handed-over', true);
        t.clock.advance(MINUTE);
      }
    });
  }),
  ...about('isUse', (check) => {
    for (const [what, request, outcome] of [
      ['the latest token is refreshed', { generation: 2, candidate: successor('three') }, 'rotated'],
      ['the latest token is not the rejected one', { generation: 2, rejected: Buffer.from('spoilt') }, 'handed-over'],
      ['the latest token is looked at', { generation: 2 }, 'current'],
    ] as [string, Asked, string][]) {
      check(`records the generation where ${what}`, async (t) => {
        await t.rotateTo('one', 0);
        await t.rotateTo('two', 1);
        same(await isUsed(t, 1), false);

        same((await t.rotate({ ...request, reuse: rule({ isUse: true }) })).outcome, outcome);

        // One more on top, so that the second is not the latest token itself.
        await t.rotateTo('nine', 8);
        same([await isUsed(t, 2), await isUsed(t, 3)], [true, false]);
      });
    }

    for (const [what, request, outcome] of [
      ['is handed over', { generation: 1, candidate: successor('fork') }, 'handed-over'],
      ['is repeated after a lost reply', { generation: 1, candidate: successor('two') }, 'rotated'],
    ] as [string, Asked, string][]) {
      check(`records the generation where a superseded token ${what}`, async (t) => {
        await t.rotateTo('one', 0);
        await t.rotateTo('two', 1);

        same((await t.rotate({ ...request, reuse: rule({ isUse: true }) })).outcome, outcome);

        same([await isUsed(t, 1), await isUsed(t, 2)], [true, false]);
      });
    }

    check('that is false records nothing', async (t) => {
      await t.rotateTo('one', 0);
      await t.rotate({ generation: 1, candidate: successor('two'), reuse: rule() });

      same(await isUsed(t, 1), false);
    });

    check('counts by the clock of the store, from now on', async (t) => {
      await t.rotateTo('one', 0);
      await t.rotate({ generation: 1, candidate: successor('two'), reuse: rule({ isUse: true, waited: HOUR }) });

      t.clock.advance(GRACE - 1);
      same(await t.rotate({ generation: 0, reuse: rule({ expiredFor: LONG }) }), handedOver(2, 'two'));
      t.clock.advance(1);
      same(await t.rotate({ generation: 0, reuse: rule({ expiredFor: LONG }) }), superseded(2));
    });

    check('lowers nothing', async (t) => {
      await t.rotateTo('three', 2);
      await use(t, 3);

      await t.rotate({ generation: 0, reuse: rule({ isUse: true }) });
      await t.rotateTo('four', 3);

      same([await isUsed(t, 3), await isUsed(t, 4)], [true, false]);
    });

    check('makes no record, and prolongs none', async (t) => {
      same(await t.rotate({ generation: 3, reuse: rule({ isUse: true }) }), CURRENT);
      same(await t.rotate({ generation: 0, tracked: true }), REVOKED);

      await t.rotateTo('four', 3, HOUR);
      await t.pass(HOUR - 10 * SECOND);
      await t.rotate({ generation: 3, reuse: rule({ isUse: true }) });
      await t.pass(10 * SECOND);
      same(await t.latest(), CURRENT);
    });
  }),
  ...about('recordUse', (check) => {
    check('keeps the highest, in whatever order they come', async (t) => {
      await t.rotateTo('nine', 8);
      await use(t, 3);
      same([await isReused(t, 2), await isReused(t, 3)], [true, false]);

      await use(t, 5, 4);
      await use(t, 2);

      same([await isReused(t, 4), await isReused(t, 5)], [true, false]);
    });

    check('keeps it when the latest token is refreshed', async (t) => {
      await t.rotateTo('five', 4);
      await use(t, 5);

      await t.rotateTo('six', 5);
      await t.rotateTo('seven', 6);

      same([await isReused(t, 4), await isReused(t, 5)], [true, false]);
    });

    check('leaves the latest token as it is', async (t) => {
      await t.rotateTo(NOT_TEXT.toString(), 0);

      await use(t, 1);

      same(await t.latest(), handedOver(1, NOT_TEXT.toString()));
    });

    check('is for many sessions at once, and for no other', async (t) => {
      const sessions = [t.session, sessionOf(), sessionOf()];
      for (const each of sessions) await t.store.rotate({ ...each, generation: 4, candidate: successor('five') });

      await t.store.recordUse(
        sessions.slice(0, 2).map(({ sid }) => ({ sid, gen: 5 })),
        REVOKE_AFTER,
      );

      const reuse = rule({ grace: 0, revokeAfter: 0, expiredFor: LONG });
      const answers = await Promise.all(sessions.map((each) => t.store.rotate({ ...each, generation: 4, reuse })));
      same(
        answers.map(({ outcome }) => outcome),
        ['reused', 'reused', 'handed-over'],
      );
    });

    check('of nothing is none', async (t) => {
      same(await t.store.recordUse([], REVOKE_AFTER), undefined);
    });

    check('creates nothing', async (t) => {
      await use(t, 3);

      same(await t.rotate({ generation: 0, tracked: true }), REVOKED);
      same(await t.latest(), CURRENT);
    });

    check('brings no session back', async (t) => {
      await t.rotateTo('one', 0);
      await t.store.revoke(t.sid, ttl);

      await use(t, 1);

      same(await t.latest(), REVOKED);
    });

    check('prolongs nothing', async (t) => {
      await t.rotateTo('one', 0, HOUR);
      await t.pass(HOUR - 10 * SECOND);

      await use(t, 1);
      same(await t.latest(), handedOver(1, 'one'));

      await t.pass(10 * SECOND);
      same(await t.latest(), CURRENT);
    });
  }),
];
