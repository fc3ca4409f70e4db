// Runs before anything is installed, on any Node.js version: built-ins and old syntax only.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** Understands the two forms of range in our `engines.node`: `^a.b.c` and `>=a.b.c`. */
function satisfies(version, range) {
  const [major, minor, patch] = version.split('.').map(Number);
  return range.split('||').some((alternative) => {
    const [, operator, ...numbers] = /(\^|>=)(\d+)\.(\d+)\.(\d+)/.exec(alternative);
    const [wantedMajor, wantedMinor, wantedPatch] = numbers.map(Number);
    if (major !== wantedMajor) return operator === '>=' && major > wantedMajor;
    return minor > wantedMinor || (minor === wantedMinor && patch >= wantedPatch);
  });
}

function requireSupportedNode() {
  const range = readJson('package.json').engines.node;
  if (satisfies(process.versions.node, range)) return;
  console.error(`This project needs Node.js ${range}; this is ${process.versions.node}.`);
  process.exit(1);
}

function isInstalled() {
  const wanted = readJson('package-lock.json').packages;
  let present;
  try {
    present = readJson('node_modules/.package-lock.json').packages;
  } catch {
    return false;
  }
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      optional || !path.includes('node_modules/') || (path in present && present[path].version === version),
  );
}

/** Checks the Node.js version, and installs what the lock file names when some of it is missing. */
export function ensureInstalled() {
  requireSupportedNode();
  if (isInstalled()) return;

  console.error('Installing what package-lock.json names (npm ci) ...');
  // Development dependencies too, even under NODE_ENV=production: the build needs them. All output goes to stderr.
  const { status } = spawnSync('npm', ['ci', '--include=dev', '--no-audit'], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  console.error('npm ci failed, so there is nothing to run.');
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureInstalled();
