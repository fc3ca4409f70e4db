import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The folder of the package that is published. */
export const library = join(root, 'libs/refresh-auth');

export const manifest = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'));

/** The entries that applications can import, by `package.json`: `''` for the package itself, `'/testing'` for a subpath. */
export const entries = Object.entries(manifest.exports)
  .filter(([, conditions]) => typeof conditions === 'object')
  .map(([path, conditions]) => ({ path: path.slice(1), conditions }));

/** Returns the path of the compiled file of an entry, without its extension. */
export const compiledEntry = ({ path }) => join(library, 'dist/compiled', path, 'index');
