// Jest runs in ESM mode because NestJS 12 is ESM only, and its `require()` from Jest needs Node >= 24.9.
export default {
  testEnvironment: 'node',
  testMatch: [
    '<rootDir>/libs/**/*.spec.ts',
    '<rootDir>/apps/**/*.spec.ts',
    '<rootDir>/test/**/*.spec.ts',
    '<rootDir>/test/**/*.e2e-spec.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/.stryker/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-refresh-auth$': '<rootDir>/libs/refresh-auth/src/index.ts',
    '^nestjs-refresh-auth/(.*)$': '<rootDir>/libs/refresh-auth/src/$1/index.ts',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
  // The end-to-end tests start servers of their own; more workers than this only make them wait for each other.
  maxWorkers: 2,
  // Modules of suites that have ended stay in memory in ESM mode: a worker that has grown is replaced.
  workerIdleMemoryLimit: '1GB',
  testTimeout: 30_000,
  setupFilesAfterEnv: ['<rootDir>/test/support/leak-watch.setup.ts'],
};
