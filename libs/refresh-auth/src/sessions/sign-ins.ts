import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import { checkOwnClaims, type IssuedToken } from '../tokens/claims.js';
import { checkLength } from '../tokens/compact.js';
import type { OwnLimits } from '../tokens/token-times.js';
import type { TokenSigner } from '../tokens/signing.js';
import type { Revocations, TokenOfSession } from '../revocation/revocations.js';
import type { Ask, StoreAccess } from '../store/store-access.js';
import type { TrackedSessions } from './tracked-sessions.js';

/** Limits and facts of one session. */
export interface SessionSettings {
  /** Claims that all its tokens carry. */
  readonly limits?: OwnLimits | undefined;
  /** A name by which the user recognizes the session in a list. */
  readonly device?: string | undefined;
}

/** Connects a sign-in with the client that it is for. */
export interface SignInClient {
  /** Throws if the client could not use the token. Called before anything is written. */
  check?(issued: IssuedToken): void;
  /** Receives the first token. */
  receive?(issued: IssuedToken): void;
  /** A token of each session that the client presented and that the new one replaces. */
  readonly replaced?: readonly TokenOfSession[];
}

/** Starts sessions. */
export class SignIns {
  constructor(
    private readonly access: StoreAccess,
    private readonly signer: TokenSigner,
    private readonly revocations: Revocations,
    private readonly tracked: TrackedSessions | undefined,
  ) {}

  /**
   * Mints the first token of a session. Writes nothing, unless sessions are tracked or replaced.
   *
   * @throws TypeError when claims are wrong; RangeError when the token is too long; RefreshAuthError `store_unavailable` when a
   *   tracked session could not begin, `session_revoked` when all sessions of the user were ended at the same moment
   */
  async start(claims: object, { limits, device }: SessionSettings, client: SignInClient = {}): Promise<IssuedToken> {
    const own = checkOwnClaims(claims);
    // One deadline for all questions of a sign-in.
    const ask = this.access.begin();
    const mint = (rev: number): IssuedToken => {
      const issued = this.signer.first(own, rev, limits);
      checkLength(issued.token);
      client.check?.(issued);
      return issued;
    };
    const issued = this.tracked
      ? await this.#begin(this.tracked, mint, own.sub, device, ask)
      : mint(await this.revocations.cutoffFor(own.sub, ask));
    client.receive?.(issued);
    // Only now: a client that cannot receive the new session keeps the old one.
    await Promise.all(client.replaced?.map((session) => this.revocations.replaceSession(session, ask)) ?? []);
    // All sessions of the user may have been ended meanwhile, this one among them.
    if (this.revocations.ends(issued.claims)) throw new RefreshAuthError('session_revoked');
    return issued;
  }

  /** Begins the record of the session with its first token. If the store has a higher cutoff of the user, mints the token once more with it. */
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
    // The user's sessions were ended again meanwhile.
    throw new RefreshAuthError('session_revoked');
  }
}
