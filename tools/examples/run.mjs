// Installs the packed library and what else an example needs into a fresh folder, builds the example, and drives it.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build } from '../scripts/build.mjs';
import { ensureChromium } from '../scripts/ensure-chromium.mjs';
import { ensureInstalled } from '../scripts/ensure-installed.mjs';
import { root } from '../scripts/library.mjs';
import { pack } from '../scripts/pack.mjs';

const examples = join(root, 'examples');
const known = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'drive.mjs')));
const USAGE = `npm run test:examples             all of ${known.join(', ')}
npm run test:examples -- NAME...  some of them`;

/** Copies an example to a folder outside of the repository, where only its own packages are found, and installs and builds it there. */
function install(name, workshop, tarball) {
  const folder = join(workshop, name);
  cpSync(join(examples, name), folder, {
    recursive: true,
    filter: (path) => !/node_modules|drive\.mjs$/.test(path),
  });
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  if (manifest.dependencies?.['nestjs-refresh-auth']) manifest.dependencies['nestjs-refresh-auth'] = `file:${tarball}`;
  writeFileSync(file, JSON.stringify(manifest, null, 2));
  // The front ends use the entries for browsers and servers, which need none of the packages that the guard needs.
  const npm = (...args) =>
    execFileSync('npm', args, {
      cwd: folder,
      stdio: 'pipe',
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
      shell: process.platform === 'win32',
    });
  npm(
    'install',
    '--prefer-offline',
    '--legacy-peer-deps',
    '--no-package-lock',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  );
  npm('run', 'build', '--if-present');
  return folder;
}

async function main(names) {
  const wanted = names.length > 0 ? names : known;
  if (wanted.some((name) => !known.includes(name))) {
    console.error(USAGE);
    return 2;
  }
  ensureInstalled();
  const executablePath = ensureChromium();
  await build();
  const workshop = process.env.EXAMPLES_FOLDER || mkdtempSync(join(tmpdir(), 'nestjs-refresh-auth-examples-'));
  mkdirSync(workshop, { recursive: true });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  let failures = 0;
  try {
    const tarball = pack(workshop);
    for (const name of wanted) {
      const started = performance.now();
      try {
        const { drive } = await import(join(examples, name, 'drive.mjs'));
        await drive({ folder: install(name, workshop, tarball), browser });
        console.log(`ok ${name}, in ${Math.round((performance.now() - started) / 1000)} s`);
      } catch (error) {
        failures += 1;
        console.error(`FAILED ${name}\n`, error, String(error.stdout ?? ''), String(error.stderr ?? ''));
      }
    }
  } finally {
    await browser.close();
    if (!process.env.EXAMPLES_FOLDER) rmSync(workshop, { recursive: true, force: true });
  }
  console.log(`\n${wanted.length - failures} of ${wanted.length} examples pass.`);
  return failures > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
