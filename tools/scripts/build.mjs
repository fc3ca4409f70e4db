import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './ensure-installed.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The library's two builds lie in one package, so each says for itself what its `.js` files are, and what bundlers may leave out. */
function markModuleTypes() {
  for (const [folder, type] of [
    ['esm', 'module'],
    ['cjs', 'commonjs'],
  ]) {
    const target = join(root, 'libs/refresh-auth/dist', folder);
    const manifest = join(target, 'package.json');
    // A manifest written again would count as newer, and the demo as stale.
    if (existsSync(manifest)) continue;
    mkdirSync(target, { recursive: true });
    writeFileSync(manifest, `${JSON.stringify({ type, sideEffects: false })}\n`);
  }
}

/** Builds what is stale of a TypeScript project and of what it refers to: by default of the library and the demo. */
export function build(project = 'tsconfig.build.json') {
  markModuleTypes();
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', project], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  build();
}
