// The steps of a cell: its application is made, built, booted and tested.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { axes } from './axes.mjs';
import { runProgram } from './installs.mjs';
import { hasContexts } from './peers.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'application');
const contexts = join(here, 'contexts');

/** The packages of NestJS that only some applications have. */
const OPTIONAL = ['@nestjs/websockets', '@nestjs/microservices', '@nestjs/graphql'];

/** Which cells have this step in common: it is done once for them. */
export const keys = {
  build: ({ application, peers, ioredis, typescript, modules }) =>
    [application, peers ?? ioredis, typescript, modules].join(' '),
  boot: (cell) => [keys.build(cell), cell.node, cell.adapter].join(' '),
  // TypeScript has no part in it: the runners transform the sources with swc.
  test: ({ application, adapter, runner, node, ioredis, modules }) =>
    [application, adapter, runner, node, ioredis, modules].join(' '),
};

const paths = (installation, cell) => {
  const folder = join(installation, keys.build(cell).replaceAll(/[ +]/g, '-'));
  return { folder, bin: (path) => join(installation, 'node_modules', path) };
};

/** @returns what the compiler says; nothing if all is well */
export async function build(cell, installation, node) {
  const { folder, bin } = paths(installation, cell);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(sources, folder, { recursive: true });
  if (hasContexts(cell)) cpSync(contexts, join(folder, 'src'), { recursive: true });
  const { type } = axes.application[cell.application];
  const write = (file, content) => writeFileSync(join(folder, file), JSON.stringify(content, null, 2));
  write('package.json', { private: true, type });
  write('tsconfig.json', tsconfig(cell));
  write('jest-cjs.json', jestConfig('commonjs'));
  write('jest-esm.json', { ...jestConfig('es6'), extensionsToTreatAsEsm: ['.ts'] });
  writeFileSync(join(folder, 'vitest.config.mjs'), VITEST_CONFIG);
  return failure(await runProgram(node, [bin(`${cell.typescript}/bin/tsc`), '-p', '.'], { cwd: folder }));
}

/** @returns what went wrong; nothing if all is well */
export async function boot(cell, installation, node, redisUrl) {
  const { folder, bin } = paths(installation, cell);
  const env = { ...environment(cell), REDIS_URL: redisUrl };
  const programs = ['same-class.mjs', 'dist/main.js'];
  if (hasContexts(cell)) programs.push('dist/contexts.js');
  else {
    // The cell shows that the library does without them.
    const present = OPTIONAL.filter((name) => existsSync(bin(name)));
    if (present.length > 0) return `must not be installed in this cell: ${present.join(', ')}`;
  }
  for (const program of programs) {
    const output = failure(await runProgram(node, [program], { cwd: folder, env }));
    if (output !== undefined) return output;
  }
  return undefined;
}

/** @returns what the runner says; nothing if all is well */
export async function test(cell, installation, node) {
  const { folder, bin } = paths(installation, cell);
  // Jest's CommonJS mode needs the flag too, where what it requires is ESM only.
  const needsVm = cell.runner === 'jest-esm' || axes.application[cell.application].nest === 12;
  const vm = needsVm ? ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'] : [];
  const args = cell.runner.startsWith('jest')
    ? [...vm, bin('jest/bin/jest.js'), '--ci', '--runInBand', '--config', `${cell.runner}.json`]
    : [bin('vitest/vitest.mjs'), 'run'];
  return failure(await runProgram(node, args, { cwd: folder, env: environment(cell) }));
}

export const failure = ({ code, output }) => (code === 0 ? undefined : output.trim() || `exit code ${code}`);

/** The environment without the variables that the runners of this repository set. */
export function environment({ adapter }) {
  const { NODE_OPTIONS: _, JEST_WORKER_ID: __, ...rest } = process.env;
  return { ...rest, ADAPTER: adapter, CI: 'true' };
}

function tsconfig(cell) {
  const { modules, typescript } = cell;
  const settings = axes.modules[modules];
  return {
    compilerOptions: {
      ...settings,
      ...(settings.moduleResolution === 'node10' && typescript === 'typescript-6.0'
        ? { ignoreDeprecations: '6.0' }
        : {}),
      target: 'es2022',
      lib: ['es2022'],
      types: ['node'],
      strict: true,
      // The types of the GraphQL drivers name packages that only some of their users have.
      skipLibCheck: hasContexts(cell),
      esModuleInterop: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      rootDir: 'src',
      outDir: 'dist',
    },
    include: ['src'],
  };
}

function swcOptions(type) {
  return {
    swcrc: false,
    sourceMaps: 'inline',
    module: { type },
    jsc: {
      target: 'es2022',
      keepClassNames: true,
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
  };
}

function jestConfig(type) {
  return {
    testEnvironment: 'node',
    testMatch: ['<rootDir>/test/**/*.spec.ts'],
    moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    transform: { '\\.ts$': ['@swc/jest', swcOptions(type)] },
    testTimeout: 60_000,
  };
}

const VITEST_CONFIG = `import swc from 'unplugin-swc';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [swc.vite({ module: { type: 'es6' } })],
  test: { globals: true, include: ['test/**/*.spec.ts'], testTimeout: 60_000 },
});
`;
