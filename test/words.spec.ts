import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

// Keeps words out of code and documentation for which the library uses the word of the field (see "Words" in CONTRIBUTING.md).

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['libs', 'apps', 'test', 'tools', 'docs'];
const TEXT_FILE = /\.(ts|mts|cts|js|mjs|cjs|json|md|html|css)$/;
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'reports', 'coverage', '.stryker']);

/** Files that contain the words as data. */
const DATA = new Set([
  'libs/refresh-auth/src/options/guessable-secrets/sample-text.ts',
  'test/support/made-up-secrets.ts',
  'test/words.spec.ts',
]);

/** The words, with the word to use instead. */
const REPLACEMENTS: Record<string, RegExp> = {
  notification: /\bbells?\b/gi,
  'revoked record': /\b(tombstones?|bury|buries|buried|burying)\b/gi,
  warning: /\bdoubt(s|ed|ing|ful)?\b/gi,
  action: /\bdeeds?\b/gi,
};

function textFiles(): string[] {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  );
  return [...readdirSync(ROOT).filter((name) => name.endsWith('.md')), ...inFolders]
    .filter((path) => TEXT_FILE.test(path) && !path.split(sep).some((part) => SKIPPED_FOLDERS.has(part)))
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !DATA.has(path));
}

/** Returns the places at which a text uses one of the words, also as a part of a name in camel case. */
function findWords(path: string, text: string): string[] {
  const lines = text.replaceAll(/([a-z])(?=[A-Z])/g, '$1 ').split('\n');
  return lines.flatMap((line, index) =>
    Object.entries(REPLACEMENTS).flatMap(([instead, words]) =>
      // Witten-Bell smoothing has the names of its inventors.
      [...line.replaceAll('Witten-Bell', '').matchAll(words)].map(
        ([word]) => `${path}:${index + 1}: write "${instead}" instead of "${word}"`,
      ),
    ),
  );
}

/** Returns the places at which a comment begins with a word that says nothing of the thing it is about. */
function findBeginnings(path: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const [, word] = /^\s*(?:\/\*\*|\/\/) (What|Whether|Whatever|Whoever)\b/.exec(line) ?? [];
    return word === undefined ? [] : [`${path}:${index + 1}: begin with what the thing does or is, not with "${word}"`];
  });
}

describe('words', () => {
  test('the repository uses the words of the field', () => {
    const files = textFiles();

    expect(files.length).toBeGreaterThan(300);
    expect(files.flatMap((path) => findWords(path, readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
  });

  test('comments begin with what a thing does or is', () => {
    const code = textFiles().filter((path) => /\.m?ts$|\.mjs$/.test(path));

    expect(code.length).toBeGreaterThan(300);
    expect(code.flatMap((path) => findBeginnings(path, readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
    expect(findBeginnings('a.ts', '/** Whether it works. */')).toHaveLength(1);
  });

  test.each([
    ['// A process that missed the bell.', 'write "notification" instead of "bell"'],
    ['const onBell = () => undefined;', 'write "notification" instead of "Bell"'],
    ['Buried sessions', 'write "revoked record" instead of "Buried"'],
    ['No TOMBSTONE', 'write "revoked record" instead of "TOMBSTONE"'],
    ['without a doubt', 'write "warning" instead of "doubt"'],
    ['the deed is done', 'write "action" instead of "deed"'],
  ])('%j is found', (line, says) => {
    expect(findWords('a.md', `\n${line}`)).toEqual([`a.md:2: ${says}`]);
  });

  test.each(['Witten-Bell smoothing', 'indeed', 'a label', 'doubtless'])('%j is not found', (line) => {
    expect(findWords('a.md', line)).toEqual([]);
  });
});
