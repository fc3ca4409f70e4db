import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildLibrary } from './build.mjs';
import { entries, library, root } from './library.mjs';
import { writePackedPages } from './packed-pages.mjs';

/**
 * Resolvers that know no `exports`, such as `moduleResolution: node10`, look for a folder of the subpath's name, and in it for `main`
 * and `types`.
 */
function writeStub({ path, conditions }) {
  const folder = join(library, path);
  const up = path.replace(/^\//, '').replaceAll(/[^/]+/g, '..');
  const fromStub = (file) => file.replace('.', up);
  const { types, default: main } = conditions.require;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify({ main: fromStub(main), types: fromStub(types) }, null, 2)}\n`,
  );
}

// Builds from scratch, so that no output of a renamed or removed source is published.
rmSync(join(library, 'dist'), { recursive: true, force: true });
await buildLibrary();
for (const entry of entries.filter(({ path }) => path !== '')) writeStub(entry);
writePackedPages();
copyFileSync(join(root, 'LICENSE'), join(library, 'LICENSE'));
