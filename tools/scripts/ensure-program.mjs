import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Returns the path of the first of these programs that is installed. If none is, installs the package, as root on Debian.
 * If there is still none, ends the process with advice.
 *
 * @param {{ names: string[], package: string, env?: Record<string, string>, advice: string }} program
 */
export function ensureProgram({ names, package: debianPackage, env = {}, advice }) {
  let path = findOnPath(names);
  if (!path && process.platform === 'linux' && process.getuid() === 0) {
    console.error(`No ${names.join(' or ')} on the PATH; trying apt-get install ${debianPackage} ...`);
    installWithApt(debianPackage, env);
    path = findOnPath(names);
  }
  if (path) return path;
  console.error(advice);
  process.exit(1);
}

function findOnPath(names) {
  const folders = process.env.PATH.split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function installWithApt(debianPackage, env) {
  const options = {
    stdio: ['ignore', process.stderr, process.stderr],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', ...env },
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage], options);
}
