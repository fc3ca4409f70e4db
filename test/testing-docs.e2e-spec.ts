// The code blocks of docs/testing.md compile, and its tests pass with the application of README.md.
import { afterAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { codeBlocks, readPage } from './support/pages.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const guide = codeBlocks(readPage('docs/testing.md'));
// Inside the workspace, so that the blocks resolve packages as an application would.
const folder = join(root, 'test/.testing-docs');

const blocks = guide.flatMap(({ path, code }) => (path === undefined ? [] : { name: path, code }));

/** The application of README.md, with the option that the page says to add. */
const authModule = codeBlocks(readPage('README.md')).find(({ language }) => language === 'ts')?.code ?? '';
const option = guide.find(({ language }) => language === 'text')?.code ?? '';

/** The files that the reader has. */
const given = [
  { name: 'auth.module.ts', code: authModule.replace(/(?<=^( +)secret: .+\n)/m, `${option}\n`) },
  {
    name: 'app.module.ts',
    code: `
      import { Module } from '@nestjs/common';
      import { AuthModule } from './auth.module.js';

      @Module({ imports: [AuthModule] })
      export class AppModule {}`,
  },
  {
    name: 'my-store.ts',
    code: `export { InMemorySessionStore as MyStore } from 'nestjs-refresh-auth/store';`,
  },
  {
    name: 'globals.d.ts',
    code: `declare const test: typeof import('@jest/globals').test;\ndeclare const expect: typeof import('@jest/globals').expect;`,
  },
];

mkdirSync(folder, { recursive: true });
for (const { name, code } of [...blocks, ...given]) writeFileSync(join(folder, name), code);
process.env['JWT_SECRET'] = randomBytes(48).toString('base64');
// These register their tests here.
await import(join(folder, 'app.spec.ts'));
await import(join(folder, 'sign-in.spec.ts'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('The option of docs/testing.md is in the application', () => {
  expect(given[0]?.code).toContain(option);
  expect(option).toContain('secure:');
});

test('The code blocks of docs/testing.md compile, fully strict', () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const files = [...blocks, ...given].map(({ name }) => join(folder, name));
  const program = ts.createProgram(files, options);

  const problems = files
    .flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
    .map(({ messageText }) => messageText);
  expect(blocks.map(({ name }) => name)).toEqual([
    'app.spec.ts',
    'sign-in.spec.ts',
    'admin.spec.ts',
    'outage.ts',
    'my-store.spec.ts',
  ]);
  expect(problems).toEqual([]);
}, 120_000);
