// Installs the packed tarball into small applications of every kind, builds them, boots them, and runs their tests.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled } from '../scripts/ensure-installed.mjs';
import { ensureRedis } from '../scripts/ensure-redis.mjs';
import { manifest } from '../scripts/library.mjs';
import { pack } from '../scripts/pack.mjs';
import { startRedis } from '../support/redis-server.mjs';
import { axes, combinations, listed, nameOf, whyImpossible } from './axes.mjs';
import { checkRefusal, installationOf, installNodes, installTarball } from './installs.mjs';
import { peerCells, peerSets } from './peers.mjs';
import { readmeCells, readmeInstallation, readmeSteps } from './readme-cells.mjs';
import { writeReport } from './report.mjs';
import { boot, build, keys, test } from './steps.mjs';

const LANES = 2;
const USAGE = `npm run test:matrix              the ${listed.length} cells that stand for all, the versions of the peers, and README.md
npm run test:matrix -- --peers   the versions of the peers
npm run test:matrix -- --readme  the applications of somebody who follows README.md
npm run test:matrix -- --all     every cell that can exist, the versions of the peers, and README.md
npm run test:matrix -- CELL      one cell, such as '${nameOf(listed[0])}'`;

function chooseCells(args) {
  if (args.length === 0) return [...listed, ...peerCells, ...readmeCells];
  if (args.length === 1 && args[0] === '--readme') return readmeCells;
  if (args.length === 1 && args[0] === '--peers') return peerCells;
  if (args.length === 1 && args[0] === '--all') {
    return [...combinations.filter((cell) => !whyImpossible(cell)), ...peerCells, ...readmeCells];
  }
  const known = new Map([...combinations, ...peerCells, ...readmeCells].map((cell) => [nameOf(cell), cell]));
  const cells = args.map((name) => known.get(name));
  for (const cell of cells) {
    if (!cell) {
      console.error(USAGE);
      process.exit(2);
    }
    const reason = whyImpossible(cell);
    if (reason) {
      console.error(`${nameOf(cell)} cannot exist: ${reason}.`);
      process.exit(2);
    }
  }
  return cells;
}

/** The list stands for all cells, so that every value of every axis has to be in it; and every range of a peer begins with a version that is tested. */
function checkList() {
  assert.ok(listed.length <= 12, 'the list has more than 12 cells');
  for (const cell of listed) assert.equal(whyImpossible(cell), undefined, `${nameOf(cell)} cannot exist`);
  for (const [axis, values] of Object.entries(axes)) {
    const missing = Object.keys(values).filter((value) => !listed.some((cell) => cell[axis] === value));
    assert.deepEqual(missing, [], `the list has no cell with these values of ${axis}`);
  }
  for (const [peer, range] of Object.entries(manifest.peerDependencies)) {
    const lowest = range.split(' || ').map((part) => part.replace('^', ''));
    const missing = lowest.filter((version) => !Object.values(peerSets).some((set) => set[peer] === version));
    assert.deepEqual(missing, [], `tools/matrix/peers.mjs has no set with the lowest ${peer} that package.json allows`);
  }
}

/** Does what several cells ask for once. */
function once(known, key, act) {
  if (!known.has(key)) known.set(key, act());
  return known.get(key);
}

/** A few at a time, in order. */
async function inLanes(items, act) {
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) await act(item, index);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

const installationFor = (cell) => (cell.page ? readmeInstallation(cell) : installationOf(cell));

/** One npm at a time, since several are slower, and beside the first cells. @returns the folders by name, each when it is there */
function installAll(cells, tarball) {
  const folders = new Map();
  let before = Promise.resolve();
  for (const cell of cells) {
    const installation = installationFor(cell);
    if (folders.has(installation.name)) continue;
    before = before.then(() => installTarball(installation, tarball));
    // A failure reaches whoever waits for it. While nobody waits yet, it must not count as unhandled.
    before.catch(() => undefined);
    folders.set(installation.name, before);
  }
  return folders;
}

async function runCells(cells, tarball, redisUrl) {
  const done = { build: new Map(), boot: new Map(), test: new Map() };
  const nodes = await installNodes([...new Set(cells.map(({ node }) => node))]);

  const installed = installAll(cells, tarball);

  await checkRefusal(tarball);
  const results = [];
  await inLanes(cells, async (cell, index) => {
    const node = nodes[cell.node];
    const { name } = installationFor(cell);
    const folder = await installed.get(name);
    const steps = cell.page
      ? stepsOfReadme(cell, folder, node, redisUrl)
      : {
          build: () => once(done.build, `${name} ${keys.build(cell)}`, () => build(cell, folder, node)),
          boot: () => once(done.boot, keys.boot(cell), () => boot(cell, folder, node, redisUrl)),
          ...(cell.runner && { test: () => once(done.test, keys.test(cell), () => test(cell, folder, node)) }),
        };
    const failed = await firstFailure(steps);
    results[index] = { cell, failed };
    console.log(failed ? `FAILED ${nameOf(cell)}: ${failed.step}` : `ok ${nameOf(cell)}`);
  });
  return results;
}

function stepsOfReadme(...context) {
  return Object.fromEntries(Object.entries(readmeSteps).map(([step, act]) => [step, () => act(...context)]));
}

/** @returns the first step that says something, and what it says */
async function firstFailure(steps) {
  for (const [step, act] of Object.entries(steps)) {
    const output = await act();
    if (output !== undefined) return { step, output };
  }
  return undefined;
}

function printFailures(results) {
  const seen = new Set();
  for (const { cell, failed } of results) {
    if (!failed || seen.has(failed.output)) continue;
    seen.add(failed.output);
    console.error(`\n== ${nameOf(cell)}: ${failed.step}\n${failed.output}`);
  }
}

async function main(args) {
  checkList();
  const cells = chooseCells(args);
  const started = performance.now();
  ensureInstalled();
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-refresh-auth-pack-'));
  const redis = await startRedis({ program: ensureRedis() });
  let results;
  try {
    results = await runCells(cells, pack(folder), redis.url);
  } finally {
    await redis.stop();
    rmSync(folder, { recursive: true });
  }
  printFailures(results);
  const passed = results.filter(({ failed }) => !failed).length;
  console.log(
    `\n${passed} of ${results.length} cells pass, in ${Math.round((performance.now() - started) / 1000)} s; ` +
      `${combinations.filter(whyImpossible).length} of ${combinations.length} combinations cannot exist.`,
  );
  if (args.length === 0 || args[0].startsWith('--')) await writeReport(results, { isAll: args[0] === '--all' });
  if (passed < results.length) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
