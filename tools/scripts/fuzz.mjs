import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureInstalled } from './ensure-installed.mjs';

ensureInstalled();
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds);
const seed = Number(values.seed ?? Math.trunc(Math.random() * 2 ** 31));
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('Write npm run fuzz -- --seconds 60 --seed 1: how long, and the seed of a run that is to be repeated.');
  process.exit(2);
}
console.log(`Seed ${seed}, ${seconds} s`);

const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--testMatch=<rootDir>/test/fuzz/*.fuzz.ts',
    '--runInBand',
    `--testTimeout=${(seconds + 60) * 1000}`,
  ],
  {
    cwd: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
    stdio: 'inherit',
    env: { ...process.env, FUZZ_SECONDS: String(seconds), FUZZ_SEED: String(seed) },
  },
);
process.exit(status ?? 1);
