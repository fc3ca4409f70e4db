import { ensureProgram } from './ensure-program.mjs';

/** The path of a Redis or Valkey server; on Debian, as root, it is installed when missing. */
export function ensureRedis() {
  return ensureProgram({
    names: ['redis-server', 'valkey-server'],
    package: 'redis-server',
    // The tests start their own server: these keep the package from starting the system's (init, systemd).
    env: { RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' },
    advice:
      'The tests need a real Redis (>= 6.2) or Valkey: put redis-server or valkey-server on the PATH.\n' +
      'Debian and Ubuntu: sudo apt-get install redis-server\n' +
      'macOS: brew install redis',
  });
}
