import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './ensure-installed.mjs';
import { library, root } from './library.mjs';

/** Compiles the stale files of a TypeScript project and of its references. */
function compile(project) {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', project], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Returns true if the compiled files, the list of entries or bundle.mjs are newer than the bundles. Each compilation changes the build info. */
function isBundleStale() {
  // The file that is written last.
  const bundled = join(library, 'dist/esm/package.json');
  if (!existsSync(bundled)) return true;
  const { mtimeMs } = statSync(bundled);
  const from = ['dist/compiled.tsbuildinfo', 'package.json', '../../tools/scripts/bundle.mjs'];
  return from.some((file) => statSync(join(library, file)).mtimeMs > mtimeMs);
}

/** Builds the library, if it is stale. */
export async function buildLibrary() {
  compile('libs/refresh-auth/tsconfig.lib.json');
  if (!isBundleStale()) return;
  // Rollup is loaded only when it is needed: most runs find everything built.
  const { bundle } = await import('./bundle.mjs');
  await bundle();
}

/** Builds the library and an application that uses it, by default the demo, if they are stale. */
export async function build(project = 'apps/demo/tsconfig.app.json') {
  await buildLibrary();
  compile(project);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  await build();
}
