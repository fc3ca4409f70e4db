// The applications of somebody who follows README.md: each is new, installs with the line of its NestJS, and has the files that are shown.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../scripts/library.mjs';
import { axes, commonPackages, nestPackages, typePackages, vitestPackages } from './axes.mjs';
import { runProgram } from './installs.mjs';
import { applicationFiles, packagesToInstall } from './readme.mjs';
import { environment, failure } from './steps.mjs';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const sources = join(dirname(fileURLToPath(import.meta.url)), 'readme-application/src');

/** With the test runners that `nest new` writes. The oldest Node on which each works: see `impossible` in axes.mjs. */
export const readmeCells = [
  {
    page: 'README.md',
    application: 'nest-12-esm',
    runner: 'vitest-4',
    node: 'node-20.19',
    typescript: 'typescript-6.0',
  },
  { page: 'README.md', application: 'nest-12-cjs', runner: 'jest-cjs', node: 'node-24', typescript: 'typescript-6.0' },
  {
    page: 'README.md',
    application: 'nest-11-cjs',
    runner: 'jest-cjs',
    node: 'node-20.19',
    typescript: 'typescript-5.9',
  },
];

const nestOf = ({ application }) => axes.application[application].nest;
const isEsm = ({ application }) => axes.application[application].type === 'module';

/** The packages that are installed before README.md is read, and after. */
export function readmeInstallation(cell) {
  const nest = nestPackages[nestOf(cell)];
  const basics = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', '@nestjs/testing'];
  const runner = isEsm(cell)
    ? vitestPackages[4]
    : { jest: commonPackages.jest, 'ts-jest': '29.4.15', '@types/jest': '30.0.0' };
  return {
    name: `readme-${cell.application}`,
    packages: {
      ...Object.fromEntries(basics.map((name) => [name, nest[name]])),
      'reflect-metadata': commonPackages['reflect-metadata'],
      rxjs: commonPackages.rxjs,
      typescript: axes.typescript[cell.typescript].version,
      ...typePackages,
      ...runner,
    },
    line: packagesToInstall(readme, nestOf(cell)),
  };
}

const paths = (installation, cell) => ({
  folder: join(installation, 'application'),
  bin: (path) => join(installation, 'node_modules', path),
  extension: isEsm(cell) ? '.js' : '',
});

/** Its settings are those that `nest new` writes. */
function writeApplication(folder, cell, extension) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'src'), { recursive: true });
  for (const file of readdirSync(sources)) {
    const code = readFileSync(join(sources, file), 'utf8');
    writeFileSync(join(folder, 'src', file), code.replaceAll(/(from '\.\/.*)\.js';/g, `$1${extension}';`));
  }
  for (const { name, code } of applicationFiles(readme, extension)) writeFileSync(join(folder, 'src', name), code);
  const write = (file, content) => writeFileSync(join(folder, file), JSON.stringify(content, null, 2));
  write('package.json', {
    private: true,
    type: isEsm(cell) ? 'module' : 'commonjs',
    ...(!isEsm(cell) && { jest: JEST }),
  });
  write('tsconfig.json', {
    compilerOptions: { ...COMPILER, types: ['node', isEsm(cell) ? 'vitest/globals' : 'jest'] },
    include: ['src'],
  });
  if (isEsm(cell)) writeFileSync(join(folder, 'vitest.config.mjs'), VITEST);
}

const COMPILER = {
  module: 'nodenext',
  moduleResolution: 'nodenext',
  resolvePackageJsonExports: true,
  esModuleInterop: true,
  isolatedModules: true,
  declaration: true,
  removeComments: true,
  emitDecoratorMetadata: true,
  experimentalDecorators: true,
  allowSyntheticDefaultImports: true,
  target: 'ES2023',
  sourceMap: true,
  outDir: './dist',
  rootDir: './src',
  skipLibCheck: true,
  strict: true,
  strictPropertyInitialization: false,
};

const JEST = {
  moduleFileExtensions: ['js', 'json', 'ts'],
  rootDir: 'src',
  testRegex: '.*\\.spec\\.ts$',
  transform: { '^.+\\.(t|j)s$': 'ts-jest' },
  testEnvironment: 'node',
};

const VITEST = `import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { globals: true, root: './', include: ['**/*.spec.ts'] } });
`;

/** The steps of such a cell, as those of the others. @returns what went wrong; nothing if all is well */
export const readmeSteps = {
  async build(cell, installation, node) {
    const { folder, bin, extension } = paths(installation, cell);
    writeApplication(folder, cell, extension);
    return failure(await runProgram(node, [bin('typescript/bin/tsc'), '-p', '.'], { cwd: folder }));
  },
  async boot(cell, installation, node, redisUrl) {
    const { folder } = paths(installation, cell);
    return failure(await runProgram(node, ['dist/main.js'], { cwd: folder, env: settings(cell, redisUrl) }));
  },
  async test(cell, installation, node, redisUrl) {
    const { folder, bin } = paths(installation, cell);
    const vm = nestOf(cell) === 12 ? ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'] : [];
    const args = isEsm(cell)
      ? [bin('vitest/vitest.mjs'), 'run']
      : [...vm, bin('jest/bin/jest.js'), '--ci', '--runInBand'];
    return failure(await runProgram(node, args, { cwd: folder, env: settings(cell, redisUrl) }));
  },
};

const settings = (cell, redisUrl) => ({
  ...environment(cell),
  REDIS_URL: redisUrl,
  JWT_SECRET: 'of the application of the README, 32 bytes or more',
});
