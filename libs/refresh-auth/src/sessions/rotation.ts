import { RefreshAuthError } from '../errors/refresh-auth-error.js';
import type { Events } from '../events/events.js';
import type { Revocations } from '../revocation/revocations.js';
import type { ReuseRule, RotationAnswer, RotationRequest, SessionOfToken } from '../store/session-store.js';
import { type Ask, type StoreAccess, StoreOutage } from '../store/store-access.js';
import type { IssuedToken, TokenClaims } from '../tokens/claims.js';
import type { TokenTimes } from '../tokens/token-times.js';
import type { ClaimsReloader } from './claims-reloader.js';
import { isLegacy } from './legacy-tokens.js';
import type { LatestToken, LatestTokens } from './latest-tokens.js';
import type { TrackedSessions } from './tracked-sessions.js';

/** The result of a refresh. */
export interface Refreshed {
  /** `refreshable` for the one request that refreshed the token, `already-refreshed` for all others. */
  readonly state: 'refreshable' | 'already-refreshed';
  readonly refreshed: IssuedToken;
}

/** The option `reuseDetection`, times in milliseconds; `undefined`: superseded tokens are handed over for their whole refresh window. */
export type ReusePolicy =
  | {
      readonly grace: number;
      readonly revokeAfter: number;
      readonly onReuse: 'revoke' | 'reject';
      readonly allowNoRefresh: boolean;
    }
  | undefined;

/** How a token was presented. */
export interface Presentation {
  /** How long ago its request arrived, in milliseconds. */
  readonly waited: number;
  /** True if the client presented it itself, in a request whose response can carry the next token. */
  readonly isUse: boolean;
  /** The request, for the option `legacy`. Left out without HTTP. */
  readonly request?: unknown;
}

/** The question about a session, without the session. */
type Question = Omit<RotationRequest, keyof SessionOfToken>;

/** The answer about a superseded token that was presented too late. */
type LateAnswer = Extract<RotationAnswer, { outcome: 'superseded' | 'reused' }>;

/** The latest token may expire, or a newer one appear, between two calls. Three calls settle every such race, unless the store is faulty. */
const MOST_CALLS = 3;

/** Refreshes tokens: one winner per generation in all processes, and the same successor for everybody. */
export class Rotation {
  /** Refreshes under way in this process. */
  readonly #underway = new Map<string, Promise<Refreshed>>();

  constructor(
    private readonly access: StoreAccess,
    private readonly latestTokens: LatestTokens,
    private readonly revocations: Revocations,
    private readonly events: Events,
    private readonly settings: {
      readonly times: TokenTimes;
      readonly reuseDetection: ReusePolicy;
      readonly reloader: ClaimsReloader | undefined;
      /** True to ask the store before minting: if claims are reloaded, or signing takes longer than a round trip. */
      readonly looksFirst: boolean;
      /** `undefined` unless sessions have a record from their sign-in on. */
      readonly trackedSessions: Pick<TrackedSessions, 'currentSeal' | 'sealAnew' | 'sealDetails'> | undefined;
      /** In bytes. A longer token would not reach the client, or would be rejected when the client presents it. */
      readonly longestToken: number;
    },
  ) {}

  /**
   * Refreshes a token that is inside its refresh window.
   *
   * @param presented its claims, verified
   * @throws RefreshAuthError `session_revoked`, `token_superseded`, `token_reused`, `token_expired`, `session_expired`, `store_unavailable`
   *   or `reload_failed`
   */
  async refresh(presented: TokenClaims, presentation: Presentation): Promise<Refreshed> {
    const result = await this.#share(presented, presentation);
    // The session may have been ended here while the store's answer was under way.
    if (this.revocations.ends(presented)) throw new RefreshAuthError('session_revoked');
    const type = result.state === 'refreshable' ? 'refreshed' : 'already-refreshed';
    this.events.emit(type, this.events.generation(result.refreshed.claims));
    return result;
  }

  /**
   * Returns the state that a refresh would have, without any effect.
   *
   * @throws RefreshAuthError `session_revoked`, `token_superseded`, `token_reused` or `store_unavailable`
   */
  async look(claims: TokenClaims): Promise<Refreshed['state']> {
    const answer = await this.#peek(claims, 0);
    if (isLate(answer)) throw new RefreshAuthError(`token_${answer.outcome}`);
    return answer.outcome === 'handed-over' ? 'already-refreshed' : 'refreshable';
  }

  /**
   * Returns the claims of the latest token of a session, without any effect; those given if there is none, or if it cannot be opened.
   *
   * @throws RefreshAuthError `session_revoked` or `store_unavailable`
   */
  async latest(claims: TokenClaims): Promise<TokenClaims> {
    const answer = await this.#ask(this.access.begin(), claims, { generation: claims.gen });
    if (answer.outcome !== 'handed-over') return claims;
    return this.latestTokens.open(claims, answer.latest, answer.sealed)?.claims ?? claims;
  }

  /**
   * Loads the claims of a session anew; those given without `reloadClaims`. Ends the session if the application says so.
   *
   * @param ask carries the deadline, if this is part of something else
   * @throws RefreshAuthError `session_revoked`, `reload_failed` or `store_unavailable`
   */
  async reload(claims: TokenClaims, ask = this.access.begin()): Promise<TokenClaims> {
    const { reloader } = this.settings;
    if (!reloader) return claims;
    const fresh = await reloader.reload(claims);
    if (fresh) return fresh;
    // The session must end even if outages are tolerated.
    const isUnwritten = await this.revocations.endSession(claims, ask);
    if (isUnwritten) throw new RefreshAuthError('store_unavailable', 'the end of the session could not be written');
    throw new RefreshAuthError('session_revoked');
  }

  /**
   * Returns the state of a token that is presented and served without a refresh. Reports reuse, but ends no session.
   *
   * @param waited how long ago the request arrived, in milliseconds
   * @throws RefreshAuthError as `look`
   */
  async serve(presented: TokenClaims, waited: number): Promise<Refreshed['state']> {
    const answer = await this.#peek(presented, waited);
    if (isLate(answer)) throw this.#reportLate(presented, answer, false);
    return answer.outcome === 'handed-over' ? 'already-refreshed' : 'refreshable';
  }

  #peek(presented: TokenClaims, waited: number): Promise<RotationAnswer> {
    const reuse = this.#reuseRule(presented, { waited, isUse: false });
    return this.#ask(this.access.begin(), presented, {
      generation: presented.gen,
      reuse: reuse && { ...reuse, revokeFor: undefined },
    });
  }

  /**
   * Shares one answer among the requests of this process that present the same generation at the same time. The first of them counts as
   * the one that refreshed. Later requests ask again: a cached answer, however short-lived, would outlive a logout in another process.
   * Requests that have waited for a different number of seconds ask for themselves, because they are judged by when they arrived. So do
   * requests that count as a use, which the store learns only if it is asked.
   */
  #share(presented: TokenClaims, presentation: Presentation): Promise<Refreshed> {
    const { waited, isUse } = presentation;
    const name = `${presented.gen}:${presented.sid}:${Math.round(waited / 1000)}:${isUse}`;
    const underway = this.#underway.get(name);
    if (underway) return underway.then(({ refreshed }) => ({ state: 'already-refreshed', refreshed }));
    const rotation = this.#rotate(presented, presentation).finally(() => this.#underway.delete(name));
    this.#underway.set(name, rotation);
    return rotation;
  }

  async #rotate(presented: TokenClaims, presentation: Presentation): Promise<Refreshed> {
    const ask = this.access.begin();
    const { trackedSessions, times } = this.settings;
    const looksFirst = this.settings.looksFirst || this.latestTokens.hasSeenSuccessorOf(presented);
    // The successor that is offered is made from these claims, and replaces their generation.
    let from = presented;
    let rejected: Uint8Array | undefined;
    // Minted before the store is asked: a process that crashes in between leaves either nothing or a complete successor.
    let successor = looksFirst ? undefined : this.#mint(from);
    for (let calls = 1; ; calls++) {
      const answer = await this.#ask(ask, presented, {
        generation: from.gen,
        candidate: successor && {
          sealed: successor.sealed,
          ttl: times.retention(Math.max(presented.refresh_exp, successor.issued.claims.refresh_exp)),
        },
        rejected,
        // Only the generation that was presented can be in use, or reused.
        reuse: from.gen === presented.gen ? this.#reuseRule(presented, presentation) : undefined,
        details: successor && isLegacy(from) ? trackedSessions?.sealDetails(presented) : undefined,
        currentSeal: trackedSessions?.currentSeal,
      });
      if (isLate(answer)) throw await this.#rejectLate(presented, answer, ask);
      if (answer.outcome === 'rotated' && successor) {
        if (answer.details) await trackedSessions?.sealAnew(presented, answer.details, ask);
        if (answer.lostWrite) this.events.emit('lost-write', this.events.generation(presented));
        this.latestTokens.see(successor);
        return { state: from.gen === presented.gen ? 'refreshable' : 'already-refreshed', refreshed: successor.issued };
      }
      if (answer.outcome === 'handed-over') {
        const latest = this.latestTokens.open(presented, answer.latest, answer.sealed);
        if (latest && this.#isHandedOver(latest, presented)) {
          return { state: 'already-refreshed', refreshed: this.#fitting(latest) };
        }
        from = latest?.claims ?? { ...presented, gen: answer.latest };
        rejected = latest ? undefined : answer.sealed;
      }
      if (calls === MOST_CALLS) throw new StoreOutage(`undecided after ${MOST_CALLS} calls`);
      successor = this.#mint(await this.reload(from, ask));
    }
  }

  #mint(claims: TokenClaims): LatestToken {
    const minted = this.latestTokens.mint(claims);
    this.#fitting(minted.issued);
    return minted;
  }

  /**
   * Returns the token if a client can keep it. Otherwise throws, and the client keeps the token that it has.
   *
   * @throws RefreshAuthError `reload_failed` where the claims come from `reloadClaims` or `legacy`, else `store_unavailable`
   */
  #fitting(issued: IssuedToken): IssuedToken {
    const bytes = issued.token.length;
    const { longestToken } = this.settings;
    if (bytes <= longestToken) return issued;
    this.events.emit('token-too-large', { ...this.events.generation(issued.claims), bytes });
    const isFromHook = this.settings.reloader !== undefined || isLegacy({ gen: issued.claims.gen - 1 });
    const code = isFromHook ? 'reload_failed' : 'store_unavailable';
    throw new RefreshAuthError(code, `the next token has ${bytes} bytes, of at most ${longestToken}`);
  }

  async #ask(ask: Ask, { sid, sub, rev, gen }: TokenClaims, question: Question): Promise<RotationAnswer> {
    // A legacy token begins the record of its session, so that a missing one says nothing.
    const tracked =
      this.settings.trackedSessions !== undefined && (!isLegacy({ gen }) || question.candidate !== undefined);
    const { reuse } = question;
    // A reuse that the store finds after its caller has timed out ends no session.
    const answer = await ask((store, before) =>
      store.rotate({ sid, sub, rev, tracked, ...question, reuse: reuse && { ...reuse, before } }),
    );
    if (answer.outcome !== 'revoked') return answer;
    this.revocations.learn(sid);
    throw new RefreshAuthError('session_revoked');
  }

  #reuseRule(presented: TokenClaims, { waited, isUse }: Presentation): ReuseRule | undefined {
    const { reuseDetection, times } = this.settings;
    if (!reuseDetection) return undefined;
    const { grace, revokeAfter, onReuse } = reuseDetection;
    return {
      grace,
      revokeAfter,
      // Measured by the clock that has just found the token expired, so that an unexpired token is never late, whatever the store's clock says.
      expiredFor: times.now - (times.of(presented).exp + times.lifetimes.clockTolerance) * 1000,
      waited,
      isUse,
      revokeFor: onReuse === 'revoke' ? this.revocations.ttl(presented).record : undefined,
    };
  }

  /** Ends the session too, if the application wants that and the store has already done so. */
  async #rejectLate(presented: TokenClaims, answer: LateAnswer, ask: Ask): Promise<RefreshAuthError> {
    const revoked = answer.outcome === 'reused' && this.settings.reuseDetection?.onReuse === 'revoke';
    const error = this.#reportLate(presented, answer, revoked);
    // The store has ended it, but the log does not say so yet.
    if (revoked) await this.revocations.endSession(presented, ask);
    return error;
  }

  #reportLate(presented: TokenClaims, { outcome, latest }: LateAnswer, revoked: boolean): RefreshAuthError {
    const facts = { ...this.events.generation(presented), latest };
    const kind = latest === presented.gen + 1 ? 'predecessor' : 'ancestor';
    if (outcome === 'superseded') this.events.emit('reuse-suspected', facts);
    else this.events.emit('reuse-detected', { ...facts, kind, revoked });
    return new RefreshAuthError(`token_${outcome}`);
  }

  /** Returns false if the latest token has itself expired, and is to be refreshed in turn. */
  #isHandedOver({ claims }: IssuedToken, presented: TokenClaims): boolean {
    const state = this.settings.times.state(claims);
    // A legacy token that the application accepts outlives a session that nobody used for a whole refresh window.
    if (state === 'token_expired' && isLegacy(presented)) return false;
    if (state === 'token_expired' || state === 'session_expired') throw new RefreshAuthError(state);
    return state === 'valid';
  }
}

function isLate(answer: RotationAnswer): answer is LateAnswer {
  return answer.outcome === 'superseded' || answer.outcome === 'reused';
}
