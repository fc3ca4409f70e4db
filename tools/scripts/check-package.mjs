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
import { entries, manifest, root } from './library.mjs';
import { pack } from './pack.mjs';

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
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'package.json',
    'dist/esm/package.json',
    'dist/cjs/package.json',
    // For resolvers without `exports`.
    ...entries.filter(({ path }) => path !== '').map(({ path }) => `${path.slice(1)}/package.json`),
  ].map((file) => `package/${file}`);
  const code = /^package\/dist\/(esm|cjs)\/(?!.*\.spec\.).+\.(js|js\.map|d\.ts)$/;
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

/** An application that has the tarball installed, and beside it what the tarball asks for. */
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

/** In the folder of an application, so that it imports what the application has. */
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

function checkSourceMaps(tarball, installed) {
  const maps = filesOf(tarball).filter((file) => file.endsWith('.js.map'));
  assert.ok(maps.length > 0, 'there are no source maps');
  for (const file of maps) {
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(installed, file.replace('package/', '')), 'utf8'));
    assert.ok(sourcesContent?.length === sources.length && sourcesContent.every(Boolean), `${file} has no sources`);
  }
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

function reportSize(tarball, installed) {
  const files = filesOf(tarball);
  const sizeOf = (file) => statSync(join(installed, file.replace('package/', ''))).size;
  const total = (list) => kilobytes(list.map(sizeOf).reduce((sum, size) => sum + size, 0));
  const code = files.filter((file) => /^package\/dist\/esm\/.*\.js$/.test(file));
  console.log(
    `${name} ${manifest.version}: ${kilobytes(statSync(tarball).size)} packed, ${total(files)} unpacked in ${files.length} files; ` +
      `the code of one build: ${total(code)}`,
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
  checkSourceMaps(tarball, installed);
  checkImports();
  installTarball(
    tarball,
    'bare',
    peers.filter((peer) => !optional.includes(peer)),
  );
  checkOptionalPeers(optional);
  reportSize(tarball, installed);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
