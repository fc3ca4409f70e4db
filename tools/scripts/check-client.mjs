// Checks that the client entry stays small, and that the oldest browsers that docs/client.md names can read it.
import { build } from 'esbuild';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { library } from './library.mjs';

/** In bytes, minified and compressed with gzip. */
const MAX_SIZE = 4096;

/** The oldest versions whose syntax is used. `test/client-browser.e2e-spec.ts` removes the functions that they lack. */
const FLOOR = ['chrome91', 'edge91', 'firefox90', 'safari15', 'ios15', 'node20.19'];

async function bundle(target) {
  const { outputFiles } = await build({
    entryPoints: [join(library, 'src/client/index.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target,
    tsconfigRaw: { compilerOptions: { target: 'es2022' } },
  });
  return outputFiles[0].text;
}

const [code, lowered] = await Promise.all([bundle('es2022'), bundle(FLOOR)]);
const size = gzipSync(code, { level: 9 }).length;
const problems = [
  size > MAX_SIZE && `The client entry has ${size} bytes, more than ${MAX_SIZE}.`,
  code !== lowered && `The client entry uses syntax that one of ${FLOOR.join(', ')} cannot read.`,
].filter(Boolean);
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`The client entry has ${size} of at most ${MAX_SIZE} bytes, and ${FLOOR.join(', ')} can read it.`);
