// Bundles the output of tsc into the published files: few of them, since each file that an application loads costs time.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import ts from 'typescript';
import { compiledEntry, entries, library } from './library.mjs';

const folders = { esm: join(library, 'dist/esm'), cjs: join(library, 'dist/cjs') };

const nameOf = ({ path }) => path.slice(1) || 'index';

/** The entries with their compiled files. */
const inputs = (extension) =>
  Object.fromEntries(entries.map((entry) => [nameOf(entry), compiledEntry(entry) + extension]));

/** Bundles the helpers of TypeScript. Every other package stays external. */
const packages = {
  name: 'packages',
  resolveId(id) {
    if (id === 'tslib') return fileURLToPath(import.meta.resolve('tslib/tslib.es6.mjs'));
    return /^[./]/.test(id) || /^[a-z]:\\/i.test(id) ? undefined : { id, external: true };
  },
};

/** Comments are for readers of the sources, and of the types, which keep them. */
const withoutComments = {
  name: 'without-comments',
  transform: (code) =>
    ts.transpileModule(code, { compilerOptions: { target: 'es2022', module: 'esnext', removeComments: true } })
      .outputText,
};

/** Applications augment `UserClaims` under the name of the package: TypeScript asks for an `export *` of the file that declares it. */
const augmented = { name: 'user-claims', source: join(library, 'dist/compiled/tokens/user-claims.d.ts') };

/**
 * `import()` stands in a `try`: bundlers warn of a package that is missing there, and stop at one that is missing elsewhere. Each of these
 * packages is optional. In CommonJS it is a `require()`: without a flag, Jest has no `import()` there.
 */
const optionalPackages = {
  name: 'optional-packages',
  renderDynamicImport: ({ format }) => ({
    left: `(async () => { try { return ${format === 'cjs' ? 'require(' : 'await import('}`,
    right: '); } catch (error) { throw error; } })()',
  }),
};

/** Returns all modules that an entry loads at once. Those behind `import()` are left out: they may need a package that is not installed. */
function importedBy(entry, getModuleInfo) {
  const found = new Set([entry]);
  for (const each of found) for (const next of getModuleInfo(each).importedIds) found.add(next);
  found.delete(entry);
  return found;
}

/** Puts modules that several entries need into common files, so that each class exists once. */
function commonFiles(extension) {
  const { index, store } = inputs(extension);
  let names;
  return (id, { getModuleInfo }) => {
    names ??= new Map([
      ...[...importedBy(index, getModuleInfo)].map((each) => [each, 'refresh-auth']),
      ...[...importedBy(store, getModuleInfo)].map((each) => [each, 'session-stores']),
      [augmented.source, augmented.name],
    ]);
    return names.get(id);
  };
}

const output = (extension, manualChunks) => ({
  chunkFileNames: `[name]${extension}`,
  manualChunks,
  minifyInternalExports: false,
  hoistTransitiveImports: false,
  generatedCode: 'es2015',
});

/** They run where NestJS does not: each is one file, which a page can load as it is, and has nothing in common with the others. */
const ALONE = ['client', 'ssr'];

async function bundleCode() {
  const all = Object.entries(inputs('.js'));
  await bundleEntries(Object.fromEntries(all.filter(([name]) => !ALONE.includes(name))), commonFiles('.js'));
  for (const name of ALONE) await bundleEntries(Object.fromEntries(all.filter(([other]) => other === name)));
}

async function bundleEntries(input, manualChunks) {
  const graph = await rollup({
    input,
    plugins: [packages, withoutComments, optionalPackages],
    // As package.json says: no module does anything when it is loaded.
    treeshake: { moduleSideEffects: false },
    onLog: (_, { message }) => assert.fail(message),
  });
  const settings = output('.js', manualChunks);
  const { output: files } = await graph.write({ ...settings, dir: folders.esm, format: 'es' });
  await graph.write({ ...settings, dir: folders.cjs, format: 'cjs', interop: 'auto' });
  await graph.close();
  // NestJS prints the names of classes.
  for (const { code } of files)
    assert.doesNotMatch(code, /\bclass \w+\$\d/, 'two classes of one file have the same name');
}

async function bundleTypes() {
  const graph = await rollup({
    input: { ...inputs('.d.ts'), [augmented.name]: augmented.source },
    plugins: [packages, dts()],
    // The entries leave some types out on purpose.
    onLog: (_, { message, plugin }) => assert.ok(plugin === 'dts', message),
  });
  await graph.write({ ...output('.d.ts', commonFiles('.d.ts')), dir: folders.esm, format: 'es' });
  await graph.close();

  const index = join(folders.esm, 'index.d.ts');
  const named = `export { UserClaims } from './${augmented.name}.js';`;
  const types = readFileSync(index, 'utf8');
  assert.ok(types.includes(named), `${index} has no line ${named}`);
  writeFileSync(index, types.replace(named, `export * from './${augmented.name}.js';`));
}

/** The types stand once, so that an application may mix both formats. Only CommonJS under `module: node16` cannot name a file of the other format. */
function writeCommonJsTypes() {
  for (const name of entries.map(nameOf)) {
    writeFileSync(join(folders.cjs, `${name}.d.ts`), `// @ts-ignore\nexport * from '../esm/${name}.js';\n`);
  }
}

/** Each folder says what its `.js` files are, and what bundlers may leave out. */
function writeManifest(folder, type) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ type, sideEffects: false })}\n`);
}

/** Bundles the compiled library as ES modules and as CommonJS. */
export async function bundle() {
  for (const folder of Object.values(folders)) rmSync(folder, { recursive: true, force: true });
  await bundleCode();
  await bundleTypes();
  writeCommonJsTypes();
  writeManifest(folders.cjs, 'commonjs');
  writeManifest(folders.esm, 'module');
}
