/** `npm run test:mutation`: every small change of the code has to make one of its tests fail. */
export default {
  // Not what speaks to Redis: its tests start servers, and would take a quarter of a minute for each mutant. Nor is Lua mutated.
  mutate: [
    'libs/refresh-auth/src/{tokens,store,revocation,sessions,http,contexts,options}/**/*.ts',
    '!**/*.spec.ts',
    '!**/store/redis/*.ts',
  ],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: { configFile: 'tools/scripts/mutation/jest.config.mjs' },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // Every run leaves its modules behind in the process: after some hundred, it does little else than collect garbage.
  maxTestRunnerReuse: 60,
  timeoutMS: 15_000,
  thresholds: { high: 95, low: 90, break: 90 },
  incremental: true,
  incrementalFile: 'reports/mutation/incremental.json',
  jsonReporter: { fileName: 'reports/mutation/mutation.json' },
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, reportTests: false },
  ignorePatterns: ['dist', 'docs', 'tools/{bench,matrix,soak}', 'coverage', 'reports'],
  tempDirName: '.stryker',
};
