import { AT_ONCE } from './core.js';
import assert from 'node:assert/strict';
import type { RefreshAuthCore } from '../../libs/refresh-auth/src/refresh-auth.core.js';
import { RefreshAuthError } from '../../libs/refresh-auth/src/errors/refresh-auth-error.js';
import type { RefreshAuthOptions } from '../../libs/refresh-auth/src/options/refresh-auth-options.js';
import type { Authentication, Inspection, TokenState } from '../../libs/refresh-auth/src/sessions/authenticator.js';
import type { SessionInfo } from '../../libs/refresh-auth/src/sessions/tracked-sessions.js';
import type { IssuedToken, TokenClaims } from '../../libs/refresh-auth/src/tokens/claims.js';
import type { TestClock } from './clock.js';

/** In seconds. So short that a session ends within a few refreshes. */
export const LIFETIMES = { expiresIn: 60, refreshWindow: 240, sessionLifetime: 400 };
export const GRACE = 20;
export const REVOKE_AFTER = 60;
const AHEAD = 30;

/** In seconds: from when on a valid token is refreshed. One whose life the session's end makes short has half of it to rest. */
export function lateFrom({ iat, exp }: TokenClaims): number {
  return exp - Math.min(AHEAD, (exp - iat) / 2);
}

/** The choices of an application. */
export interface Policy {
  readonly onReuse: 'revoke' | 'reject' | undefined;
  readonly reloads: boolean;
  readonly refreshesAhead: boolean;
  readonly tracked: boolean;
}

/** The rights of users, as `reloadClaims` finds them. */
export class Users {
  readonly #roles = new Map<string, number>();
  readonly #disabled = new Set<string>();

  /** The claims of a user that are to be signed now; nothing for one that is disabled. */
  claims(sub: string): { sub: string; role: string } | null {
    return this.#disabled.has(sub) ? null : { sub, role: `role ${this.#roles.get(sub) ?? 0} of ${sub}` };
  }

  promote(sub: string): void {
    this.#roles.set(sub, (this.#roles.get(sub) ?? 0) + 1);
  }

  toggle(sub: string): void {
    if (!this.#disabled.delete(sub)) this.#disabled.add(sub);
  }
}

export function optionsFor({ onReuse, reloads, refreshesAhead, tracked }: Policy, users: Users): RefreshAuthOptions {
  return {
    ...LIFETIMES,
    storeTimeout: '1m',
    // A session that ends anywhere has ended everywhere at once.
    revocation: 'every-request',
    ...(onReuse && { reuseDetection: { grace: GRACE, revokeAfter: REVOKE_AFTER, onReuse } }),
    ...(reloads && { reloadClaims: ({ sub }: TokenClaims) => users.claims(sub) }),
    ...(refreshesAhead && { refreshAhead: AHEAD }),
    ...(tracked && { sessions: 'tracked' }),
  };
}

/** A session as an observer knows it who sees everything that every client is handed. */
interface Session {
  readonly claims: TokenClaims;
  /** The one token of each generation. */
  readonly generations: IssuedToken[];
  /** When each generation was first presented and accepted, in milliseconds, if no newer one was before. In order. */
  readonly uses: { gen: number; since: number }[];
  isEnded: boolean;
}

/** An action of a client or an administrator with one token, at one of the instances. */
export interface Action {
  readonly what: 'present' | 'inspect' | 'sign out' | 'revoke' | 'revoke user' | 'revoke others';
  readonly token: IssuedToken;
  readonly instance: number;
}

/** `ahead`: the successor that a valid token was given on the way. */
type Accepted = Authentication & { readonly ahead?: IssuedToken | undefined };
type Outcome = Accepted | Inspection | { readonly code: string } | undefined;
/** The result of an action. A higher number finished later. */
interface Result {
  readonly action: Action;
  readonly outcome: Outcome;
  readonly finished: number;
}

/** The state before the actions, and what they change. */
interface Situation {
  readonly latest: IssuedToken;
  readonly isLatestExpired: boolean;
  readonly isEnded: boolean;
  /** Actions that present expired tokens, and those that present valid ones. */
  readonly refreshes: readonly Result[];
  readonly uses: readonly Result[];
  /** Valid latest tokens that are presented late in their life: each of them may make a new latest token. */
  readonly aheads: readonly Result[];
  /** All that ended the session. */
  readonly ends: readonly Result[];
  /** True if the user is disabled, which is found when the next latest token is made. */
  readonly isDisabled: boolean;
  /** True if it was the only action, so that exactly one outcome is right. */
  readonly isAlone: boolean;
}

/** The verdict of reuse detection on a superseded token. */
type Zone = 'live' | 'superseded' | 'reused';

/** In the order in which a token gets older. */
const ZONES: readonly Zone[] = ['live', 'superseded', 'reused'];

type TimeState = 'valid' | 'expired' | 'token_expired' | 'session_expired';

/** How often the interesting things happened: a model that never gets there proves nothing. */
export type Tally = Record<
  | 'refreshed'
  | 'handedOver'
  | 'raced'
  | 'revoked'
  | 'expired'
  | 'overtaken'
  | 'superseded'
  | 'reused'
  | 'reusedAndRejected'
  | 'disabled'
  | 'promoted'
  | 'refreshedAhead'
  | 'excepted'
  | 'listed',
  number
>;

export function emptyTally(): Tally {
  return {
    refreshed: 0,
    handedOver: 0,
    raced: 0,
    revoked: 0,
    expired: 0,
    overtaken: 0,
    superseded: 0,
    reused: 0,
    reusedAndRejected: 0,
    disabled: 0,
    promoted: 0,
    refreshedAhead: 0,
    excepted: 0,
    listed: 0,
  };
}

/**
 * Says what must hold, independently of how the library does it. Every outcome is compared with all that it may be:
 * exactly one thing, unless actions run at once.
 */
export class SessionModel {
  readonly tokens: IssuedToken[] = [];
  readonly users = new Users();
  readonly #sessions = new Map<string, Session>();
  /** By token, then by instance: the latest state that was seen there. */
  readonly #seen = new Map<string, Map<number, TokenState>>();

  constructor(
    readonly clock: TestClock,
    readonly policy: Policy,
    readonly tally: Tally,
  ) {}

  signedIn(issued: IssuedToken): void {
    this.#sessions.set(issued.claims.sid, {
      claims: issued.claims,
      generations: [issued],
      uses: [],
      isEnded: false,
    });
    this.tokens.push(issued);
  }

  /** Compares what came out of actions that ran at once with what may come out, and learns from it. */
  observe(results: readonly Result[]): void {
    for (const session of this.#sessions.values()) {
      const touching = results.filter((result) => isAbout(session, result) || this.#ends(session, result));
      if (touching.length > 0) this.#observeSession(session, touching);
    }
    this.#observeOrder(results);
    for (const { action } of results) if (action.what === 'revoke others') this.#observeExcepted(action.token);
  }

  /** Compares the list of a user's sessions with all that live. */
  observeList(sub: string, listed: readonly SessionInfo[]): void {
    const live = [...this.#sessions.values()].filter(
      ({ claims, isEnded, generations }) =>
        claims.sub === sub && !isEnded && isLive(this.#timeState(latestOf({ generations }).claims)),
    );
    const expected = live.map((session): SessionInfo => {
      const { sid, auth_time, iat, refresh_exp } = latestOf(session).claims;
      return { sid, createdAt: auth_time, refreshedAt: iat, expiresAt: refresh_exp };
    });
    assert.deepEqual(sorted(listed), sorted(expected));
    this.tally.listed += expected.length;
  }

  #observeSession(session: Session, results: readonly Result[]): void {
    const before = this.#situation(session, results);
    const about = results.filter((result) => isAbout(session, result));
    for (const result of about) this.#observeResult(session, before, result);
    this.#observeWinners(before);
    session.isEnded ||= before.ends.length > 0;
    for (const { action, outcome } of about) {
      if (action.what === 'present' && isAccepted(outcome)) this.#use(session, action.token.claims.gen);
    }
  }

  #situation(session: Session, results: readonly Result[]): Situation {
    const latest = latestOf(session);
    const presented = results.filter((result) => isAbout(session, result) && result.action.what === 'present');
    const inState = (wanted: TimeState) =>
      presented.filter(({ action }) => this.#timeState(action.token.claims) === wanted);
    const uses = inState('valid');
    return {
      latest,
      isLatestExpired: this.#timeState(latest.claims) !== 'valid',
      isEnded: session.isEnded,
      refreshes: inState('expired'),
      uses,
      aheads: uses.filter(({ action: { token } }) => this.#isLate(token) && token.claims.gen === latest.claims.gen),
      ends: results.filter((result) => this.#ends(session, result)),
      isDisabled: this.policy.reloads && this.users.claims(session.claims.sub) === null,
      isAlone: results.length === 1,
    };
  }

  /** Returns true if a result ended the session: on purpose, because of reuse, or because the user is disabled. */
  #ends(session: Session, { action, outcome }: Result): boolean {
    const { what, token } = action;
    const { sid, sub } = token.claims;
    const isOfSession = sid === session.claims.sid;
    switch (what) {
      case 'revoke user':
        return sub === session.claims.sub;
      case 'revoke others':
        return sub === session.claims.sub && !isOfSession;
      case 'revoke':
        return isOfSession;
      case 'sign out':
        return isOfSession && isLive(this.#timeState(token.claims));
      case 'present':
        return (
          isOfSession &&
          (codeOf(outcome) === 'token_reused'
            ? this.policy.onReuse === 'revoke'
            : codeOf(outcome) !== 'token_superseded' && this.#findsDisabled(session, action))
        );
      case 'inspect':
        return false;
    }
  }

  /** Returns true if the action would make a new latest token, and so loads the user's claims. */
  #findsDisabled(session: Session, { token }: Action): boolean {
    if (!this.policy.reloads || this.users.claims(session.claims.sub) !== null || session.isEnded) return false;
    const latest = latestOf(session).claims;
    const state = this.#timeState(token.claims);
    if (state === 'expired') return this.#timeState(latest) === 'expired';
    return state === 'valid' && this.#isLate(token) && token.claims.gen === latest.gen;
  }

  #use({ uses }: Session, gen: number): void {
    if (gen > (uses.at(-1)?.gen ?? 0)) uses.push({ gen, since: this.clock.now() });
  }

  /**
   * The verdicts that are allowed on an expired token. One, if one use superseded it; otherwise the store may remember a later use than the first,
   * but none that is more than `revokeAfter` later.
   */
  #zones(session: Session, { gen, exp }: TokenClaims): readonly Zone[] {
    const newer = session.uses.filter((use) => use.gen > gen).map(({ since }) => since);
    if (!this.policy.onReuse || latestOf(session).claims.gen <= gen || newer.length === 0) return ['live'];
    const first = Math.min(...newer);
    const last = Math.min(Math.max(...newer), first + REVOKE_AFTER * 1000);
    const [youngest, oldest] = [last, first].map((since) =>
      ZONES.indexOf(zoneOf(this.clock.now() - Math.max(exp * 1000, since))),
    );
    return ZONES.slice(youngest, (oldest ?? 0) + 1);
  }

  #isLate({ claims }: IssuedToken): boolean {
    return this.policy.refreshesAhead && this.clock.now() / 1000 >= lateFrom(claims);
  }

  #observeResult(session: Session, before: Situation, result: Result): void {
    const { token, what } = result.action;
    const { outcome } = result;
    const state = this.#timeState(token.claims);
    const refused = (code: string) => (what === 'inspect' ? { state: 'dead', reason: code } : { code });
    const isRefusedAs = (code: string) => codeOf(outcome) === code;

    if (what !== 'present' && what !== 'inspect') {
      assert.equal(outcome, undefined);
    } else if (!isLive(state)) {
      assert.deepEqual(outcome, refused(state));
      this.tally.expired++;
    } else if (
      before.isEnded ||
      (isRefusedAs('session_revoked') && isEndedMeanwhile(before, result)) ||
      (zoneFound(outcome) === 'live' && what === 'present' && state === 'expired' && isKnownToHaveEnded(before, result))
    ) {
      assert.deepEqual(outcome, refused('session_revoked'));
      this.tally.revoked++;
    } else if (state === 'valid') {
      this.#observeUse(session, before, token, what, outcome as Accepted);
    } else if (this.#zones(session, token.claims).includes(zoneFound(outcome)) && zoneFound(outcome) !== 'live') {
      if (what === 'present') this.#countZone(zoneFound(outcome));
    } else if (!this.#zones(session, token.claims).includes('live')) {
      assert.deepEqual(outcome, refused(`token_${this.#zones(session, token.claims).join(' or token_')}`));
    } else if (what === 'inspect') {
      const isSuperseded = token.claims.gen < before.latest.claims.gen;
      const mayBeSuperseded = isSuperseded || before.refreshes.length > 0;
      const expected =
        mayBeSuperseded && stateOf(outcome) === 'already-refreshed' ? 'already-refreshed' : 'refreshable';
      assert.deepEqual(outcome, { state: isSuperseded ? 'already-refreshed' : expected, claims: token.claims });
    } else if (before.isLatestExpired && before.isDisabled) {
      assert.deepEqual(outcome, refused('session_revoked'));
      this.tally.disabled++;
    } else {
      this.#observeRefresh(session, before, token, outcome as Authentication);
    }
  }

  #countZone(zone: Zone): void {
    if (zone === 'superseded') this.tally.superseded++;
    else this.tally[this.policy.onReuse === 'revoke' ? 'reused' : 'reusedAndRejected']++;
  }

  /** A valid token passes, and is handed a newer one late in its life. */
  #observeUse(session: Session, before: Situation, token: IssuedToken, what: string, outcome: Accepted): void {
    if (what === 'inspect') {
      assert.deepEqual(outcome, { state: 'valid', claims: token.claims });
      return;
    }
    const { ahead, ...accepted } = outcome;
    assert.deepEqual(accepted, { state: 'valid', claims: token.claims });
    const isEnding = before.ends.length > 0;
    if (!this.#isLate(token)) assert.equal(ahead, undefined);
    else if (before.isDisabled && token.claims.gen === before.latest.claims.gen) assert.equal(ahead, undefined);
    else if (ahead === undefined) assert.ok(isEnding, 'A token late in its life was not refreshed');
    else {
      this.#observeSuccessor(session, ahead, this.#newLatest(before, token));
      this.tally.refreshedAhead++;
    }
  }

  #observeWinners({ latest, isLatestExpired, isEnded, isDisabled, refreshes, ends }: Situation): void {
    const winners = refreshes.filter(({ outcome }) => stateOf(outcome) === 'refreshable').length;
    assert.ok(winners <= 1, `${winners} winners`);
    if (isEnded || isDisabled || ends.length > 0 || refreshes.length === 0) return;
    const isLatest = refreshes.every(({ action }) => action.token.claims.gen === latest.claims.gen);
    if (isLatest) assert.equal(winners, 1);
    if (isLatestExpired && refreshes.length > 1) this.tally.raced++;
  }

  /** An expired token was let through: it was handed the newest generation, which is a new one only if the newest was refreshed. */
  #observeRefresh(
    session: Session,
    before: Situation,
    token: IssuedToken,
    { state, claims, refreshed }: Authentication,
  ): void {
    const { latest, isLatestExpired } = before;
    assert.ok(refreshed, 'An expired token was let through, and not refreshed');
    this.#observeSuccessor(session, refreshed, isLatestExpired ? [latest.claims.gen + 1] : this.#newLatest(before));
    assert.deepEqual(claims, refreshed.claims);
    if (state === 'refreshable') {
      assert.ok(isLatestExpired && token.claims.gen === latest.claims.gen, 'refreshable without a reason');
      this.tally.refreshed++;
    } else {
      assert.equal(state, 'already-refreshed');
      this.tally.handedOver++;
      if (isLatestExpired && token.claims.gen < latest.claims.gen) this.tally.overtaken++;
    }
  }

  /** Which generations may be handed over while the latest token is valid. */
  #newLatest({ latest, aheads, isDisabled }: Situation, presented?: IssuedToken): number[] {
    const { gen } = latest.claims;
    if (presented?.claims.gen === gen) return [gen + 1];
    return aheads.length > 0 && !isDisabled ? [gen, gen + 1] : [gen];
  }

  #observeSuccessor(session: Session, refreshed: IssuedToken, generations: readonly number[]): void {
    const { gen } = refreshed.claims;
    assert.ok(generations.includes(gen), `generation ${gen} is none of ${generations.join()}`);
    const known = session.generations[gen];
    assert.deepEqual(refreshed, known ?? { ...refreshed, claims: this.#successorOf(session, gen, refreshed) });
    if (known) return;
    if (own(refreshed.claims).role !== own(session.claims).role) this.tally.promoted++;
    session.generations.push(refreshed);
    this.tokens.push(refreshed);
  }

  #observeExcepted({ claims }: IssuedToken): void {
    const session = this.#sessions.get(claims.sid);
    if (session && !session.isEnded && isLive(this.#timeState(latestOf(session).claims))) this.tally.excepted++;
  }

  /** No state goes back: not at one instance, and once the token has expired at none. What ran at once has no order. */
  #observeOrder(results: readonly Result[]): void {
    const states = results.flatMap(({ action: { token, instance }, outcome }) => {
      const state = stateOf(outcome);
      return state ? [{ seen: this.#seenOf(token), instance, state }] : [];
    });
    for (const { seen, instance, state } of states) {
      const former = state === 'valid' ? [seen.get(instance) ?? state] : [...seen.values()];
      for (const other of former) assert.ok(rank(state) >= rank(other), `${state} after ${other}`);
    }
    for (const { seen, instance, state } of states) {
      if (rank(state) >= rank(seen.get(instance) ?? 'valid')) seen.set(instance, state);
    }
  }

  #seenOf({ token }: IssuedToken): Map<number, TokenState> {
    const seen = this.#seen.get(token) ?? new Map<number, TokenState>();
    this.#seen.set(token, seen);
    return seen;
  }

  #timeState({ auth_time, exp, refresh_exp }: TokenClaims): TimeState {
    const now = this.clock.now() / 1000;
    if (now >= auth_time + LIFETIMES.sessionLifetime) return 'session_expired';
    if (now >= refresh_exp) return 'token_expired';
    return now >= exp ? 'expired' : 'valid';
  }

  /** All but the `jti`, which nobody can foresee. */
  #successorOf({ claims, generations }: Session, gen: number, { claims: { jti } }: IssuedToken): TokenClaims {
    const iat = Math.floor(this.clock.now() / 1000);
    const end = claims.auth_time + LIFETIMES.sessionLifetime;
    return {
      ...latestOf({ generations }).claims,
      ...(this.policy.reloads && this.users.claims(claims.sub)),
      gen,
      jti,
      iat,
      exp: Math.min(iat + LIFETIMES.expiresIn, end),
      refresh_exp: Math.min(iat + LIFETIMES.refreshWindow, end),
    };
  }
}

/** Does an action. A rejected token is a result with a code. */
export async function act({ what, token }: Action, core: RefreshAuthCore): Promise<Outcome> {
  const { sid, sub } = token.claims;
  try {
    switch (what) {
      case 'present': {
        const accepted = await core.authenticator.authenticate(token.token, 'refresh', AT_ONCE);
        if (accepted.refreshed) return accepted;
        const ahead = await core.refreshAhead?.refresh(accepted.claims);
        return { ...accepted, ...(ahead && { ahead }) };
      }
      case 'inspect':
        return await core.authenticator.inspect(token.token);
      case 'revoke':
        await core.revocations.revokeSession(sid);
        return undefined;
      case 'revoke user':
        await core.revocations.revokeUser(sub);
        return undefined;
      case 'revoke others':
        await core.revocations.revokeUser(sub, sid);
        return undefined;
      case 'sign out': {
        const live = core.authenticator.liveSession(token.token);
        if (live) await core.revocations.revokeSession(live.sid);
        return undefined;
      }
    }
  } catch (error) {
    if (error instanceof RefreshAuthError) return { code: error.code };
    throw error;
  }
}

/** Returns true if the session ended just before at this instance, which checks again before it hands anything over. */
function isKnownToHaveEnded({ ends }: Situation, { action, finished }: Result): boolean {
  return ends.some((end) => end.action.instance === action.instance && end.finished < finished);
}

/** Returns true if another action may have ended the session at the same time. */
function isEndedMeanwhile({ ends }: Situation, result: Result): boolean {
  return ends.some((end) => end !== result);
}

function isAbout({ claims }: Session, { action }: Result): boolean {
  return action.token.claims.sid === claims.sid;
}

function isAccepted(outcome: Outcome): boolean {
  return outcome !== undefined && 'state' in outcome && outcome.state !== 'dead';
}

function own(claims: TokenClaims): { sub: string; role: unknown } {
  return { sub: claims.sub, role: (claims as TokenClaims & { role?: unknown }).role };
}

function sorted(sessions: readonly SessionInfo[]): SessionInfo[] {
  return sessions.slice().sort((one, other) => one.sid.localeCompare(other.sid));
}

function rank(state: TokenState): number {
  return ['valid', 'refreshable', 'already-refreshed', 'dead'].indexOf(state);
}

function latestOf({ generations }: Pick<Session, 'generations'>): IssuedToken {
  const latest = generations.at(-1);
  if (!latest) throw new Error('A session without a token');
  return latest;
}

function isLive(state: TimeState | undefined): boolean {
  return state === 'valid' || state === 'expired';
}

function stateOf(outcome: Outcome): TokenState | undefined {
  if (!outcome) return undefined;
  return 'code' in outcome ? 'dead' : outcome.state;
}

function codeOf(outcome: Outcome): string | undefined {
  if (!outcome) return undefined;
  return 'code' in outcome ? outcome.code : 'reason' in outcome ? outcome.reason : undefined;
}

function zoneOf(age: number): Zone {
  if (age < GRACE * 1000) return 'live';
  return age < REVOKE_AFTER * 1000 ? 'superseded' : 'reused';
}

function zoneFound(outcome: Outcome): Zone {
  const code = outcome && 'reason' in outcome ? outcome.reason : codeOf(outcome);
  if (code === 'token_superseded') return 'superseded';
  return code === 'token_reused' ? 'reused' : 'live';
}
