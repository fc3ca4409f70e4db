import { about, type Bench, MINUTE, same, SECOND } from './checks.js';

/** Those of this check, since others may have announced keys too. */
const announced = async (t: Bench, keys: string, by = t.store): Promise<Set<string>> =>
  new Set((await by.announceKeys(`${t.sid} ${keys}`, MINUTE)).filter((text) => text.startsWith(t.sid)));
const those = (t: Bench, ...keys: string[]): Set<string> => new Set(keys.map((each) => `${t.sid} ${each}`));

export const announcingChecks = about('announceKeys', (check) => {
  check('returns what all processes have announced, its own included', async (t) => {
    const everybody = t.stores.map((_, process) => `of ${process}`);
    for (const [process, store] of t.stores.entries()) await announced(t, `of ${process}`, store);

    const lists = await Promise.all(t.stores.map((each, process) => announced(t, `of ${process}`, each)));
    same(
      lists,
      lists.map(() => those(t, ...everybody)),
    );
  });

  check('returns once what is announced twice', async (t) => {
    await t.store.announceKeys(`${t.sid} one`, MINUTE);
    const all = await t.store.announceKeys(`${t.sid} one`, MINUTE);

    same(
      all.filter((text) => text === `${t.sid} one`),
      [`${t.sid} one`],
    );
  });

  check('keeps each announcement for the time that was given, counted from the last one', async (t) => {
    await announced(t, 'one');
    await announced(t, 'other');
    await t.pass(MINUTE - 5 * SECOND);
    same(await announced(t, 'one'), those(t, 'one', 'other'));
    await t.pass(5 * SECOND);
    same(await announced(t, 'new'), those(t, 'one', 'new'));
    await t.pass(MINUTE);
    same(await announced(t, 'new'), those(t, 'new'));
  });

  check('shortens no announcement', async (t) => {
    await announced(t, 'one');
    await t.store.announceKeys(`${t.sid} one`, SECOND);
    await t.pass(MINUTE - 5 * SECOND);

    same(await announced(t, 'other'), those(t, 'one', 'other'));
  });
});
