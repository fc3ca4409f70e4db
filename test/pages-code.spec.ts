// The code blocks of all pages are correct. Suites of their own run whole files (README, testing, migration) and examples (front ends);
// here the compiler checks all other blocks, and the options in the text.
import { describe, expect, test } from '@jest/globals';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { membersOf } from './support/declared-members.js';
import { codeBlocks, isFromExample, PAGES, readPage } from './support/pages.js';

const ROOT = join(import.meta.dirname, '..');

const CHECKED = /^[jt]sx?$/;

/** Pages whose whole files other suites compile and run. */
const RUN_ELSEWHERE = /^(README|docs\/testing|docs\/migration\/from-[\w-]+)\.md$/;

/** Declarations that the code on a page takes for granted: parts of the reader's application, and names that the text around it introduces. */
const CONTEXT: Record<string, string> = {
  'docs/api.md': `
    declare class UsersService { find(id: string): Promise<{ email: string } | undefined>; }
    declare const exception: unknown;
    declare const moduleRef: import('@nestjs/core').ModuleRef;`,
  'docs/contexts.md': `
    declare class NewsService { of(sub: string): import('rxjs').Observable<import('@nestjs/common').MessageEvent>; }
    declare const app: import('@nestjs/common').INestApplication;
    declare const pubSub: import('graphql-subscriptions').PubSub;
    declare const io: typeof import('socket.io-client').io;
    declare const url: string;
    declare function currentToken(): string | undefined;
    declare function onNewToken(listener: (token: string) => void): void;`,
  'docs/deployment.md': `
    import { RefreshAuthModule } from 'nestjs-refresh-auth';
    declare const app: import('@nestjs/common').INestApplication;`,
  'docs/events.md': `
    declare const auth: import('nestjs-refresh-auth').RefreshAuthService;
    declare const alerts: { send(text: string): void };`,
  'docs/front-ends/fetch.md': `
    import { RefreshAuthModule } from 'nestjs-refresh-auth';
    declare const app: import('@nestjs/common').INestApplication;`,
  'docs/front-ends/servers.md': `
    declare const request: Request;
    declare const response: Response;`,
  'docs/migration/from-express-session.md': `
    import { promisify } from 'node:util';
    import 'express-session';
    declare module 'express-session' { interface SessionData { user: object; signedInAt: number; } }
    declare const request: import('express').Request;`,
  'docs/sessions.md': `
    import { RefreshAuthModule } from 'nestjs-refresh-auth';
    declare class UsersService { find(id: string): Promise<{ isActive: boolean; role: 'member' | 'admin' } | undefined>; }
    declare const auth: import('nestjs-refresh-auth').RefreshAuthService;
    declare const response: import('nestjs-refresh-auth').HttpResponse;
    declare const claims: { sub: string; role: 'member' | 'admin' };`,
};

const OPTIONS = membersOf('options/refresh-auth-options.ts', 'RefreshAuthOptions');

const OPTIONS_CONTEXT = `
  type Options = import('nestjs-refresh-auth').RefreshAuthOptions;
  declare const config: import('@nestjs/config').ConfigService;
  declare const [secret, privateKey, host, password, ca]: string[];
  declare const port: number;`;

const unescaped = (code: string): string => code.replaceAll('\\|', '|');

const blocks = PAGES.flatMap((page) => codeBlocks(readPage(page)).map((block) => ({ page, ...block })));
const checkedHere = blocks.filter(
  (block) =>
    CHECKED.test(block.language) &&
    !isFromExample(block.page, block) &&
    !(RUN_ELSEWHERE.test(block.page) && block.path !== undefined),
);

/** Returns the options that the sentences and tables of a page name with a value, such as `refreshAhead: 0.2`, each as a statement in its line. */
function optionsInText(page: string): string {
  const option = new RegExp(`\`((?:${OPTIONS.join('|')}): [^\`…]+)\``, 'g');
  return readPage(page)
    .split('\n')
    .map((line) =>
      Array.from(line.matchAll(option), ([, code = '']) => `({ ${unescaped(code)} }) satisfies Options;`).join(' '),
    )
    .join('\n');
}

/** Compiles each block, and the options in the text of each page, as modules of their own. Returns the problems with their lines on the pages. */
function findProblems(): string[] {
  // Inside the workspace, so that the code resolves packages as an application would. The files exist only for the compiler.
  const pathOf = (page: string, name: string) => join(ROOT, 'test/.pages', page, name);
  const texts = new Map([
    ...checkedHere.map(({ page, line, language, code }): [string, string] => [
      pathOf(page, `line-${line}.${language.replace('js', 'ts')}`),
      // All of the context in the first line, and empty lines: so the compiler counts the lines of the page.
      `export {};${(CONTEXT[page] ?? '').replaceAll('\n', ' ')}${'\n'.repeat(line - 1)}${code}`,
    ]),
    ...PAGES.filter((page) => page !== 'CHANGELOG.md').map((page): [string, string] => [
      pathOf(page, 'text.ts'),
      `export {};${OPTIONS_CONTEXT.replaceAll('\n', ' ')}${optionsInText(page)}`,
    ]),
  ]);
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  // Readers go on with the names that a block declares.
  Object.assign(options, { noUnusedLocals: false, noUnusedParameters: false });
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  const program = ts.createProgram([...texts.keys()], options, host);

  return [...texts.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    const problems = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return problems.map(({ start = 0, messageText }) => {
      const line = (source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1;
      return `${dirname(relative(join(ROOT, 'test/.pages'), path))}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}

describe('the code on the pages', () => {
  test('is in a language that is checked, or that needs no check', () => {
    const others = blocks.filter(({ language }) => !CHECKED.test(language));
    expect(new Set(others.map(({ language }) => language))).toEqual(new Set(['sh', 'text', 'nginx', 'mermaid']));
  });

  test.each(PAGES)('has no fence in %s that belongs to no block', (page) => {
    const fences = readPage(page).match(/^ *(?:```|~~~)/gm) ?? [];
    expect(fences).toHaveLength(2 * blocks.filter((block) => block.page === page).length);
  });

  test('compiles, fully strict', () => {
    expect(checkedHere.map(({ page }) => page)).toEqual(expect.arrayContaining(Object.keys(CONTEXT)));
    expect(findProblems()).toEqual([]);
  }, 120_000);
});
