import type { SessionSettings } from '../sessions/sign-ins.js';
import type { Lifetimes, OwnLimits } from '../tokens/token-times.js';
import type { Duration } from './duration.js';
import { OptionReader } from './option-reader.js';

/** Limits and facts of one session. All are optional. */
export interface IssueOptions {
  /**
   * How long its tokens are valid: not longer than the module's. For example, short for administrators. Kept by all successors.
   * @default the module's
   */
  expiresIn?: Duration | undefined;
  /**
   * How long its tokens can be refreshed: longer than they are valid, and not longer than the module's. For example, short for a user who did
   * not tick "remember me". Kept by all successors. @default the module's
   */
  refreshWindow?: Duration | undefined;
  /** How long it can last: not longer than the module's. Kept by all successors. @default the module's */
  sessionLifetime?: Duration | undefined;
  /** A name by which the user recognizes it in a list: at most 200 characters. Kept only with `sessions: 'tracked'`. @default none */
  device?: string | undefined;
}

const LONGEST_DEVICE = 200;

/**
 * Reads the options of a sign-in.
 *
 * @param call the method that they were given to
 * @throws RefreshAuthOptionsError
 */
export function readIssueOptions(call: 'signIn' | 'issue', given: unknown, lifetimes: Lifetimes): SessionSettings {
  const names = ['expiresIn', 'refreshWindow', 'sessionLifetime', 'device'] as const;
  const { expiresIn, refreshWindow, sessionLifetime, device } = new OptionReader(given, '', call).object(names);
  const limits = {
    ...(expiresIn.isGiven && { expires_in: readLimit(expiresIn, lifetimes.expiresIn) }),
    ...(refreshWindow.isGiven && { refresh_window: readLimit(refreshWindow, lifetimes.refreshWindow) }),
    ...(sessionLifetime.isGiven && { session_lifetime: readLimit(sessionLifetime, lifetimes.sessionLifetime) }),
  };
  checkWindow(refreshWindow, limits, lifetimes);
  return { limits, device: readDevice(device) };
}

function readLimit(option: OptionReader, most: number): number {
  const seconds = option.seconds();
  if (seconds <= most) return seconds;
  return option.fail(`is ${seconds} s, longer than the module's ${most} s`, 'Write a shorter one, or leave it out.');
}

function checkWindow(option: OptionReader, { expires_in, refresh_window }: OwnLimits, { expiresIn }: Lifetimes): void {
  const valid = expires_in ?? expiresIn;
  if (refresh_window === undefined || refresh_window > valid) return;
  option.fail(
    `is ${refresh_window} s, not longer than expiresIn (${valid} s)`,
    'Write a longer one: both count from `iat`.',
  );
}

function readDevice(option: OptionReader): string | undefined {
  const { value } = option;
  if (value === undefined || (typeof value === 'string' && value.length <= LONGEST_DEVICE)) return value;
  return option.fail(
    `is not a string of at most ${LONGEST_DEVICE} characters`,
    'Write a shorter one, or leave it out.',
  );
}
