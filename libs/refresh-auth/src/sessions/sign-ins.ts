import { checkOwnClaims, type IssuedToken } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { type Duration, parseSeconds } from '../tokens/duration.js';
import type { Lifetimes, OwnLimits } from '../tokens/lifetimes.js';
import type { TokenSigner } from '../tokens/signing.js';
import type { Revocations } from './revocations.js';
import type { TrackedSessions } from './tracked-sessions.js';

/** What one session has of its own. */
export interface SignInOptions {
  /** Not longer than the module's, as for sessions that may do more. Kept by all successors. */
  expiresIn?: Duration | undefined;
  /** Not longer than the module's, longer than how long its tokens are valid: as for a user who did not tick "remember me". Kept by all successors. */
  refreshWindow?: Duration | undefined;
  /** Not longer than the module's. Kept by all successors. */
  sessionLifetime?: Duration | undefined;
  /** How the user knows this session again in a list, in at most 200 characters. Kept only with `sessions: 'tracked'`. */
  device?: string | undefined;
}

const LONGEST_DEVICE = 200;

/** Starts sessions. */
export class SignIns {
  constructor(
    private readonly signer: TokenSigner,
    private readonly revocations: Revocations,
    private readonly tracked: TrackedSessions | undefined,
    private readonly clock: Clock,
    private readonly lifetimes: Lifetimes,
  ) {}

  /**
   * Mints the first token of a session. Writes nothing, unless sessions are tracked.
   *
   * @param check throws if the token is of no use, before a record begins
   * @throws TypeError when claims or options are wrong; RefreshAuthError `store_unavailable` when a tracked session could not begin
   */
  async start(claims: object, options: SignInOptions, check?: (issued: IssuedToken) => void): Promise<IssuedToken> {
    const own = checkOwnClaims(claims);
    const limits = this.#limits(options);
    checkDevice(options);
    const issued = this.signer.first(own, await this.revocations.markFor(own.sub, this.clock.now()), limits);
    check?.(issued);
    await this.tracked?.begin(issued, options.device);
    return issued;
  }

  #limits({ expiresIn, refreshWindow, sessionLifetime }: SignInOptions): OwnLimits {
    const limits: OwnLimits = {
      ...(expiresIn === undefined ? {} : { expires_in: this.#limit('expiresIn', expiresIn) }),
      ...(refreshWindow === undefined ? {} : { refresh_window: this.#limit('refreshWindow', refreshWindow) }),
      ...(sessionLifetime === undefined ? {} : { session_lifetime: this.#limit('sessionLifetime', sessionLifetime) }),
    };
    this.#checkWindow(limits);
    return limits;
  }

  #limit(option: 'expiresIn' | 'refreshWindow' | 'sessionLifetime', value: Duration): number {
    const seconds = parseSeconds(option, value);
    const most = this.lifetimes[option];
    if (seconds > most) throw new TypeError(`signIn: ${option} is ${seconds} s, longer than the module's ${most} s`);
    return seconds;
  }

  #checkWindow({ expires_in = this.lifetimes.expiresIn, refresh_window }: OwnLimits): void {
    if (refresh_window !== undefined && refresh_window <= expires_in) {
      throw new TypeError(`signIn: refreshWindow is ${refresh_window} s, not longer than expiresIn (${expires_in} s)`);
    }
  }
}

function checkDevice({ device }: SignInOptions): void {
  if (device !== undefined && (typeof device !== 'string' || device.length > LONGEST_DEVICE)) {
    throw new TypeError(`signIn: device is not a string of at most ${LONGEST_DEVICE} characters`);
  }
}
