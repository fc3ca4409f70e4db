import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { type Section, toMarkdown } from '../support/section.js';

const ROOT = new URL('../../../../', import.meta.url);
const PAGES = ['README.md', 'docs/contexts.md', 'docs/performance.md', 'docs/sizing.md'];
/** Replaces the text between the two comments that the benchmark owns. */
const BLOCK = /(<!-- bench:([\w-]+) -->\n)[^]*?(<!-- bench -->)/g;

/** Writes the tables into the places that the documentation keeps for them. */
export async function writeDocs(sections: readonly Section[]): Promise<void> {
  for (const page of PAGES) {
    const path = new URL(page, ROOT);
    const text = await readFile(path, 'utf8');
    await writeFile(path, await tidy(fill(text, sections, page)));
  }
}

function fill(text: string, sections: readonly Section[], page: string): string {
  return text.replace(BLOCK, (_, start: string, name: string, end: string) => {
    const section = sections.find((candidate) => candidate.name === name);
    if (!section) throw new Error(`${page} wants a table ${name}, and nothing measures that`);
    return `${start}\n${toMarkdown(section)}\n\n${end}`;
  });
}

/** Aligned, for those who read it in a terminal. */
export async function tidy(markdown: string): Promise<string> {
  return format(markdown, { ...(await resolveConfig(new URL('README.md', ROOT))), parser: 'markdown' });
}
