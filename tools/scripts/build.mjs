import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './ensure-installed.mjs';
import { library, root } from './library.mjs';

/** Compiles what is stale of a TypeScript project and of what it refers to. */
function compile(project) {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', project], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Tells whether a script, a list of entries or a compiled file is newer than the bundles. `tsc` writes its notes after each compilation. */
function isBundleStale() {
  // The file that is written last.
  const bundled = join(library, 'dist/esm/package.json');
  if (!existsSync(bundled)) return true;
  const { mtimeMs } = statSync(bundled);
  const from = ['dist/compiled.tsbuildinfo', 'package.json', '../../tools/scripts/bundle.mjs'];
  return from.some((file) => statSync(join(library, file)).mtimeMs > mtimeMs);
}

/** Builds what is stale of the library. */
export async function buildLibrary() {
  compile('libs/refresh-auth/tsconfig.lib.json');
  if (!isBundleStale()) return;
  // Rollup is loaded only where it is needed: what starts most often finds everything built.
  const { bundle } = await import('./bundle.mjs');
  await bundle();
}

/** Builds what is stale of the library, and of an application of it: by default the demo. */
export async function build(project = 'apps/demo/tsconfig.app.json') {
  await buildLibrary();
  compile(project);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  await build();
}
