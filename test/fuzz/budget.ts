import { attacked } from '../support/attacks.js';

/** How long one test has, in milliseconds: one for each kind of key, and one for headers. */
export const budget = (Number(process.env['FUZZ_SECONDS']) * 1000) / (attacked.length + 1);
/** Printed by `npm run fuzz`, which takes it back as `--seed`. */
export const seed = Number(process.env['FUZZ_SEED']);

/** Prints how often what was tried. Jest would put a stack beneath each line of `console.log`. */
export function report(title: string, tried: ReadonlyMap<string, number>): void {
  const total = [...tried.values()].reduce((sum, count) => sum + count, 0);
  const lines = [...tried]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([kind, count]) => `${String(count).padStart(9)}  ${kind}`);
  process.stdout.write(`${[`\n${title}: ${total} tried`, ...lines].join('\n')}\n`);
}
