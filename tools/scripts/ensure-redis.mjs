import { ensureProgram } from './ensure-program.mjs';

/** The path of a Redis or Valkey server. Installs it if it is missing, as root on Debian. */
export function ensureRedis() {
  return ensureProgram({
    names: ['redis-server', 'valkey-server'],
    package: 'redis-server',
    // These keep the package from starting a server of the system (init, systemd): the tests start their own.
    env: { RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' },
    advice:
      'The tests need a real Redis (>= 6.2) or Valkey: put redis-server or valkey-server on the PATH.\n' +
      'Debian and Ubuntu: sudo apt-get install redis-server\n' +
      'macOS: brew install redis',
  });
}
