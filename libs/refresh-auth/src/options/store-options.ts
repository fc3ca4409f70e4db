import { moduleTitle } from '../errors/module-title.js';
import { canPush } from '../revocation/revocation-log.js';
import { canList } from '../sessions/tracked-sessions.js';
import type { SessionStore } from '../store/session-store.js';
import { OptionReader } from './option-reader.js';
import type { RefreshAuthSettings } from './refresh-auth-options.js';

/**
 * Checks that a store can do what the options ask of it.
 *
 * @throws RefreshAuthOptionsError
 */
export function checkStore(
  store: SessionStore,
  { name, revocation, tracked }: Pick<RefreshAuthSettings, 'name' | 'revocation' | 'tracked'>,
): void {
  const option = (path: string): OptionReader => new OptionReader(undefined, path, moduleTitle(name));
  if (revocation === 'pushed' && !canPush(store)) {
    option('revocation').fail(
      "is 'pushed' (the default), and the store cannot push",
      "Write 'every-request', or implement revocationsAfter and onRevocation.",
    );
  }
  if (tracked && !canList(store)) {
    option('sessions').fail(
      "is 'tracked', and the store cannot list sessions",
      "Write 'untracked', or implement listedSessions, replaceDetails, and `details` and `currentSeal` of rotate.",
    );
  }
}
