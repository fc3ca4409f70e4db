// The recipes of docs/front-ends/ are the code that the examples run.
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks, EXAMPLE_PAGES, isFromExample, readPage } from './support/pages.js';

const EXAMPLES = 'examples';

/** The code of a file: without the comment that names its page, without documentation, and with an address in place of the test's. */
const codeOf = (text: string): string =>
  text
    .replace(/^\/\/ The recipe of .*\n/gm, '')
    .replace(/^\/\*\*[^]*?\*\/\n/gm, '')
    .replaceAll("new URLSearchParams(location.search).get('api')", "'https://api.example.com'")
    .replace(/\n{2,}/g, '\n')
    .trim();

const sources = readdirSync(EXAMPLES, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(?:js|jsx|ts|vue)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => !path.includes('node_modules'))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));

const recipes = sources.flatMap(({ path, text }) => {
  const page = /^\/\/ The recipe of (\S+\.md)\.$/m.exec(text)?.[1];
  return page === undefined ? [] : [{ path, page, code: codeOf(text) }];
});

describe('a page', () => {
  test.each(recipes)('$page shows the whole of $path', ({ page, code }) => {
    expect(codeOf(readPage(page))).toContain(code);
  });

  test.each(EXAMPLE_PAGES)('%s shows only code that its example runs', (page) => {
    const blocks = codeBlocks(readPage(page)).filter((block) => isFromExample(page, block));
    const foreign = blocks.filter(({ code }) => !sources.some(({ text }) => codeOf(text).includes(codeOf(code))));

    expect(foreign).toEqual([]);
  });

  test.each(EXAMPLE_PAGES)('%s has an example', (page) => {
    expect(recipes.map((recipe) => recipe.page)).toContain(page);
  });
});
