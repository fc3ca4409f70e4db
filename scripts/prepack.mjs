import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const root = new URL('../', import.meta.url);
const library = new URL('libs/refresh-auth/', root);

// From nothing, so that no file of a source that was since renamed or removed is published.
rmSync(fileURLToPath(new URL('dist', library)), { recursive: true, force: true });
build();
for (const file of ['README.md', 'LICENSE']) copyFileSync(new URL(file, root), new URL(file, library));
