/** The axes of the matrix, and the packages and settings that each value means. */
export const axes = {
  application: {
    'nest-12-esm': { nest: 12, type: 'module' },
    'nest-12-cjs': { nest: 12, type: 'commonjs' },
    'nest-11-cjs': { nest: 11, type: 'commonjs' },
  },
  adapter: { express: {}, fastify: {} },
  runner: {
    'jest-cjs': {},
    'jest-esm': {},
    'vitest-4': { vitest: 4 },
    'vitest-5': { vitest: 5 },
  },
  node: {
    'node-20.19': { version: '20.19.0' },
    'node-22': { version: '22.23.3' },
    'node-24': { version: '24.21.0' },
  },
  ioredis: { 'ioredis-5': { version: '5.11.1' }, 'ioredis-6': { version: '6.0.0' } },
  typescript: { 'typescript-5.9': { version: '5.9.3' }, 'typescript-6.0': { version: '6.0.3' } },
  modules: {
    nodenext: { module: 'nodenext' },
    'commonjs+node10': { module: 'commonjs', moduleResolution: 'node10' },
  },
};

export const nestPackages = {
  11: {
    '@nestjs/common': '11.2.10',
    '@nestjs/core': '11.2.10',
    '@nestjs/jwt': '11.0.2',
    '@nestjs/platform-express': '11.2.10',
    '@nestjs/platform-fastify': '11.2.8',
    '@nestjs/terminus': '11.1.1',
    '@nestjs/testing': '11.2.6',
  },
  12: {
    '@nestjs/common': '12.5.1',
    '@nestjs/core': '12.5.1',
    '@nestjs/jwt': '12.0.2',
    '@nestjs/platform-express': '12.5.1',
    '@nestjs/platform-fastify': '12.5.0',
    '@nestjs/terminus': '12.1.0',
    '@nestjs/testing': '12.1.1',
  },
};

export const typePackages = { '@types/express': '5.0.6', '@types/node': '20.19.43' };

export const vitestPackages = {
  4: { vitest: '4.1.12', '@types/node': typePackages['@types/node'] },
  // Its peer is the types of Node 22 or newer.
  5: { vitest: '5.1.1', '@types/node': '22.20.5' },
};

/** The packages of every application. */
export const commonPackages = {
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  '@swc/core': '1.16.18',
  '@swc/jest': '0.2.39',
  '@types/express': typePackages['@types/express'],
  jest: '30.5.2',
  'unplugin-swc': '2.0.0',
};

/** Why applications of some values cannot exist. */
const impossible = [
  {
    reason: 'an ESM application is not compiled to CommonJS',
    applies: ({ application, modules }) => application === 'nest-12-esm' && modules === 'commonjs+node10',
  },
  {
    reason: 'Vitest 5 needs Node >= 22.12',
    applies: ({ runner, node }) => runner === 'vitest-5' && node === 'node-20.19',
  },
  {
    reason: 'NestJS 12 is ESM only, and Jest can require() it only on Node >= 24.9 (with `--experimental-vm-modules`)',
    applies: ({ application, runner, node }) =>
      application.startsWith('nest-12') && runner === 'jest-cjs' && node !== 'node-24',
  },
];

/** @returns the reason why a cell cannot exist, or undefined */
export const whyImpossible = (cell) => impossible.find(({ applies }) => applies(cell))?.reason;

/** Every combination of values, those that cannot exist included. */
export const combinations = Object.entries(axes).reduce(
  (cells, [axis, values]) => cells.flatMap((cell) => Object.keys(values).map((value) => ({ ...cell, [axis]: value }))),
  [{}],
);

/** The cells that `.ci/run` runs: every value of every axis occurs, with as few installations as possible. */
export const listed = [
  'nest-12-esm express vitest-4 node-20.19 ioredis-5 typescript-6.0 nodenext',
  'nest-12-esm fastify jest-esm node-20.19 ioredis-5 typescript-5.9 nodenext',
  'nest-12-cjs fastify jest-esm node-22 ioredis-5 typescript-6.0 commonjs+node10',
  'nest-12-cjs express vitest-4 node-24 ioredis-5 typescript-5.9 nodenext',
  'nest-12-esm fastify vitest-5 node-22 ioredis-6 typescript-6.0 nodenext',
  'nest-12-esm express jest-esm node-24 ioredis-6 typescript-5.9 nodenext',
  'nest-12-cjs express jest-cjs node-24 ioredis-6 typescript-6.0 nodenext',
  'nest-12-cjs fastify vitest-5 node-24 ioredis-6 typescript-5.9 commonjs+node10',
  'nest-11-cjs express jest-cjs node-20.19 ioredis-5 typescript-5.9 commonjs+node10',
  'nest-11-cjs fastify jest-cjs node-22 ioredis-5 typescript-6.0 commonjs+node10',
  'nest-11-cjs express jest-esm node-24 ioredis-5 typescript-6.0 nodenext',
  'nest-11-cjs fastify vitest-4 node-20.19 ioredis-5 typescript-5.9 nodenext',
].map(parseCell);

/** @param text the values of a cell in the order of the axes, each with a space between */
function parseCell(text) {
  const values = text.split(' ');
  return Object.fromEntries(Object.keys(axes).map((axis, index) => [axis, values[index]]));
}

export const nameOf = (cell) => Object.values(cell).join(' ');
