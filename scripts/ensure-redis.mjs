import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const servers = ['redis-server', 'valkey-server'];

function findOnPath() {
  const folders = process.env.PATH.split(delimiter);
  return servers.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
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
    // The tests start their own server: the last two keep the package from starting the system's (init, systemd).
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' },
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], options);
}

/** The path of a Redis or Valkey server; on Debian, as root, it is installed when missing. */
export function ensureRedis() {
  let server = findOnPath();
  if (!server && process.platform === 'linux' && process.getuid() === 0) {
    console.error('No redis-server or valkey-server on the PATH; trying apt-get install redis-server ...');
    installWithApt();
    server = findOnPath();
  }
  if (server) return server;

  console.error(
    'The tests need a real Redis (>= 6.2) or Valkey: put redis-server or valkey-server on the PATH.\n' +
      'Debian and Ubuntu: sudo apt-get install redis-server\n' +
      'macOS: brew install redis',
  );
  process.exit(1);
}
