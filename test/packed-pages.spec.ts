// The pages in the package, and the addresses on its page at npm.
import { describe, expect, it, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LINK, packedPage, packedPages } from '../tools/scripts/packed-pages.mjs';
import { addressProblems, repositoryAddress } from '../tools/scripts/repository.mjs';

const ROOT = join(import.meta.dirname, '..');
const ADDRESS = 'https://code.example.com/owner/name';
const addresses = {
  repository: { type: 'git', url: `git+${ADDRESS}.git`, directory: 'libs/refresh-auth' },
  homepage: `${ADDRESS}#readme`,
  bugs: { url: `${ADDRESS}/issues` },
};

const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8');
const targetsOf = (text: string) => [...text.matchAll(LINK)].map(([, , , target = '']) => target);
const isRelative = (target: string) => !/^([a-z]+:|#)/.test(target);
const pathOf = (page: string, target: string) =>
  new URL(target.replace(/#.*/, ''), `file:///${page}`).pathname.slice(1);

describe('The pages in the package', () => {
  it('[F81] are the README, the security notes, the changes and all documentation', () => {
    expect(packedPages).toEqual(
      expect.arrayContaining(['README.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/sessions.md', 'docs/failure-modes.md']),
    );
  });

  test.each(packedPages)('[F81] %s has links only into the package, before the repository has an address', (page) => {
    const relative = targetsOf(packedPage(page, textOf(page), undefined)).filter(isRelative);

    expect(relative.filter((target) => !packedPages.includes(pathOf(page, target)))).toEqual([]);
  });

  test.each(packedPages)('[F81] %s leads to the repository for what the package does not have', (page) => {
    const before = targetsOf(textOf(page));
    const targets = targetsOf(packedPage(page, textOf(page), ADDRESS));
    const relative = targets.filter(isRelative);

    expect(targets).toHaveLength(before.length);
    expect(relative.filter((target) => !packedPages.includes(pathOf(page, target)))).toEqual([]);
    for (const target of targets.filter((each) => each.startsWith(`${ADDRESS}/`))) {
      const [, path = ''] = /\/(?:blob|raw)\/v[^/]+\/([^#]+)/.exec(target) ?? [];
      expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
    }
  });

  it('[F81] show links and pictures of the README on the page of npm', () => {
    const { version } = JSON.parse(textOf('libs/refresh-auth/package.json')) as { version: string };
    const text = '[a](docs/client.md#x) ![b](docs/images/life.png) [c](#limits) [d](https://example.com)';

    expect(targetsOf(packedPage('README.md', textOf('README.md'), ADDRESS)).filter(isRelative)).toEqual([]);
    expect(packedPage('README.md', text, ADDRESS)).toBe(
      `[a](${ADDRESS}/blob/v${version}/docs/client.md#x) ![b](${ADDRESS}/raw/v${version}/docs/images/life.png) [c](#limits) [d](https://example.com)`,
    );
    expect(packedPage('README.md', text, undefined)).toBe(
      '[a](docs/client.md#x) b [c](#limits) [d](https://example.com)',
    );
  });
});

describe('A release', () => {
  it('[F81] needs the addresses of repository, homepage and bugs', () => {
    expect(addressProblems(addresses)).toEqual([]);
    expect(repositoryAddress(addresses)).toBe(ADDRESS);
    expect(addressProblems({}).map((problem) => /"(\w+)"/.exec(problem)?.[1])).toEqual([
      'repository',
      'homepage',
      'bugs',
    ]);
  });

  it.each([
    ['repository', { url: ADDRESS }],
    ['repository', { ...addresses.repository, type: 'svn' }],
    ['repository', { ...addresses.repository, directory: '.' }],
    ['homepage', 'owner/name'],
    ['bugs', { url: '' }],
  ])('[F81] does not accept %s: %j', (field, value) => {
    expect(addressProblems({ ...addresses, [field]: value })).toEqual([expect.stringContaining(`"${field}"`)]);
  });
});
