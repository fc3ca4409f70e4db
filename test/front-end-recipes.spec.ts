// The recipes of docs/front-ends/ are the code that the examples run.
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGES = 'docs/front-ends';
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

const pages = readdirSync(PAGES).map((name) => ({ name, text: readFileSync(join(PAGES, name), 'utf8') }));

const recipes = sources.flatMap(({ path, text }) => {
  const page = /^\/\/ The recipe of (\S+\.md)\.$/m.exec(text)?.[1];
  return page === undefined ? [] : [{ path, page, code: codeOf(text) }];
});

describe('a page', () => {
  test.each(recipes)('$page shows the whole of $path', ({ page, code }) => {
    expect(codeOf(readFileSync(page, 'utf8'))).toContain(code);
  });

  // What the API is configured with, and how any server uses the entry, is not part of an example.
  test.each(pages.filter(({ name }) => name !== 'servers.md'))(
    '$name shows only code that its example runs',
    (page) => {
      const blocks = [...page.text.matchAll(/^```(?:js|jsx|ts|vue)\n([^]*?)^```/gm)].map(([, block = '']) => block);
      const foreign = blocks.filter(
        (block) =>
          !block.includes('RefreshAuthModule') && !sources.some(({ text }) => codeOf(text).includes(codeOf(block))),
      );

      expect(foreign).toEqual([]);
    },
  );

  test.each(pages.filter(({ name }) => name !== 'servers.md'))('$name has an example', ({ name }) => {
    expect(recipes.map(({ page }) => page)).toContain(`${PAGES}/${name}`);
  });
});
