// The code blocks of docs/testing.md compile.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const guide = readFileSync(join(root, 'docs/testing.md'), 'utf8');
// Inside the workspace, so that the blocks resolve packages as an application would.
const folder = join(root, 'test/.testing-docs');

const blocks = [...guide.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, name = '', code = '']) => ({
  name,
  code,
}));

/** The files that the reader has. */
const given = [
  { name: 'app.module.ts', code: 'export class AppModule {}' },
  {
    name: 'my-store.ts',
    code: `export { InMemorySessionStore as MyStore } from 'nestjs-refresh-auth/store';`,
  },
  {
    name: 'globals.d.ts',
    code: `declare const test: typeof import('@jest/globals').test;\ndeclare const expect: typeof import('@jest/globals').expect;`,
  },
];

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  for (const { name, code } of [...blocks, ...given]) writeFileSync(join(folder, name), code);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('The code blocks of docs/testing.md compile, fully strict', () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(
    [...blocks, ...given].map(({ name }) => join(folder, name)),
    options,
  );

  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  expect(blocks.map(({ name }) => name)).toEqual(['app.spec.ts', 'admin.spec.ts', 'outage.ts', 'my-store.spec.ts']);
  expect(problems).toEqual([]);
});
