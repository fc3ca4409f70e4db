import { about, type Bench, HOUR, MINUTE, NOT_TEXT, same, SECOND } from './checks.js';

const details = (text: string | Uint8Array): Uint8Array => Buffer.from(text);
const listed = async (t: Bench, by = t.store): Promise<string[]> =>
  (await by.listedSessions(t.sub)).map((each) => Buffer.from(each).toString('latin1'));

export const listingChecks = [
  ...about('listed sessions', (check) => {
    check('there are none at first', async (t) => {
      same(await t.store.listedSessions(t.sub), []);
    });

    check('are those of their subject, with their details byte for byte, in all processes', async (t) => {
      await t.store.listSession(t.sub, t.sid, HOUR, details(NOT_TEXT));
      await t.store.listSession(t.sub, `other ${t.sid}`, HOUR, details('other'));
      await t.store.listSession(`other ${t.sub}`, t.sid, HOUR, details('somebody else’s'));

      const expected = new Set([Buffer.from(NOT_TEXT).toString('latin1'), 'other']);
      const lists = await Promise.all(t.stores.map((each) => listed(t, each)));
      same(
        lists.map((list) => new Set(list)),
        lists.map(() => expected),
      );
    });

    check('are listed once, with the details that came last', async (t) => {
      await t.store.listSession(t.sub, t.sid, HOUR, details('one'));
      await t.store.listSession(t.sub, t.sid, HOUR, details('two'));

      same(await listed(t), ['two']);
    });

    check('are listed for the time that was given, each its own', async (t) => {
      await t.store.listSession(t.sub, t.sid, HOUR, details('long'));
      await t.store.listSession(t.sub, `other ${t.sid}`, MINUTE, details('short'));

      await t.pass(MINUTE - 5 * SECOND);
      same(new Set(await listed(t)), new Set(['long', 'short']));
      await t.pass(5 * SECOND);
      same(await listed(t), ['long']);
      await t.pass(HOUR - MINUTE);
      same(await listed(t), []);
    });

    check('can be listed for longer, with the details that they have, and for no shorter', async (t) => {
      await t.store.listSession(t.sub, t.sid, MINUTE, details('one'));
      await t.store.listSession(t.sub, t.sid, HOUR);
      await t.store.listSession(t.sub, t.sid, SECOND);

      await t.pass(HOUR - 10 * SECOND);
      same(await listed(t), ['one']);
      await t.pass(10 * SECOND);
      same(await listed(t), []);
    });

    for (const [what, prepare] of [
      ['never was', async () => undefined],
      [
        'is no longer listed',
        async (t: Bench) => {
          await t.store.listSession(t.sub, t.sid, MINUTE, details('one'));
          await t.pass(MINUTE);
        },
      ],
    ] as const) {
      check(`are not prolonged where one ${what}`, async (t) => {
        await prepare(t);

        await t.store.listSession(t.sub, t.sid, HOUR);

        same(await listed(t), []);
      });
    }
  }),
];
