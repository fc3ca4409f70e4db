import { createRequire } from 'node:module';

/** The ranges of `engines` and `peerDependencies` in package.json. */
export const SUPPORTED = { node: '^20.19.0 || ^22.12.0 || >=24.0.0', nest: '^11.0.0 || ^12.0.1' } as const;

/**
 * Returns warnings for an application that runs where the library was not tried. Package managers say it too, but only at the
 * installation, and most of them only in passing.
 *
 * @param node the version of Node.js
 * @param nest the version of NestJS, where it is known
 */
export function unsupportedPlatform(node = process.versions.node, nest = nestVersion()): string[] {
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

/** The core of 12.0.0 asks for the other packages of NestJS 11. */
function isSupportedNest(version: string): boolean {
  return /^1[12]\./.test(version) && version !== '12.0.0';
}

/** That of the application, by its main script; unknown where that has none. */
function nestVersion(): string | undefined {
  try {
    const require = createRequire(process.argv[1] ?? '');
    return (require('@nestjs/core/package.json') as { version: string }).version;
  } catch {
    return undefined;
  }
}
