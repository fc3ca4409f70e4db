// Checks what would be published: the tarball, not the source folder.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'nestjs-refresh-auth-'));
const name = 'nestjs-refresh-auth';

const run = (command, args, cwd = root) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
const runTool = (tool, ...args) => run(process.execPath, [join(root, 'node_modules', tool), ...args]);

function pack() {
  run('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], join(root, 'libs/refresh-auth'));
  return join(
    folder,
    readdirSync(folder).find((file) => file.endsWith('.tgz')),
  );
}

function checkFiles(tarball) {
  const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  const expected = [
    /^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
    /^package\/dist\/(esm|cjs)\/package\.json$/,
    /^package\/dist\/(esm|cjs)\/(?!.*\.spec\.).+\.(js|js\.map|d\.ts)$/,
  ];
  const litter = files.filter((file) => !expected.some((pattern) => pattern.test(file)));
  assert.deepEqual(litter, [], 'the tarball holds files that nobody needs');
  for (const file of ['README.md', 'LICENSE', 'dist/esm/package.json', 'dist/cjs/package.json']) {
    assert.ok(files.includes(`package/${file}`), `${file} is missing from the tarball`);
  }
}

/** An application that has the tarball installed, and beside it what the tarball asks for. */
function installTarball(tarball) {
  const modules = join(folder, 'node_modules');
  const installed = join(modules, name);
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);

  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    const nested = join(root, 'libs/refresh-auth/node_modules', dependency);
    const link = join(modules, dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(existsSync(nested) ? nested : join(root, 'node_modules', dependency), link, 'junction');
  }
}

function checkImports() {
  const script = join(folder, 'imports.mjs');
  writeFileSync(
    script,
    `import assert from 'node:assert/strict';
    import { createRequire } from 'node:module';
    import * as imported from '${name}';
    const require = createRequire(import.meta.url);
    const required = require('${name}');
    const commonJs = require('./node_modules/${name}/dist/cjs/index.js');
    assert.equal(typeof imported.RefreshAuthModule, 'function');
    assert.equal(required.RefreshAuthModule, imported.RefreshAuthModule, 'import and require give different classes');
    assert.deepEqual(Object.keys(commonJs).sort(), Object.keys(imported).sort(), 'the two builds export different names');
    assert.equal(typeof commonJs.RefreshAuthModule, 'function');
    const client = await import('${name}/client');
    assert.equal(require('${name}/client').RefreshAuthClient, client.RefreshAuthClient, 'import and require give different clients');
    const { RefreshAuthClient } = require('./node_modules/${name}/dist/cjs/client/index.js');
    assert.equal(typeof new RefreshAuthClient({ origins: ['https://api.example.com'] }).fetch, 'function');`,
  );
  run(process.execPath, [script]);
}

/** Browsers load the client as it is, so that it imports nothing but its own files; and the main entry does not import it. */
function checkClient() {
  const dist = join(folder, 'node_modules', name, 'dist/esm');
  const imports = (file) =>
    [...readFileSync(join(dist, file), 'utf8').matchAll(/ from '(.*)';$/gm)].map(([, source]) => source);
  for (const file of readdirSync(join(dist, 'client')).filter((entry) => entry.endsWith('.js'))) {
    const others = imports(`client/${file}`).filter((source) => !/^\.\/[\w-]+\.js$/.test(source));
    assert.deepEqual(others, [], `client/${file} imports what no browser finds`);
  }
  assert.deepEqual(
    imports('index.js').filter((source) => source.includes('client')),
    [],
  );
}

try {
  const tarball = pack();
  checkFiles(tarball);
  runTool('publint/src/cli.js', tarball, '--strict');
  runTool('@arethetypeswrong/cli/dist/index.js', tarball);
  installTarball(tarball);
  checkImports();
  checkClient();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
