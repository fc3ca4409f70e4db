import { readFileSync } from 'node:fs';
import { LOAD_GENERATOR } from '../support/load.js';
import type { Machine } from '../support/machine.js';
import type { Section } from '../support/section.js';

const { devDependencies } = JSON.parse(
  readFileSync(new URL('../../../../tools/bench/package.json', import.meta.url), 'utf8'),
) as {
  devDependencies: Record<string, string>;
};

const NAMED = [
  '@nestjs/core',
  '@nestjs/platform-fastify',
  '@nestjs/platform-express',
  '@nestjs/jwt',
  '@fastify/jwt',
  'passport-jwt',
  'express-session',
  'connect-redis',
  'redis',
  'ioredis',
];

/** Under what conditions everything else was measured. */
export function describeRun(machine: Machine, redisVersion: string): Section {
  const args = process.argv.slice(2);
  const versions = NAMED.map((name) => `${name} ${devDependencies[name]}`).join(', ');
  const rows = [
    ['command', `\`npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}\``],
    ['machine', `${machine.cores} cores of ${machine.cpu}, load ${machine.load.toFixed(1)} before the run`],
    ['versions', `Node.js ${machine.node}, Redis ${redisVersion}, ${versions}`],
    ['load', `from ${LOAD_GENERATOR}, a process of its own`],
  ];
  return {
    name: 'run',
    title: 'The run',
    latest: ['', ''],
    rows,
    remarks: [],
    figures: { machine, redisVersion, versions },
  };
}
