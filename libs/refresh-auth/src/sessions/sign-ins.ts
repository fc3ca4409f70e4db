import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { checkOwnClaims, type IssuedToken } from '../tokens/claims.js';
import { checkLength } from '../tokens/compact.js';
import { type Duration, parseSeconds } from '../tokens/duration.js';
import type { Lifetimes, OwnLimits } from '../tokens/lifetimes.js';
import type { TokenSigner } from '../tokens/signing.js';
import type { Revocations, TimesOfToken } from '../revocation/revocations.js';
import type { Ask, StoreAccess } from '../store/store-access.js';
import type { TrackedSessions } from './tracked-sessions.js';

/** Limits and facts of one session. All are optional. */
export interface IssueOptions {
  /** At most the module's `expiresIn`: shorter for sessions with more rights, for example. Successors keep it. */
  expiresIn?: Duration | undefined;
  /** At most the module's `refreshWindow`, and longer than `expiresIn`: shorter for users who did not tick "remember me". Successors keep it. */
  refreshWindow?: Duration | undefined;
  /** At most the module's `sessionLifetime`. Successors keep it. */
  sessionLifetime?: Duration | undefined;
  /** A name by which the user recognizes the session in a list, of at most 200 characters. Kept only with `sessions: 'tracked'`. */
  device?: string | undefined;
}

type ReplacedSession = TimesOfToken & { readonly sid: string };

/** Connects a sign-in with the client that it is for. */
export interface SignInClient {
  /** Throws if the client could not use the token. Called before anything is written. */
  check?(issued: IssuedToken): void;
  /** Receives the first token. */
  receive?(issued: IssuedToken): void;
  /** A token of each session that the client presented and that the new one replaces. */
  readonly replaced?: readonly ReplacedSession[];
}

const LONGEST_DEVICE = 200;

/** Starts sessions. */
export class SignIns {
  constructor(
    private readonly access: StoreAccess,
    private readonly signer: TokenSigner,
    private readonly revocations: Revocations,
    private readonly tracked: TrackedSessions | undefined,
    private readonly lifetimes: Lifetimes,
  ) {}

  /**
   * Mints the first token of a session. Writes nothing, unless sessions are tracked or replaced.
   *
   * @throws TypeError when claims or options are wrong; RangeError when the token is too long; RefreshAuthError `store_unavailable` when a
   *   tracked session could not begin, `session_revoked` when all sessions of the user were ended at the same moment
   */
  async start(claims: object, options: IssueOptions, client: SignInClient = {}): Promise<IssuedToken> {
    const own = checkOwnClaims(claims);
    const limits = this.#limits(options);
    checkDevice(options);
    // One deadline for all that a sign-in asks.
    const ask = this.access.begin();
    const mint = (rev: number): IssuedToken => {
      const issued = this.signer.first(own, rev, limits);
      checkLength(issued.token);
      client.check?.(issued);
      return issued;
    };
    const issued = this.tracked
      ? await this.#begin(this.tracked, mint, own.sub, options.device, ask)
      : mint(await this.revocations.cutoffFor(own.sub, ask));
    client.receive?.(issued);
    // Not before: whoever cannot be handed the new one keeps the old one.
    await Promise.all(client.replaced?.map((session) => this.revocations.replaceSession(session, ask)) ?? []);
    // All sessions of the user may have been ended meanwhile, this one among them.
    if (this.revocations.ends(issued.claims)) throw new RefreshAuthError('session_revoked');
    return issued;
  }

  /** The record of the session begins with its first token; the store says if the user's sessions were ended, which costs a second one. */
  async #begin(
    tracked: TrackedSessions,
    mint: (rev: number) => IssuedToken,
    sub: string,
    device: string | undefined,
    ask: Ask,
  ): Promise<IssuedToken> {
    const first = mint(this.revocations.knownCutoff(sub));
    const cutoff = await tracked.begin(first, device, ask);
    if (cutoff === undefined) return first;
    const second = mint(cutoff);
    if ((await tracked.begin(second, device, ask)) === undefined) return second;
    // Its user's sessions were ended once more meanwhile.
    throw new RefreshAuthError('session_revoked');
  }

  #limits({ expiresIn, refreshWindow, sessionLifetime }: IssueOptions): OwnLimits {
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

function checkDevice({ device }: IssueOptions): void {
  if (device !== undefined && (typeof device !== 'string' || device.length > LONGEST_DEVICE)) {
    throw new TypeError(`signIn: device is not a string of at most ${LONGEST_DEVICE} characters`);
  }
}
