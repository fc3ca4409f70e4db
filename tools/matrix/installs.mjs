// Brings what cells need from the npm registry, into a folder outside the workspaces: no cell can borrow a package from this repository.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifest } from '../scripts/library.mjs';
import { axes, commonPackages, nestPackages, typePackages, vitestPackages } from './axes.mjs';
import { peerSets } from './peers.mjs';

/** Kept between runs. `MATRIX_FOLDER` names another one. */
export const workshop = process.env.MATRIX_FOLDER || join(tmpdir(), 'nestjs-refresh-auth-matrix');

/** npm carries Node itself, as one package for each platform. */
const nodePackage = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/** @returns the path of the executable of each Node version, by its name on the axis */
export async function installNodes(names) {
  const folder = join(workshop, 'node');
  await install(
    folder,
    Object.fromEntries(names.map((name) => [name, `npm:${nodePackage}@${axes.node[name].version}`])),
  );
  const executable = process.platform === 'win32' ? 'node.exe' : 'node';
  return Object.fromEntries(names.map((name) => [name, join(folder, 'node_modules', name, 'bin', executable)]));
}

/** Cells share an installation where they differ in nothing that is installed. */
export function installationOf(cell) {
  if (cell.peers === undefined) return installationWithRunners(cell);
  const { typescript, peers } = cell;
  return {
    name: peers,
    packages: { ...peerSets[peers], ...typePackages, ...typescriptPackages([typescript]) },
  };
}

/** Both versions of TypeScript are in each. */
function installationWithRunners({ application, runner, ioredis }) {
  const { nest } = axes.application[application];
  const vitest = axes.runner[runner].vitest ?? (ioredis === 'ioredis-5' ? 4 : 5);
  return {
    name: `nest-${nest}-${ioredis}-vitest-${vitest}`,
    packages: {
      ...nestPackages[nest],
      ...commonPackages,
      ...vitestPackages[vitest],
      ioredis: axes.ioredis[ioredis].version,
      ...typescriptPackages(Object.keys(axes.typescript)),
    },
  };
}

const typescriptPackages = (names) =>
  Object.fromEntries(names.map((name) => [name, `npm:typescript@${axes.typescript[name].version}`]));

/**
 * Installs the tarball and the packages.
 *
 * @param {{ name: string, packages: Record<string, string>, line?: string[] }} installation `line`: what `npm install` gets afterwards, the
 * library included, instead of a library that is among the packages
 * @returns the folder
 */
export async function installTarball({ name, packages, line }, tarball) {
  const folder = join(workshop, name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(tarball, join(folder, 'nestjs-refresh-auth.tgz'));
  const { dependencies, peerDependencies } = manifest;
  const ours = 'file:nestjs-refresh-auth.tgz';
  await install(
    folder,
    line ? packages : { ...packages, 'nestjs-refresh-auth': ours },
    { dependencies, peerDependencies },
    line?.map((each) => (each === 'nestjs-refresh-auth' ? ours : each)),
  );
  await unpack(tarball, join(folder, 'node_modules/nestjs-refresh-auth'));
  return folder;
}

/** npm need not be asked again where another tarball has the same dependencies: its files take the place of those that were installed. */
async function unpack(tarball, folder) {
  // All but the packages that npm has put into it, for which there was no room beside it.
  const ours = readdirSync(folder).filter((name) => name !== 'node_modules');
  for (const name of ours) rmSync(join(folder, name), { recursive: true });
  const { code, output } = await runProgram('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder], {});
  if (code !== 0) throw new Error(`${tarball} could not be unpacked:\n${output}`);
}

const OLD_NEST = '10.4.22';

/** npm does not install the library beside a NestJS that it does not support, and says why. */
export async function checkRefusal(tarball) {
  const folder = join(workshop, 'refused');
  mkdirSync(folder, { recursive: true });
  const dependencies = {
    '@nestjs/common': OLD_NEST,
    '@nestjs/core': OLD_NEST,
    'nestjs-refresh-auth': `file:${tarball}`,
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }, null, 2));
  const { code, output } = await npmInstall(folder, '--package-lock-only');
  const said = [
    'ERESOLVE',
    `peer @nestjs/common@"${manifest.peerDependencies['@nestjs/common']}" from nestjs-refresh-auth`,
  ];
  if (code === 0 || !said.every((text) => output.includes(text))) {
    throw new Error(`npm should refuse to install the library beside NestJS ${OLD_NEST}, but said:\n${output}`);
  }
}

function npmInstall(folder, ...more) {
  const options = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return runProgram('npm', ['install', ...options, ...more], { cwd: folder });
}

/** Does nothing where the same was installed before. `more` is what else the result depends on; `line` is installed afterwards. */
async function install(folder, dependencies, more = {}, line = []) {
  const wanted = JSON.stringify({ dependencies, more, line });
  const done = join(folder, 'installed.json');
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return;
  mkdirSync(folder, { recursive: true });
  rmSync(done, { force: true });
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }, null, 2));
  for (const packages of line.length > 0 ? [[], line] : [[]]) {
    const { code, output } = await npmInstall(folder, '--no-package-lock', ...packages);
    if (code !== 0) {
      throw new Error(
        `The matrix cannot install what it tests with: npm install ${packages.join(' ')} failed in ${folder}.\n` +
          `It needs the npm registry; is it in reach? npm said:\n${output}`,
      );
    }
  }
  writeFileSync(done, wanted);
}

/** No step takes this long: whatever does hangs. */
const PATIENCE_MS = 600_000;

/** Runs a program to its end. @returns its exit code, and all that it printed */
export function runProgram(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
