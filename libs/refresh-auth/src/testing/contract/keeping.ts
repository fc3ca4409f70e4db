import { about, type Bench, CURRENT, HOUR, REVOKED, same, SECOND, handedOver, ttl } from './checks.js';

export const keepingChecks = [
  ...about('keeps a record', (check) => {
    check('for the time that it was given', async (t) => {
      await t.rotateTo('one', 0, HOUR);
      await t.pass(HOUR - 10 * SECOND);
      same(await t.latest(), handedOver(1, 'one'));

      await t.pass(10 * SECOND);
      same(await t.latest(), CURRENT);
    });

    check('for milliseconds, not seconds', async (t) => {
      await t.rotateTo('one', 0, 20 * SECOND);

      await t.pass(21 * SECOND);

      same(await t.latest(), CURRENT);
    });

    for (const [what, act, expected] of [
      ['a rotation', (t: Bench) => t.rotateTo('two', 1, SECOND), handedOver(2, 'two')],
      ['a revocation', (t: Bench) => t.store.revoke(t.sid, { record: SECOND, log: SECOND }), REVOKED],
      ['a lost reply', (t: Bench) => t.rotateTo('one', 0, SECOND), handedOver(1, 'one')],
      ['a lost race', (t: Bench) => t.rotateTo('fork', 0, SECOND), handedOver(1, 'one')],
      ['a look', (t: Bench) => t.rotate({ generation: 1 }), handedOver(1, 'one')],
    ] as const) {
      check(`no shorter because of ${what}`, async (t) => {
        await t.rotateTo('one', 0, HOUR);

        await act(t);
        await t.pass(HOUR - 10 * SECOND);

        same(await t.latest(), expected);
      });
    }

    for (const [what, act, expected] of [
      ['a rotation', (t: Bench) => t.rotateTo('two', 1, HOUR), handedOver(2, 'two')],
      ['a revocation', (t: Bench) => t.store.revoke(t.sid, ttl), REVOKED],
    ] as const) {
      check(`longer because of ${what}`, async (t) => {
        await t.rotateTo('one', 0, 20 * SECOND);

        await act(t);
        await t.pass(HOUR - 10 * SECOND);

        same(await t.latest(), expected);
      });
    }

    check(
      'that is a revoked record for the time that it was given, and no shorter because of another revocation [L6]',
      async (t) => {
        await t.store.revoke(t.sid, ttl);
        await t.store.revoke(t.sid, { record: SECOND, log: SECOND });

        await t.pass(HOUR - 10 * SECOND);
        same(await t.latest(), REVOKED);

        await t.pass(10 * SECOND);
        same(await t.latest(), CURRENT);
      },
    );
  }),
];
