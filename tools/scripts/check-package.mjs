// Checks what would be published: the tarball, not the source folder. Every entry of `exports` is checked by that list.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as esbuild from 'esbuild';
import { entries, manifest, root } from './library.mjs';
import { pack } from './pack.mjs';
import { LINK, packedPages } from './packed-pages.mjs';

const folder = mkdtempSync(join(tmpdir(), 'nestjs-refresh-auth-'));
const { name } = manifest;

const run = (command, args, cwd = root) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
const runTool = (tool, ...args) => run(process.execPath, [join(root, 'node_modules', tool), ...args]);
const kilobytes = (bytes) => `${Math.round(bytes / 1000)} kB`;
const filesOf = (tarball) => execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');

function checkFiles(tarball) {
  const files = filesOf(tarball);
  const required = [
    ...packedPages,
    'LICENSE',
    'package.json',
    'dist/esm/package.json',
    'dist/cjs/package.json',
    // For resolvers without `exports`.
    ...entries.filter(({ path }) => path !== '').map(({ path }) => `${path.slice(1)}/package.json`),
  ].map((file) => `package/${file}`);
  const code = /^package\/dist\/(esm|cjs)\/[^/]+\.(js|d\.ts)$/;
  assert.deepEqual(
    files.filter((file) => !required.includes(file) && !code.test(file)),
    [],
    'the tarball holds files that nobody needs',
  );
  assert.deepEqual(
    required.filter((file) => !files.includes(file)),
    [],
    'the tarball lacks files',
  );
}

/** Makes an application with the tarball and its peer dependencies installed. */
function installTarball(tarball, application, peers) {
  const modules = join(folder, application, 'node_modules');
  const installed = join(modules, name);
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  for (const dependency of [...Object.keys(manifest.dependencies), ...peers]) {
    const nested = join(root, 'libs/refresh-auth/node_modules', dependency);
    const link = join(modules, dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(existsSync(nested) ? nested : join(root, 'node_modules', dependency), link, 'junction');
  }
  return installed;
}

/** Runs a program in the folder of an application, so that it imports the application's packages. */
function runIn(application, program) {
  const script = join(folder, application, 'check.mjs');
  writeFileSync(script, `import assert from 'node:assert/strict';\n${program}`);
  run(process.execPath, [script]);
}

function checkManifests(installed) {
  for (const [build, type] of [
    ['esm', 'module'],
    ['cjs', 'commonjs'],
  ]) {
    // Bundlers read it from the nearest package.json, which is this one.
    const built = JSON.parse(readFileSync(join(installed, 'dist', build, 'package.json'), 'utf8'));
    assert.deepEqual(built, { type, sideEffects: false });
  }
  for (const { path } of entries.filter((entry) => entry.path !== '')) {
    const stub = JSON.parse(readFileSync(join(installed, path, 'package.json'), 'utf8'));
    for (const file of [stub.main, stub.types])
      assert.ok(existsSync(join(installed, path, file)), `${path}: no ${file}`);
  }
}

/** Each link of a page leads to a file of the package, or to an address. */
function checkLinks(installed) {
  for (const page of packedPages) {
    const links = [...readFileSync(join(installed, page), 'utf8').matchAll(LINK)].map(([, , , target]) => target);
    const dead = links.filter((target) => {
      const [path] = target.split('#');
      return path !== '' && !/^[a-z]+:/.test(path) && !existsSync(join(installed, dirname(page), path));
    });
    assert.deepEqual(dead, [], `${page} has links that lead nowhere`);
  }
}

/** A stack trace names classes, methods and the lines of code that can be read. */
function checkStackTraces() {
  for (const entry of ['esm', 'cjs']) {
    runIn(
      'complete',
      `const { TestClock } = await import('./node_modules/${name}/dist/${entry}/testing.js');
      let stack;
      try { new TestClock().advance('a while'); } catch (error) { stack = error.stack; }
      const [, file, line] = /at TestClock\\.advance \\(file:\\/\\/(.*):(\\d+):\\d+\\)/.exec(stack.replaceAll('(/', '(file:///')) ?? [];
      assert.ok(file, stack);
      const { readFileSync } = await import('node:fs');
      assert.match(readFileSync(file, 'utf8').split('\\n')[line - 1], /^ +\\S.{3,150}$/);`,
    );
  }
}

/** Types are valid in ES modules and in CommonJS, also where TypeScript lets none import the other. The matrix compiles with other settings. */
function checkTypes() {
  const application = join(folder, 'complete');
  const names = entries.map(({ path }, index) => `import * as entry${index} from '${name}${path}';`);
  const source = `${names.join('\n')}
import { CurrentUser, RefreshAuthError, RefreshAuthGuard, type UserClaims } from '${name}';
declare module '${name}' {
  interface UserClaims {
    role: 'admin';
  }
}
export class Guard extends RefreshAuthGuard {}
export const isOurs = (error: unknown): boolean => error instanceof RefreshAuthError;
export const role = (user: UserClaims): 'admin' => user.role;
export const injected = CurrentUser('role');
export const entries = [${entries.map((_, index) => `entry${index}`).join(', ')}];
`;
  const files = ['types.cts', 'types.mts'];
  for (const file of files) writeFileSync(join(application, file), source);
  const options = '--noEmit --strict --target es2022 --module node16 --experimentalDecorators --types node --typeRoots';
  const args = [...options.split(' '), join(root, 'node_modules/@types'), ...files];
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...args], application);
}

function checkImports() {
  runIn(
    'complete',
    `import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    for (const [path, commonJsFile] of ${JSON.stringify(entries.map(({ path, conditions }) => [path, conditions.require.default]))}) {
      const entry = '${name}' + path;
      const imported = await import(entry);
      const required = require(entry);
      const commonJs = require('./node_modules/${name}/' + commonJsFile);
      const names = Object.keys(imported).sort();
      assert.ok(names.length > 0, entry + ' exports nothing');
      for (const each of names) assert.equal(required[each], imported[each], entry + ': import and require give different ' + each);
      assert.deepEqual(Object.keys(commonJs).sort(), names, entry + ': the two builds export different names');
    }`,
  );
}

/** Without its optional peers the package works, and whatever needs one says which. */
function checkOptionalPeers(optional) {
  runIn(
    'bare',
    `const optional = ${JSON.stringify(optional)};
    for (const path of ${JSON.stringify(entries.map(({ path }) => path))}) {
      const failure = await import('${name}' + path).then(() => undefined, (error) => error);
      if (path === '') assert.equal(failure, undefined);
      else if (failure) assert.ok(optional.some((peer) => failure.message.includes("'" + peer + "'")), failure);
    }
    const { Module } = await import('@nestjs/common');
    const { NestFactory } = await import('@nestjs/core');
    const { RefreshAuthModule } = await import('${name}');
    class AppModule {}
    Module({ imports: [RefreshAuthModule.forRoot({ secret: 'of the package check: forty bytes or more of it', redis: 'redis://localhost' })] })(AppModule);
    await assert.rejects(
      NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false }),
      { option: 'redis', message: /ioredis.*npm install ioredis/ },
    );`,
  );
}

/** An application that is bundled into one file needs no optional peer either: bundlers only warn of them. */
async function checkBundles(optional) {
  const source = `export { RefreshAuthModule, RefreshAuthGuard } from '${name}';`;
  const others = ['@nestjs/common', '@nestjs/core', '@nestjs/jwt', 'rxjs', 'reflect-metadata'];
  for (const format of ['esm', 'cjs']) {
    const { warnings } = await esbuild.build({
      stdin: { contents: source, resolveDir: join(folder, 'bare') },
      bundle: true,
      write: false,
      platform: 'node',
      format,
      // The files of the format itself, which `module-sync` would hide.
      conditions: [format === 'cjs' ? 'require' : 'import'],
      external: others,
      logLevel: 'silent',
    });
    for (const { text } of warnings)
      assert.ok(
        optional.some((peer) => text.includes(`"${peer}"`)),
        `esbuild, ${format}: ${text}`,
      );
  }
}

/** The most that an installation may cost: its files, and the bytes of code and types. The pages come on top. */
const LIMITS = { files: 120, code: 950_000 };

function checkSize(tarball, installed) {
  const files = filesOf(tarball).map((file) => file.replace('package/', ''));
  const bytesOf = (list) =>
    list.map((file) => statSync(join(installed, file)).size).reduce((sum, size) => sum + size, 0);
  const code = bytesOf(files.filter((file) => file.startsWith('dist/')));
  console.log(
    `${name} ${manifest.version}: ${kilobytes(statSync(tarball).size)} packed, ${kilobytes(bytesOf(files))} unpacked in ${files.length} files; ` +
      `code and types: ${kilobytes(code)}`,
  );
  assert.ok(
    files.length <= LIMITS.files && code <= LIMITS.code,
    `the package is larger than ${JSON.stringify(LIMITS)}`,
  );
}

try {
  const tarball = pack(folder);
  checkFiles(tarball);
  runTool('publint/src/cli.js', tarball, '--strict');
  runTool('@arethetypeswrong/cli/dist/index.js', tarball);

  const peers = Object.keys(manifest.peerDependencies);
  const optional = peers.filter((peer) => manifest.peerDependenciesMeta?.[peer]?.optional);
  const installed = installTarball(tarball, 'complete', peers);
  checkManifests(installed);
  checkLinks(installed);
  checkImports();
  checkStackTraces();
  checkTypes();
  installTarball(
    tarball,
    'bare',
    peers.filter((peer) => !optional.includes(peer)),
  );
  checkOptionalPeers(optional);
  await checkBundles(optional);
  checkSize(tarball, installed);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
