import { posix } from 'node:path';
import Sequencer from '@jest/test-sequencer';

/** Files whose behaviour is tested in the specs of others, beside their own: by name, without endings. */
const ALSO_TESTED_IN = {
  authenticator: ['events', 'claims-reloader'],
  breaker: ['store-access'],
  claims: ['deep-claims', 'verifying'],
  compact: ['verifying', 'spellings'],
  'cookie-identity': ['cookie-options', 'cookie-lines'],
  'cookie-values': ['credentials'],
  deadline: ['store-access', 'claims-reloader'],
  'expiring-map': ['in-memory-session-store'],
  'latest-tokens': ['rotation'],
  'request-notes': ['request-state'],
  'known-revocations': ['revocation-log', 'revocations'],
  revocations: ['authenticator', 'events', 'sign-ins'],
  rotation: ['shared-rotation', 'latest-tokens', 'authenticator', 'claims-reloader', 'tracked-sessions'],
  'session-store': ['store-access'],
  'store-access': ['authenticator'],
  'token-size': ['delivery'],
};

/**
 * Nearly every spec imports nearly every file, and loading them all costs half a minute for each of some two thousand mutants. So a mutant
 * has to die by the specs of its own file; Jest cannot stop at the first failure here, and needs no others.
 */
export default class OwnSpecs extends Sequencer {
  #mutated;

  constructor(options) {
    super(options);
    const { findRelatedTests, nonFlagArgs } = options.globalConfig;
    if (findRelatedTests && process.env['__STRYKER_ACTIVE_MUTANT__'] !== undefined) this.#mutated = nonFlagArgs;
  }

  sort(tests) {
    const own = this.#mutated
      ?.map((file) => posix.basename(file, '.ts'))
      .flatMap((name) => [name, ...(ALSO_TESTED_IN[name] ?? [])]);
    return super.sort(own ? tests.filter(({ path }) => own.includes(posix.basename(path, '.spec.ts'))) : tests);
  }
}
