import { moduleTitle } from '../errors/module-title.js';
import { type Cookie, cookieNames } from '../http/cookie.js';
import { OptionReader } from './option-reader.js';
import type { RefreshAuthSettings } from './refresh-auth-options.js';

/**
 * Checks that two modules of one application tell their sessions apart.
 *
 * @throws RefreshAuthOptionsError
 */
export function checkDistinct(one: RefreshAuthSettings, other: RefreshAuthSettings): void {
  const option = (path: string): OptionReader => new OptionReader(undefined, path, moduleTitle(one.name));
  const its = other.name === undefined ? 'the module without a name' : `module '${other.name}'`;
  if (one.name === other.name) {
    option('name').fail(
      `is that of ${its}`,
      'Give each RefreshAuthModule of the application a name of its own; one may have none.',
    );
  }
  checkDistinctCookies(one.delivery.cookie, other.delivery.cookie, option, its);
  if (one.store !== undefined && one.store === other.store) {
    option('store').fail(
      `is that of ${its}`,
      'Give each a store of its own: a user of one may have the id of a user of the other.',
    );
  }
  if (one.keyPrefix === other.keyPrefix)
    option('keyPrefix').fail(`is that of ${its}`, 'Write another one, or leave it out.');
  const sharesKey = one.keys.all.some((key) =>
    other.keys.all.some(({ verifyingKey }) => key.verifyingKey.equals(verifyingKey)),
  );
  const { audience } = one.parties;
  if (
    sharesKey &&
    (audience === undefined || other.parties.audience === undefined || audience === other.parties.audience)
  ) {
    option('audience').fail(
      `does not differ from that of ${its}, and both verify with the same key`,
      'Give each an audience, or a secret of its own.',
    );
  }
}

/** A module that reads the cookies of another one would also remove them. */
function checkDistinctCookies(
  one: Cookie | undefined,
  other: Cookie | undefined,
  option: (path: string) => OptionReader,
  its: string,
): void {
  if (one && one.name === other?.name) {
    option('delivery.cookie.name').fail(
      `is that of ${its}`,
      "Write another one, such as delivery: { cookie: { name: '__Host-admin' } }.",
    );
  }
  const names = cookieNames(other);
  const shared = cookieNames(one).find((name) => names.includes(name));
  if (shared !== undefined) {
    option('delivery.cookie.previous').fail(
      `has the name \`${shared}\`, and so has that of ${its}`,
      'Leave it out of one of them: a module reads and removes only cookies of its own.',
    );
  }
}
