import type { INestApplicationContext } from '@nestjs/common';
import { RefreshAuthCore } from '../refresh-auth.core.js';
import type { Inspection } from '../sessions/authenticator.js';
import type { IssuedToken, OwnClaims, SignedClaims } from '../tokens/claims.js';
import { milliseconds } from './milliseconds.js';

/** Which token a test wants. */
export interface MintOptions {
  /** What the guard will find. @default 'valid' */
  state?: Inspection['state'] | undefined;
  /**
   * How long ago it was signed: milliseconds, or a string with a unit such as `'20m'`.
   * @default for `'valid'` 0, for `'refreshable'` and `'already-refreshed'` the option `expiresIn`, for `'dead'` the option `refreshWindow`
   */
  age?: number | string | undefined;
  /** The name of the module that is to accept it. @default the module without a name */
  module?: string | undefined;
}

/**
 * Signs a user in, some time ago, and gives the token: for tests of how an application treats each of the four states. An
 * `'already-refreshed'` one has really been refreshed.
 *
 * @param app the application or testing module, after it was initialized
 * @param claims `sub`, and whatever else the application signs
 * @throws RangeError when a token of this age has another state, by the options of the module, or the token is longer than 8,192 bytes;
 *   TypeError when claims or age are wrong, or no module has the name
 */
export async function mintToken<C extends OwnClaims>(
  app: Pick<INestApplicationContext, 'get'>,
  claims: C,
  { state = 'valid', age, module }: MintOptions = {},
): Promise<IssuedToken<SignedClaims<object, C>>> {
  const core = coreOf(app, module);
  const issued = await signInOf(age === undefined ? defaultAge(core, state) : milliseconds(age), core, claims);
  if (state === 'already-refreshed') await core.authenticator.authenticate(issued.token, true);
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
  const core = cores.find(({ name }) => name === module);
  if (!core) throw new TypeError(`mintToken: there is no RefreshAuthModule with the name ${module}`);
  return core;
}

/** As young as a token of this state can be. */
function defaultAge({ settings: { lifetimes } }: RefreshAuthCore, state: Inspection['state']): number {
  const { expiresIn, refreshWindow, clockTolerance } = lifetimes;
  if (state === 'valid') return 0;
  return 1000 * (clockTolerance + (state === 'dead' ? refreshWindow : expiresIn));
}

/** As the module itself would have done it then. */
async function signInOf(
  age: number,
  { settings, store, clock }: RefreshAuthCore,
  claims: object,
): Promise<IssuedToken> {
  const then = { now: () => clock.now() - age, monotonic: () => clock.monotonic() };
  return new RefreshAuthCore(settings, store, then).signIns.start(claims, {});
}
