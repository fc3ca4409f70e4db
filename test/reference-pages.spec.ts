// The reference pages are complete: every option, event, error code and method has its row, and every row stands for one.
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultsOf, membersOf } from './support/declared-members.js';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = 'libs/refresh-auth/src';
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The first cells of all tables of a page, apart from their heads. A cell may name several things. */
function rowsOf(page: string): string[] {
  const cells = [...read(page).matchAll(/^\| +(`.+?) +\|/gm)].flatMap(([, cell = '']) => cell.split(', '));
  return cells.flatMap((cell) => /^`([^`(]+)/.exec(cell)?.[1] ?? []);
}

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

describe('docs/options.md', () => {
  const cookie = membersOf('options/cookie-options.ts', 'CookieOptions').map((name) => `delivery.cookie.${name}`);
  const expected = [
    ...membersOf('options/refresh-auth-options.ts', 'RefreshAuthOptions'),
    ...membersOf('options/refresh-auth-options.ts', 'ReuseDetectionOptions'),
    ...membersOf('refresh-auth.module-definition.ts', 'RefreshAuthModuleExtras'),
    'delivery.header.name',
    'delivery.header.scheme',
    ...cookie,
  ];

  test('has a row for each option, and for nothing else', () => {
    expect(sorted(rowsOf('docs/options.md'))).toEqual(sorted(expected));
  });

  test('has the defaults that the doc comments name', () => {
    const declared = new Map([
      ...defaultsOf('options/refresh-auth-options.ts', 'RefreshAuthOptions'),
      ...defaultsOf('options/refresh-auth-options.ts', 'ReuseDetectionOptions'),
      ...defaultsOf('refresh-auth.module-definition.ts', 'RefreshAuthModuleExtras'),
      ...Array.from(defaultsOf('options/cookie-options.ts', 'CookieOptions'), ([name, literal]): [string, string] => [
        `delivery.cookie.${name}`,
        literal,
      ]),
    ]);
    const rows = read('docs/options.md').matchAll(/^\| `([\w.]+)` +\| `([^`]+)`/gm);
    const written = new Map(Array.from(rows, ([, name = '', literal = '']) => [name, literal]));

    expect(declared.get('expiresIn')).toBe("'15m'");
    expect(Object.fromEntries(written)).toMatchObject(Object.fromEntries(declared));
  });

  test('has each option of the README, with the same default', () => {
    const defaults = (page: string) =>
      new Map(
        [...read(page).matchAll(/^\| +`(\w+)`(?: or `keys`)? +\| +(\S.*?) +\|/gm)].map(([, name, text]) => [
          name,
          text,
        ]),
      );
    const [, options = ''] = read('README.md').split('## Options');
    const names = [...options.matchAll(/^\| +`(\w+)`(?= +\|)/gm)].map(([, name]) => name);

    expect(names).toContain('expiresIn');
    for (const name of names) {
      const [inReadme, inReference] = [defaults('README.md').get(name), defaults('docs/options.md').get(name)];
      expect({ name, is: inReference?.replace('none: in memory', 'in memory') }).toEqual({ name, is: inReadme });
    }
  });
});

test('docs/events.md has a row for each event, and for nothing else', () => {
  expect(sorted(rowsOf('docs/events.md'))).toEqual(sorted(membersOf('events/events.ts', 'EventTypes')));
});

test('docs/api.md has a row for each method of the service', () => {
  expect(rowsOf('docs/api.md')).toEqual(
    expect.arrayContaining(membersOf('refresh-auth.service.ts', 'RefreshAuthService')),
  );
});

test.each(['README.md', 'docs/api.md', 'docs/troubleshooting.md'])('%s names each error code', (page) => {
  const codes = [...read(`${SOURCES}/errors/refresh-auth-error.ts`).matchAll(/^ {2}(\w+): \{/gm)].map(
    ([, code]) => code,
  );

  expect(codes).toContain('token_missing');
  for (const code of codes) expect(read(page)).toContain(`\`${code}\``);
});

test('docs/concepts.md defines each token state', () => {
  for (const state of ['valid', 'refreshable', 'already-refreshed', 'dead'])
    expect(rowsOf('docs/concepts.md')).toContain(state);
});
