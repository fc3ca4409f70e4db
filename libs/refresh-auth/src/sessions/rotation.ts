import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { Clock } from '../tokens/clock.js';
import { effectiveTimes, type Lifetimes, retention, timeState } from '../tokens/lifetimes.js';
import type { TokenSigner } from '../tokens/signing.js';
import type { ClaimsReloader } from './claims-reloader.js';
import type { Events } from '../events/events.js';
import type { LatestToken, LatestTokens } from './latest-tokens.js';
import type { Revocations } from '../revocation/revocations.js';
import type {
  ReuseRule,
  RotationAnswer,
  RotationRequest,
  SealedToken,
  SessionOfToken,
  SessionStore,
} from '../store/session-store.js';
import { type Ask, type StoreAccess, StoreOutage } from '../store/store-access.js';
import type { TrackedSessions } from './tracked-sessions.js';

/** What an expired token is exchanged for. */
export interface Rotated {
  /** `refreshable` for the one request that refreshed the token, `already-refreshed` for all others. */
  readonly state: 'refreshable' | 'already-refreshed';
  readonly refreshed: IssuedToken;
}

/** For how long a superseded token is handed over, and what happens after: the option `reuseDetection`, in milliseconds. `undefined`: the refresh window. */
export type ReusePolicy = { readonly grace: number; readonly onReuse: 'revoke' | 'reject' } | undefined;

/** The successor that is offered: made from whose claims, to replace which generation. */
interface Offer {
  readonly from: TokenClaims;
  readonly generation: number;
  readonly refused?: Uint8Array;
}

/** The latest token expires while we look, or a newer one appears: three calls see the end of any such race, or something is wrong. */
const MOST_CALLS = 3;

/** Exchanges tokens: one winner per generation in all processes, and the same successor for everybody. */
export class Rotation {
  /** Rotations under way in this process, by the generation and session that was presented. */
  readonly #underway = new Map<string, Promise<Rotated>>();

  constructor(
    private readonly store: SessionStore,
    private readonly access: StoreAccess,
    private readonly signer: TokenSigner,
    private readonly latestTokens: LatestTokens,
    private readonly revocations: Revocations,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly settings: {
      readonly lifetimes: Lifetimes;
      readonly reuseDetection: ReusePolicy;
      readonly reloader: ClaimsReloader | undefined;
      /** Whether the store is asked before anything is minted: where claims are loaded anew, or signing is dearer than a round trip. */
      readonly looksFirst: boolean;
      /** Where sessions have a record from their sign-in on. */
      readonly tracked: boolean;
      /** Keeps the details of tracked sessions sealed with the current key. */
      readonly details: Pick<TrackedSessions, 'currentSeal' | 'sealAnew'> | undefined;
      /** In bytes: what is longer would not reach the client, or be refused when it comes back. */
      readonly longestToken: number;
    },
  ) {}

  /**
   * Exchanges a token that is inside its refresh window.
   *
   * @param presented its claims, verified
   * @throws RefreshAuthError `session_revoked`, `token_reused`, `token_expired`, `session_expired`, `store_unavailable` or
   *   `reload_failed`
   */
  async exchange(presented: TokenClaims): Promise<Rotated> {
    const rotated = await this.#share(presented);
    // The answer may have been under way while the session was ended here.
    if (this.revocations.ends(presented)) throw new RefreshAuthError('session_revoked');
    const type = rotated.state === 'refreshable' ? 'refreshed' : 'already-refreshed';
    this.events.emit(type, this.events.generation(rotated.refreshed.claims));
    return rotated;
  }

  /** Whether somebody has refreshed this token. Writes nothing; throws as `exchange` does. */
  async isSuperseded(claims: TokenClaims): Promise<boolean> {
    const { revokeFor: _, ...reuse } = this.#reuseRule(claims) ?? {};
    const request = {
      generation: claims.gen,
      ...('grace' in reuse ? { reuse: reuse as ReuseRule } : {}),
    };
    const { outcome } = await this.#ask(this.access.begin(), claims, request);
    if (outcome === 'reused') throw new RefreshAuthError('token_reused');
    return outcome === 'superseded';
  }

  /**
   * Requests of one process that bring the same generation share one answer; the first of them counts as the one that refreshed. Those that
   * come later ask again: an answer that was kept, however briefly, would outlive a logout in another process.
   */
  #share(presented: TokenClaims): Promise<Rotated> {
    const generation = `${presented.gen}:${presented.sid}`;
    const underway = this.#underway.get(generation);
    if (underway) return underway.then(({ refreshed }) => ({ state: 'already-refreshed', refreshed }));
    const rotation = this.#rotate(presented).finally(() => this.#underway.delete(generation));
    this.#underway.set(generation, rotation);
    return rotation;
  }

  async #rotate(presented: TokenClaims): Promise<Rotated> {
    const ask = this.access.begin();
    let offer: Offer = { from: presented, generation: presented.gen };
    const looksFirst = this.settings.looksFirst || this.latestTokens.hasSeenSuccessorOf(presented);
    // Minted before it is claimed: a winner that dies on the way leaves nothing, or a complete successor.
    let successor = looksFirst ? undefined : this.#mint(presented);
    for (let calls = 1; ; calls++) {
      const answer = await this.#ask(ask, presented, this.#request(presented, offer, successor));
      if (answer.outcome === 'reused') throw await this.#reused(ask, presented, answer.latest);
      if (answer.outcome === 'rotated' && successor) {
        if (answer.details) await this.settings.details?.sealAnew(presented, answer.details, ask);
        return this.#won(presented, offer, successor, answer.lostWrite);
      }
      if (answer.outcome === 'superseded') {
        const latest = this.latestTokens.open(presented, answer.latest, answer.sealed);
        if (latest && this.#isHandedOver(latest))
          return { state: 'already-refreshed', refreshed: this.#fitting(latest) };
        offer = latest
          ? { from: latest.claims, generation: answer.latest }
          : { from: presented, generation: answer.latest, refused: answer.sealed };
      }
      if (calls === MOST_CALLS) throw new StoreOutage(`undecided after ${MOST_CALLS} calls`);
      successor = this.#mint(await this.#freshClaims(ask, offer.from), offer.generation);
    }
  }

  #mint(claims: TokenClaims, superseded?: number): LatestToken {
    return this.latestTokens.seal(this.#fitting(this.signer.successor(claims, superseded)));
  }

  /**
   * A token that a client can keep; otherwise it keeps the one that it has.
   *
   * @throws RefreshAuthError `reload_failed` where the claims come from `reloadClaims`, else `store_unavailable`
   */
  #fitting(issued: IssuedToken): IssuedToken {
    const bytes = issued.token.length;
    const { longestToken } = this.settings;
    if (bytes <= longestToken) return issued;
    this.events.emit('token-too-large', { ...this.events.generation(issued.claims), bytes });
    const code = this.settings.reloader ? 'reload_failed' : 'store_unavailable';
    throw new RefreshAuthError(code, `the next token has ${bytes} bytes, of at most ${longestToken}`);
  }

  async #ask(
    ask: Ask,
    { sid, sub, rev }: TokenClaims,
    request: Omit<RotationRequest, keyof SessionOfToken>,
  ): Promise<RotationAnswer> {
    const { tracked } = this.settings;
    const answer = await ask((deadline) =>
      this.store.rotate({ sid, sub, rev, tracked, ...request, ...endsBefore(deadline(), request) }),
    );
    if (answer.outcome !== 'revoked') return answer;
    this.revocations.learn(sid);
    throw new RefreshAuthError('session_revoked');
  }

  #request(
    presented: TokenClaims,
    { generation, refused }: Offer,
    successor: LatestToken | undefined,
  ): Omit<RotationRequest, keyof SessionOfToken> {
    const reuse = this.#reuseRule(presented);
    const { details } = this.settings;
    return {
      generation,
      ...(successor ? { candidate: this.#candidate(presented, successor) } : {}),
      ...(successor && details ? { currentSeal: details.currentSeal } : {}),
      ...(refused ? { refused } : {}),
      // Only what the client itself presented is seen in use, and can be reused.
      ...(generation === presented.gen ? { presented: generation, ...(reuse ? { reuse } : {}) } : {}),
    };
  }

  #candidate(presented: TokenClaims, { issued, sealed }: LatestToken): SealedToken {
    const refreshExp = Math.max(presented.refresh_exp, issued.claims.refresh_exp);
    return { sealed, ttl: retention(refreshExp, this.clock.now(), this.settings.lifetimes) };
  }

  /** A token that has not expired yet is never reused: it is valid. */
  #reuseRule(presented: TokenClaims): ReuseRule | undefined {
    const { lifetimes, reuseDetection } = this.settings;
    if (!reuseDetection || timeState(presented, this.clock.now(), lifetimes) === 'valid') return undefined;
    return {
      grace: reuseDetection.grace,
      expiredAt: (effectiveTimes(presented, lifetimes).exp + lifetimes.clockTolerance) * 1000,
      ...(reuseDetection.onReuse === 'revoke' ? { revokeFor: this.revocations.ttl(presented).record } : {}),
    };
  }

  #won(presented: TokenClaims, offer: Offer, successor: LatestToken, lostWrite: boolean): Rotated {
    if (lostWrite) this.events.emit('lost-write', this.events.generation(presented));
    const { issued } = successor;
    this.latestTokens.see(successor);
    return { state: offer.generation === presented.gen ? 'refreshable' : 'already-refreshed', refreshed: issued };
  }

  async #reused(ask: Ask, presented: TokenClaims, latest: number): Promise<RefreshAuthError> {
    const revoked = this.settings.reuseDetection?.onReuse === 'revoke';
    const kind = latest === presented.gen + 1 ? 'predecessor' : 'ancestor';
    this.events.emit('reuse-detected', { ...this.events.generation(presented), latest, kind, revoked });
    if (revoked) {
      // The store has ended the session already. The log, and so the other processes, have yet to learn it: now, or by what is known here.
      this.revocations.learn(presented.sid);
      await this.revocations.revokeSession(presented.sid, presented, ask).catch(() => undefined);
    }
    return new RefreshAuthError('token_reused');
  }

  async #freshClaims(ask: Ask, claims: TokenClaims): Promise<TokenClaims> {
    const { reloader } = this.settings;
    if (!reloader) return claims;
    const fresh = await reloader.reload(claims);
    if (fresh) return fresh;
    // It must not go on, whatever an outage is allowed to tolerate: it has ended here, and elsewhere as soon as that can be written.
    this.revocations.learn(claims.sid);
    await this.revocations.revokeSession(claims.sid, claims, ask).catch(() => {
      throw new RefreshAuthError('store_unavailable', 'the end of the session could not be written');
    });
    throw new RefreshAuthError('session_revoked');
  }

  /** @returns false when the latest token has itself expired and is to be refreshed in turn */
  #isHandedOver({ claims }: IssuedToken): boolean {
    const state = timeState(claims, this.clock.now(), this.settings.lifetimes);
    if (state === 'token_expired' || state === 'session_expired') throw new RefreshAuthError(state);
    return state === 'valid';
  }
}

/** A reuse that the store finds when nobody waits for it any more ends no session. */
function endsBefore(
  before: number | undefined,
  { reuse }: Pick<RotationRequest, 'reuse'>,
): Pick<RotationRequest, 'reuse'> {
  return reuse?.revokeFor === undefined ? {} : { reuse: { ...reuse, before } };
}
