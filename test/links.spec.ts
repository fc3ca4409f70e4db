// Every link between the pages leads to a file and a heading that exist.
import { expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PAGES, readPage } from './support/pages.js';

const ROOT = join(import.meta.dirname, '..');
/** The anchors that GitHub makes of the headings of a page. */
function anchorsOf(page: string): string[] {
  const headings = readPage(page).matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

function isBroken(page: string, target: string): boolean {
  if (/^[a-z]+:/.test(target)) return false;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, file))) return true;
  return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor);
}

test.each(PAGES)('%s', (page) => {
  const links = readPage(page).matchAll(/\]\(([^)\s]+)\)/g);

  expect([...links].map(([, target = '']) => target).filter((target) => isBroken(page, target))).toEqual([]);
});
