import base from '../../../jest.config.mjs';

const SLOW = ['/signing-many.spec.ts'];

/** The tests beside the code, and few of them for each mutant: see the sequencer. */
export default {
  ...base,
  rootDir: '../../..',
  testMatch: ['<rootDir>/libs/refresh-auth/src/{tokens,store,revocation,sessions,http,contexts,options}/**/*.spec.ts'],
  testPathIgnorePatterns: [...base.testPathIgnorePatterns, ...SLOW],
  testSequencer: '<rootDir>/tools/scripts/mutation/own-specs.mjs',
};
