import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const browsers = ['chromium', 'chromium-browser', 'google-chrome'];

function findOnPath() {
  const folders = process.env.PATH.split(delimiter);
  return browsers.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function installWithApt() {
  const options = {
    stdio: ['ignore', process.stderr, process.stderr],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options);
}

/** The path of a Chromium, or of a Chrome; on Debian, as root, Chromium is installed when missing. `CHROMIUM` names one elsewhere. */
export function ensureChromium() {
  let browser = process.env.CHROMIUM || findOnPath();
  if (!browser && process.platform === 'linux' && process.getuid() === 0) {
    console.error('No chromium on the PATH; trying apt-get install chromium ...');
    installWithApt();
    browser = findOnPath();
  }
  if (browser) return browser;

  console.error(
    'The tests need a real browser: put chromium on the PATH, or its path into the variable CHROMIUM.\n' +
      'Debian: sudo apt-get install chromium\n' +
      'macOS: brew install --cask chromium',
  );
  process.exit(1);
}
