// Reads README.md as a newcomer does: the packages to install, and the files to write.

/** The major of NestJS for which a line is meant that names none. */
const NEWEST = 12;

const blocksOf = (readme, language) =>
  [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, each]) => each === language).map(([, , code]) => code);

const majorOf = (line) => Number(/@nestjs\/[\w-]+@(\d+)/.exec(line)?.[1] ?? NEWEST);

/**
 * Returns the packages that README.md tells an application of this major to install. The line of an older major names it, as in
 * `@nestjs/jwt@11`.
 *
 * @param {string} readme
 * @param {number} nest the major of NestJS
 */
export function packagesToInstall(readme, nest) {
  const lines = blocksOf(readme, 'sh')
    .flatMap((block) => block.split('\n'))
    .filter((line) => /^npm install nestjs-refresh-auth( |$)/.test(line) && majorOf(line) === nest);
  if (lines.length !== 1) {
    throw new Error(`README.md should have one line "npm install nestjs-refresh-auth ..." for NestJS ${nest}.`);
  }
  const packages = lines[0].replace('npm install ', '').trim().split(' ');
  const missing = importsOf(readme).find((name) => !packages.some((each) => each.replace(/(?<=.)@\d+$/, '') === name));
  if (missing !== undefined)
    throw new Error(`README.md imports ${missing}, and its line for NestJS ${nest} does not install it.`);
  return packages;
}

/** Returns the packages that the files import, apart from those of every application. */
function importsOf(readme) {
  const ofEveryApplication = ['@nestjs/common', '@nestjs/core'];
  const imported = filesToWrite(readme).flatMap(({ code }) =>
    [...code.matchAll(/ from '((?:@[\w-]+\/)?[\w-]+)/g)].map(([, name]) => name),
  );
  return [...new Set(imported)].filter((name) => !ofEveryApplication.includes(name));
}

/** Returns the files that README.md shows for the folder `src`, each with its name from the comment in its first line. */
export function filesToWrite(readme) {
  return blocksOf(readme, 'ts').flatMap((code) => {
    const name = /^\/\/ (?:src\/)?(\S+\.ts)\n/.exec(code)?.[1];
    return name === undefined ? [] : [{ name, code }];
  });
}

/**
 * Returns the files of the application. One whose file `app.module.ts` is not shown has its own, which imports the module that is shown.
 *
 * @param {string} readme
 * @param {string} extension that of imports of own files: `.js` in an ESM application, none in a CommonJS one as NestJS generates it
 */
export function applicationFiles(readme, extension) {
  const files = filesToWrite(readme);
  if (files.some(({ name }) => name === 'app.module.ts')) return files;
  const shown = files.find(({ code }) => code.includes('@Module('));
  const [, module] = /@Module\(.*?^export class (\w+)/ms.exec(shown?.code ?? '') ?? [];
  if (module === undefined) throw new Error('README.md shows no module.');
  const code = `import { Module } from '@nestjs/common';
import { ${module} } from './${shown.name.replace(/\.ts$/, extension)}';

@Module({ imports: [${module}] })
export class AppModule {}
`;
  return [...files, { name: 'app.module.ts', code }];
}
