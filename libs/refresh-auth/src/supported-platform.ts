import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The ranges of `engines` and `peerDependencies` in package.json. */
export const SUPPORTED = { node: '^20.19.0 || ^22.12.0 || >=24.0.0', nest: '^11.0.0 || ^12.0.1' } as const;

/**
 * Returns warnings for an application that runs on a platform that the library does not support. Package managers warn of it too, but only
 * at the installation, and most of them only in passing.
 *
 * @param node the version of Node.js
 * @param nest the version of NestJS, where it is known
 */
export function unsupportedPlatform(node = process.versions.node, nest = versionOf('@nestjs/core')): string[] {
  const warnings: string[] = [];
  if (!isSupportedNode(node)) warnings.push(warning(`Node.js ${node}`, SUPPORTED.node));
  if (nest !== undefined && !isSupportedNest(nest)) warnings.push(warning(`NestJS ${nest}`, SUPPORTED.nest));
  return warnings;
}

function warning(found: string, supported: string): string {
  return `nestjs-refresh-auth does not support ${found}: it needs ${supported}.`;
}

function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major >= 24 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
}

/** Excludes 12.0.0, whose core requires the other packages of NestJS 11. */
function isSupportedNest(version: string): boolean {
  return /^1[12]\./.test(version) && version !== '12.0.0';
}

/**
 * Refuses a `@nestjs/jwt` of another major version than `@nestjs/common`. npm installs its newest version beside every NestJS, without
 * a warning. Beside NestJS 11, that breaks the tests of the application, because Jest cannot load its ES modules.
 *
 * @throws Error if both versions are known and do not fit together
 */
export function checkJwtVersion(common = versionOf('@nestjs/common'), jwt = versionOf('@nestjs/jwt')): void {
  const [major] = common?.split('.') ?? [];
  if (major === undefined || jwt === undefined || jwt.startsWith(`${major}.`)) return;
  throw new Error(
    `RefreshAuthModule cannot start: @nestjs/jwt ${jwt} does not fit @nestjs/common ${common}. Install the same major version: npm install @nestjs/jwt@${major}`,
  );
}

/**
 * Returns the version of a package as the application's main script would load it; `undefined` if that is not known, as in a bundle. Reads the
 * file, because not every package exports its package.json.
 */
function versionOf(name: string): string | undefined {
  for (const folder of createRequire(process.argv[1] || '/').resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as { version: string }).version;
    } catch {
      // The next folder up may have it.
    }
  }
  return undefined;
}
