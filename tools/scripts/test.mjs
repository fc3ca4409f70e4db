import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { ensureChromium } from './ensure-chromium.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { ensureRedis } from './ensure-redis.mjs';

ensureInstalled();
const REDIS_SERVER = ensureRedis();
const CHROMIUM = ensureChromium();
// The end-to-end tests start the built demo as processes of their own.
await build();

const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    ...process.argv.slice(2),
  ],
  {
    cwd: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
    stdio: 'inherit',
    env: { ...process.env, REDIS_SERVER, CHROMIUM },
  },
);
process.exit(status ?? 1);
