import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** All pages of the repository, with their paths from its root. */
export const PAGES: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** A block of code on a page. */
export interface CodeBlock {
  readonly language: string;
  readonly code: string;
  /** The file that the block is the whole of, if its first line names one. */
  readonly path: string | undefined;
  /** The line of the page on which the code begins, counted from 1. */
  readonly line: number;
}

export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(({ 1: language = '', 2: code = '', index }) => ({
    language,
    code,
    path: /^\/\/ (\S+\.ts)\n/.exec(code)?.[1],
    line: text.slice(0, index).split('\n').length + 1,
  }));
}

/** The pages that each describe an example. Any server uses the entry for servers in the same way, so its page has no example of its own. */
export const EXAMPLE_PAGES: readonly string[] = PAGES.filter(
  (page) => page.startsWith('docs/front-ends/') && page !== 'docs/front-ends/servers.md',
);

/** Returns true if a block is code of the example that the page describes, and not of the API that the example calls. */
export function isFromExample(page: string, { code }: CodeBlock): boolean {
  return EXAMPLE_PAGES.includes(page) && !code.includes('RefreshAuthModule');
}
