/** All packages of NestJS in one version; those that do not exist in it, or cannot be installed beside it, in the nearest. */
function nest(version, others = {}) {
  const names = ['common', 'core', 'platform-express', 'platform-fastify'];
  return Object.fromEntries(names.map((name) => [`@nestjs/${name}`, others[name] ?? version]));
}

/** The packages of an application with sockets, microservices and GraphQL, beside those of NestJS. */
const contexts = {
  'socket.io-client': '4.8.4',
  ws: '8.22.0',
  '@types/ws': '8.18.2',
  '@apollo/server': '5.5.1',
  '@as-integrations/express5': '1.1.2',
  graphql: '16.15.0',
  mercurius: '16.9.0',
};

/**
 * Sets of peers, from the lowest that `peerDependencies` allows up to where the other cells begin. Each lowest version is in one of them, and
 * the last of NestJS that drops a guard without a word.
 */
export const peerSets = {
  'nest-11.0.0': {
    ...nest('11.0.0', { 'platform-fastify': '11.0.3' }),
    '@nestjs/jwt': '11.0.0',
    '@nestjs/terminus': '11.0.0',
    ioredis: '5.2.5',
    'reflect-metadata': '0.2.0',
    rxjs: '7.8.0',
  },
  'nest-11.0.21': {
    ...nest('11.0.21'),
    '@nestjs/jwt': '11.0.0',
    '@nestjs/terminus': '11.0.0',
    ioredis: '5.3.2',
    'reflect-metadata': '0.2.1',
    rxjs: '7.8.1',
  },
  'nest-11.1.14': {
    ...nest('11.1.14'),
    '@nestjs/jwt': '11.0.1',
    '@nestjs/terminus': '11.1.0',
    ioredis: '5.4.2',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.1',
  },
  'nest-11.2.7': {
    ...nest('11.2.7', { 'platform-fastify': '11.2.6' }),
    '@nestjs/jwt': '11.0.2',
    '@nestjs/terminus': '11.1.1',
    ioredis: '6.0.0',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.2',
  },
  'nest-12.0.1': {
    ...nest('12.0.1'),
    '@nestjs/jwt': '12.0.1',
    '@nestjs/terminus': '12.0.0',
    ioredis: '5.2.5',
    'reflect-metadata': '0.2.0',
    rxjs: '7.8.0',
  },
  'nest-12.0.4': {
    ...nest('12.0.4'),
    '@nestjs/jwt': '12.0.1',
    '@nestjs/terminus': '12.0.0',
    ioredis: '5.6.1',
    'reflect-metadata': '0.2.1',
    rxjs: '7.8.1',
  },
  'nest-12.1.2': {
    ...nest('12.1.2', { 'platform-express': '12.1.1', 'platform-fastify': '12.1.1' }),
    '@nestjs/jwt': '12.0.2',
    '@nestjs/terminus': '12.1.0',
    ioredis: '5.8.2',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.2',
  },
  'nest-11-contexts': {
    // The drivers of GraphQL do not accept 11.0.0.
    ...nest('11.0.1', { 'platform-fastify': '11.0.3' }),
    '@nestjs/jwt': '11.0.0',
    '@nestjs/terminus': '11.0.0',
    '@nestjs/microservices': '11.0.0',
    '@nestjs/websockets': '11.0.0',
    '@nestjs/platform-socket.io': '11.0.6',
    '@nestjs/platform-ws': '11.0.5',
    '@nestjs/graphql': '13.4.5',
    '@nestjs/apollo': '13.4.5',
    '@nestjs/mercurius': '13.4.5',
    ...contexts,
    ioredis: '5.11.1',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.2',
  },
  'nest-12-contexts': {
    ...nest('12.0.1'),
    '@nestjs/jwt': '12.0.1',
    '@nestjs/terminus': '12.0.0',
    '@nestjs/microservices': '12.0.1',
    '@nestjs/websockets': '12.0.1',
    '@nestjs/platform-socket.io': '12.0.1',
    '@nestjs/platform-ws': '12.0.1',
    '@nestjs/graphql': '14.0.3',
    '@nestjs/apollo': '14.0.3',
    '@nestjs/mercurius': '14.0.0',
    ...contexts,
    ioredis: '5.11.1',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.2',
  },
};

/** Has the optional packages of NestJS for sockets, microservices and GraphQL. All other cells have none of them. */
export const hasContexts = ({ peers }) => peers?.endsWith('-contexts') ?? false;

/** Each is built, and booted on both adapters, on the lowest Node that is supported. Test runners have no part in it. */
export const peerCells = Object.keys(peerSets).flatMap((peers) =>
  ['express', 'fastify'].map((adapter) => ({
    peers,
    application: peers.startsWith('nest-11') ? 'nest-11-cjs' : 'nest-12-esm',
    adapter,
    node: 'node-20.19',
    typescript: 'typescript-5.9',
    modules: 'nodenext',
  })),
);
