import type { Section } from '../support/section.js';

/** Returns the figures of a section of this run. */
export function figures(sections: readonly Section[], name: string): unknown {
  const section = sections.find((candidate) => candidate.name === name);
  if (!section) throw new Error(`Nothing has measured ${name}`);
  return section.figures;
}

/** Returns the row of that name. */
export function named<T extends { readonly name: string }>(rows: readonly T[], name: string): T {
  const row = rows.find((candidate) => candidate.name === name);
  if (!row) throw new Error(`Nothing has measured ${name}`);
  return row;
}
