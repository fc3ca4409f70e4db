// Writes what a run has found into docs/compatibility.md, between the markers in it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as prettier from 'prettier';
import { root } from '../scripts/library.mjs';
import { axes, combinations, nameOf, nestPackages, vitestPackages, whyImpossible } from './axes.mjs';
import { peerSets } from './peers.mjs';

const file = join(root, 'docs/compatibility.md');

/** How values are called in the documentation. */
const versions = {
  'nest-12-esm': `NestJS ${nestPackages[12]['@nestjs/core']}, ESM`,
  'nest-12-cjs': `NestJS ${nestPackages[12]['@nestjs/core']}, CommonJS build`,
  'nest-11-cjs': `NestJS ${nestPackages[11]['@nestjs/core']}, CommonJS`,
  express: 'Express',
  fastify: 'Fastify',
  'jest-cjs': 'Jest, CommonJS',
  'jest-esm': 'Jest, ESM mode',
  ...Object.fromEntries(
    Object.entries(vitestPackages).map(([major, { vitest }]) => [`vitest-${major}`, `Vitest ${vitest}`]),
  ),
  ...Object.fromEntries(Object.entries(axes.node).map(([name, { version }]) => [name, version])),
  ...Object.fromEntries(Object.entries(axes.ioredis).map(([name, { version }]) => [name, version])),
  ...Object.fromEntries(Object.entries(axes.typescript).map(([name, { version }]) => [name, version])),
  nodenext: '`nodenext`',
  'commonjs+node10': '`commonjs` + `node10`',
};

const table = (head, rows) =>
  [head, head.map(() => '-'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function listedTable(results) {
  return table(
    ['Application', 'Adapter', 'Tests', 'Node', 'ioredis', 'TypeScript', 'Modules', ''],
    results.map(({ cell, failed }) => [
      ...Object.values(cell).map((value) => versions[value]),
      failed ? `fails: ${failed.step}` : 'passes',
    ]),
  );
}

const PEERS = [
  '@nestjs/core',
  '@nestjs/jwt',
  '@nestjs/terminus',
  '@nestjs/websockets',
  '@nestjs/microservices',
  '@nestjs/graphql',
  'ioredis',
  'reflect-metadata',
  'rxjs',
];

/** One row for each set of versions: passes on both adapters, or where it fails. */
function peersTable(results) {
  const rows = Object.entries(peerSets).map(([name, versionOf]) => {
    const failures = results.filter(({ cell, failed }) => cell.peers === name && failed);
    const reasons = failures.map(({ cell, failed }) => `fails: ${failed.step} on ${versions[cell.adapter]}`);
    return [...PEERS.map((peer) => versionOf[peer] ?? '–'), reasons.join(', ') || 'passes'];
  });
  return table([...PEERS.map((peer) => `\`${peer}\``), ''], rows);
}

/** One row for each application and module setting, one column for each runner: which Node versions pass, with all that is left. */
function summary(results) {
  const runners = Object.keys(axes.runner);
  const rows = Object.keys(axes.application).flatMap((application) =>
    Object.keys(axes.modules)
      .map((modules) => results.filter(({ cell }) => cell.application === application && cell.modules === modules))
      .filter((row) => row.length > 0)
      .map((row) => [
        versions[application],
        versions[row[0].cell.modules],
        ...runners.map((runner) => nodesThatPass(row.filter(({ cell }) => cell.runner === runner))),
      ]),
  );
  return table(['Application', 'Modules', ...runners.map((runner) => versions[runner])], rows);
}

function nodesThatPass(results) {
  const nodes = Object.keys(axes.node).map((node) => {
    const own = results.filter(({ cell }) => cell.node === node);
    const passed = own.filter(({ failed }) => !failed).length;
    if (own.length === 0) return undefined;
    return passed === own.length ? versions[node] : `${versions[node]} (${passed} of ${own.length})`;
  });
  return nodes.filter(Boolean).join(', ') || '–';
}

function allSection(results) {
  const failed = results.filter((result) => result.failed);
  return [
    `${results.length - failed.length} of the ${results.length} cells that can exist pass. Each Node version in the table stands for both adapters, both versions of ioredis and both of TypeScript.`,
    summary(results),
    failed.map(({ cell, failed: { step } }) => `- fails: \`${nameOf(cell)}\` (${step})`).join('\n'),
  ].join('\n\n');
}

function impossibleSection() {
  const reasons = combinations.map(whyImpossible).filter(Boolean);
  const count = (reason) => reasons.filter((each) => each === reason).length;
  return [
    `${combinations.length - reasons.length} of the ${combinations.length} combinations can exist, the others not:`,
    [...new Set(reasons)].map((reason) => `- ${reason} (${count(reason)})`).join('\n'),
  ].join('\n\n');
}

/** Puts a section between its cutoffs. */
function replaceSection(text, cutoff, section) {
  const [begin, end] = [`<!-- ${cutoff}: written by the run -->`, `<!-- end of ${cutoff} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/compatibility.md has no section between "${begin}" and "${end}"`);
  return `${text.slice(0, from)}${begin}\n\n${section}\n\n${text.slice(to)}`;
}

/** @param results of the cells that stand for all, of all, or of the versions of the peers: the sections of cells that were not run stay as they are */
export async function writeReport(results, { isAll }) {
  const ofPeers = results.filter(({ cell }) => cell.peers);
  const others = results.filter(({ cell }) => !cell.peers && !cell.page);
  let text = replaceSection(readFileSync(file, 'utf8'), 'impossible', impossibleSection());
  if (ofPeers.length > 0) text = replaceSection(text, 'peers', peersTable(ofPeers));
  if (others.length > 0) {
    text = isAll
      ? replaceSection(text, 'all', allSection(others))
      : replaceSection(text, 'listed', listedTable(others));
  }
  const options = await prettier.resolveConfig(file);
  writeFileSync(file, await prettier.format(text, { ...options, filepath: file }));
}
