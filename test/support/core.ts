import { RefreshAuthError } from '../../libs/refresh-auth/src/errors/refresh-auth-error.js';
import { InMemorySessionStore } from '../../libs/refresh-auth/src/store/in-memory-session-store.js';
import { CORE } from '../../libs/refresh-auth/src/injected-core.js';
import { RefreshAuthCore } from '../../libs/refresh-auth/src/refresh-auth.core.js';
import { RefreshAuthService } from '../../libs/refresh-auth/src/refresh-auth.service.js';
import type { UserClaims } from '../../libs/refresh-auth/src/tokens/user-claims.js';
import { type RefreshAuthOptions, resolveOptions } from '../../libs/refresh-auth/src/options/refresh-auth-options.js';
import type { Authentication, ExpiredHandling } from '../../libs/refresh-auth/src/sessions/authenticator.js';
import type { Presentation } from '../../libs/refresh-auth/src/sessions/rotation.js';
import type { RefreshAuthEvent } from '../../libs/refresh-auth/src/events/events.js';
import type { SessionStore } from '../../libs/refresh-auth/src/store/session-store.js';
import { checkOwnClaims, type IssuedToken } from '../../libs/refresh-auth/src/tokens/claims.js';
import type { Clock } from '../../libs/refresh-auth/src/tokens/clock.js';
import { TestClock } from './clock.js';
import { type InterceptedStore, interceptedStore } from './intercepted-store.js';
import { inspectOutput, watchOutFor } from './leak-watch.js';

export const TEST_SECRET = watchOutFor('O0_9vyqyaA2SllwN1jPIjiFM7GE_y0YCYrkoe2zgdT4vdytY');

/** In seconds. */
export const EXPIRES_IN = 60;
export const REFRESH_WINDOW = 600;
export const SESSION_LIFETIME = 3600;

/** Everything of the library but HTTP and Nest: one process, as far as tokens and sessions go. */
export function makeCore(
  options: RefreshAuthOptions = {},
  { clock = new TestClock(), store = new InMemorySessionStore(clock) }: { store?: SessionStore; clock?: Clock } = {},
): RefreshAuthCore {
  const settings = resolveOptions({
    ...(options.keys ? {} : { secret: TEST_SECRET }),
    expiresIn: EXPIRES_IN,
    refreshWindow: REFRESH_WINDOW,
    sessionLifetime: SESSION_LIFETIME,
    ...options,
  });
  return new RefreshAuthCore(settings, store, clock);
}

/** Two processes of one application, their store, and a clock, all controlled by the test. */
export interface Stage {
  readonly clock: TestClock;
  readonly store: InterceptedStore;
  readonly core: RefreshAuthCore;
  readonly elsewhere: RefreshAuthCore;
}

export function setUp(options: RefreshAuthOptions = {}): Stage {
  const clock = new TestClock();
  const store = interceptedStore(clock);
  const [core, elsewhere] = [makeCore(options, { store, clock }), makeCore(options, { store, clock })];
  return { clock, store, core, elsewhere };
}

/** Returns the service of a core that NestJS did not create. */
export function serviceOf<TClaims extends object = UserClaims>(core: RefreshAuthCore): RefreshAuthService<TClaims> {
  return Object.assign(new RefreshAuthService<TClaims>(), { [CORE]: core });
}

/** Returns the first token of a new session, of a user without a cutoff. */
export function issue(core: RefreshAuthCore, claims: object = { sub: '1' }): IssuedToken {
  return core.signer.first(checkOwnClaims(claims), 0);
}

/** The presentation of a token by a client whose request has just arrived. */
export const AT_ONCE: Presentation = { waited: 0, isUse: true };

/** Does what the guard does with a token. */
export async function authenticate(
  core: RefreshAuthCore,
  token: string,
  { expired = 'refresh', ...presentation }: Partial<Presentation> & { expired?: ExpiredHandling } = {},
): Promise<Authentication> {
  const isUse = presentation.isUse ?? true;
  const known = core.authenticator.acceptKnown(token, isUse);
  return known ?? core.authenticator.authenticate(token, expired, { ...AT_ONCE, ...presentation });
}

export const never = <T>(): Promise<T> => new Promise(() => undefined);

/** Resolves to true if an attempt is over before another process has waited twice in a row for a store that hangs. */
export async function waitsOnce(attempt: Promise<unknown>, storeTimeout: string): Promise<boolean> {
  const store = new InMemorySessionStore();
  store.userCutoff = never;
  const other = makeCore({ storeTimeout }, { store });
  const twice = other.storeFailure().then(() => other.storeFailure());
  return Promise.race([
    attempt.then(
      () => true,
      () => true,
    ),
    twice.then(() => false),
  ]);
}

/** Everything that the core reports from now on, in order. */
export function recordEvents(core: RefreshAuthCore): RefreshAuthEvent[] {
  const events: RefreshAuthEvent[] = [];
  core.events.observable.subscribe((event) => {
    inspectOutput('event', event);
    events.push(event);
  });
  return events;
}

/** All that a refusal says, to be compared as a whole. Whatever else is thrown goes through, and fails the test. */
export async function refusal(attempt: Promise<unknown>): Promise<object> {
  const error = await attempt.then(
    (answer) => new Error(`Was not refused: ${JSON.stringify(answer)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof RefreshAuthError)) throw error;
  inspectOutput('refusal', error);
  const { code, statusCode, message, detail } = error;
  return { code, statusCode, message, ...(detail === undefined ? {} : { detail }) };
}
