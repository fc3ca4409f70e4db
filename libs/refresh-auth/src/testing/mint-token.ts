import type { INestApplicationContext } from '@nestjs/common';
import { RefreshAuthCore } from '../refresh-auth.core.js';
import type { Inspection } from '../sessions/authenticator.js';
import type { IssuedToken, OwnClaims, SignedClaims } from '../tokens/claims.js';
import { milliseconds } from './milliseconds.js';

/** Options of {@link mintToken}. */
export interface MintOptions {
  /** The state that the guard is going to find. @default 'valid' */
  state?: Inspection['state'] | undefined;
  /**
   * How long ago the token was signed: milliseconds, or a string with a unit such as `'20m'`.
   * @default for `'valid'` 0, for `'refreshable'` and `'already-refreshed'` the option `expiresIn`, for `'dead'` the option `refreshWindow`
   */
  age?: number | string | undefined;
  /** The name of the module that is going to accept the token. @default the module without a name */
  module?: string | undefined;
}

/**
 * Signs a user in at some time in the past and returns the token. Use it to test how an application treats each of the four states. An
 * `'already-refreshed'` token has really been refreshed.
 *
 * @param app the application or testing module, after it was initialized
 * @param claims `sub`, and any other claims that the application signs
 * @throws RangeError if a token of this age has another state with the options of the module, or if the token is longer than 8,192 bytes
 * @throws TypeError if claims or age are wrong, or if no module has the name
 */
export async function mintToken<C extends OwnClaims>(
  app: Pick<INestApplicationContext, 'get'>,
  claims: C,
  { state = 'valid', age, module }: MintOptions = {},
): Promise<IssuedToken<SignedClaims<object, C>>> {
  const core = coreOf(app, module);
  const issued = await signInOf(age === undefined ? defaultAge(core, state) : milliseconds(age), core, claims);
  if (state === 'already-refreshed')
    await core.authenticator.authenticate(issued.token, 'refresh', { waited: 0, isUse: false });
  const found = await core.authenticator.inspect(issued.token);
  if (found.state !== state) {
    const { expiresIn, refreshWindow, clockTolerance } = core.settings.lifetimes;
    throw new RangeError(
      `A token of age ${age} is not ${state} but ${found.state}: expiresIn is ${expiresIn} s, refreshWindow ${refreshWindow} s, clockTolerance ${clockTolerance} s`,
    );
  }
  return issued as unknown as IssuedToken<SignedClaims<object, C>>;
}

function coreOf(app: Pick<INestApplicationContext, 'get'>, module: string | undefined): RefreshAuthCore {
  const cores = app.get<unknown, RefreshAuthCore>(RefreshAuthCore, { strict: false, each: true });
  const core = cores.find(({ settings }) => settings.name === module);
  if (!core) throw new TypeError(`mintToken: there is no RefreshAuthModule with the name ${module}`);
  return core;
}

/** Returns the lowest age of a token in this state, in milliseconds. */
function defaultAge({ settings: { lifetimes } }: RefreshAuthCore, state: Inspection['state']): number {
  const { expiresIn, refreshWindow, clockTolerance } = lifetimes;
  if (state === 'valid') return 0;
  return 1000 * (clockTolerance + (state === 'dead' ? refreshWindow : expiresIn));
}

/** Signs the user in as the module itself would have done at that time. */
async function signInOf(
  age: number,
  { settings, store, clock }: RefreshAuthCore,
  claims: object,
): Promise<IssuedToken> {
  const then = { now: () => clock.now() - age, monotonic: () => clock.monotonic() };
  return new RefreshAuthCore(settings, store, then).signIns.start(claims, {});
}
