import { type Clock, systemClock } from '../tokens/clock.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import { ExpiringMap } from './expiring-map.js';
import {
  isEndedBy,
  LateRevocation,
  LISTING_PAGE,
  type ListingPage,
  longest,
  MOST_LISTED,
  nameOf,
  type ReuseRule,
  type Revocation,
  type RevocationPage,
  type RevocationTtl,
  type RotationAnswer,
  type RotationRequest,
  type SealedToken,
  type SessionOfToken,
  type SessionStore,
  StoreError,
  type Cutoff,
  type UsedGeneration,
} from './session-store.js';

const MAX_SESSIONS = 100_000;
const SWEEP_INTERVAL = 60_000;
const PAGE = 1_000;
/** The positions of the log may be this far ahead of the clock, in milliseconds. */
const OVERLAP = 60_000;
const NOT_ASKED: RevocationTtl = { record: 0, log: 0 };

interface LatestToken {
  readonly gen: number;
  readonly sealed: Uint8Array;
  /** The latest first. The first two are exact; the others are checkpoints. */
  readonly uses: readonly Use[];
}

interface Use {
  readonly gen: number;
  /** In milliseconds on the store's clock. */
  readonly since: number;
}

/**
 * Keeps sessions in this process: for development, tests, and applications that run as one process. A restart forgets them.
 *
 * Holds at most 100,000 sessions with a latest token; one more is refused (503), and none is dropped to make room.
 * Revoked records and cutoffs are kept beyond that: a revocation is never dropped.
 */
export class InMemorySessionStore implements SessionStore {
  readonly #records = this.#newMap<LatestToken>();
  readonly #revoked = this.#newMap<true>();
  readonly #cutoffs = this.#newMap<Cutoff>();
  readonly #log = this.#newMap<Revocation>();
  #position = 0;
  /** The longest times that were asked for, and when these have passed. */
  #asked: RevocationTtl = NOT_ASKED;
  #askedUntil = 0;
  /** The sealed details, by user, then by `sid`. */
  readonly #listed = new Map<string, ExpiringMap<Uint8Array>>();
  readonly #announced = this.#newMap<true>();
  readonly #listeners = new Set<() => void>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock = systemClock,
    private readonly maxSessions = MAX_SESSIONS,
  ) {}

  async rotate(request: RotationRequest): Promise<RotationAnswer> {
    const { sid, generation, candidate, rejected, reuse } = request;
    const begins = generation < 0 && candidate !== undefined;
    const end = this.#endOf(begins ? { ...request, tracked: false } : request);
    if (end) return end;
    const latest = this.#records.get(sid);
    const isNewer = latest !== undefined && latest.gen > generation;
    const isRepeated = isNewer && candidate !== undefined && sameBytes(latest.sealed, candidate.sealed);
    const late = isNewer && !isRepeated && reuse ? this.#judge(sid, latest, generation, reuse) : undefined;
    if (late) return late;
    const isReplaced = latest?.gen === generation && rejected !== undefined && !sameBytes(latest.sealed, rejected);
    const isSuperseded = latest && (isNewer || isReplaced);
    if (candidate && !isSuperseded) this.#keepSuccessor(request, candidate, latest);
    if (reuse?.isUse) this.#use({ sid, gen: generation }, reuse.revokeAfter);
    if (isSuperseded && !isRepeated) return { outcome: 'handed-over', latest: latest.gen, sealed: latest.sealed };
    if (!candidate) return { outcome: 'current' };
    const lostWrite = (latest?.gen ?? 0) < generation;
    return { outcome: 'rotated', lostWrite, details: this.#sealedOtherwise(request) };
  }

  async recordUse(uses: readonly UsedGeneration[], revokeAfter: number): Promise<void> {
    for (const use of uses) this.#use(use, revokeAfter);
  }

  async revoke(sid: string, ttl: RevocationTtl): Promise<void> {
    this.#refuseLate(ttl);
    this.#endSession(sid, ttl.record);
    this.#append({ session: sessionName(sid), at: this.#nextPosition() }, ttl);
  }

  async isRevoked(session: SessionOfToken): Promise<boolean> {
    return this.#endOf(session) !== undefined;
  }

  async userCutoff(sub: string): Promise<Cutoff | undefined> {
    return this.#cutoffs.get(sub);
  }

  async revokeUser(sub: string, ttl: RevocationTtl, except?: string): Promise<Cutoff> {
    this.#refuseLate(ttl);
    const before = this.#cutoffs.get(sub);
    const session = except === undefined ? undefined : sessionName(except);
    const cutoff: Cutoff = {
      time: Math.max(this.clock.now(), (before?.time ?? 0) + 1),
      except: session === undefined ? undefined : { session, floor: floorFor(session, before) },
    };
    this.#cutoffs.set(sub, cutoff, ttl.record);
    this.#append({ user: hashed(sub), cutoff, at: this.#nextPosition() }, ttl);
    return cutoff;
  }

  async revocationsAfter(position: number, countedFrom: number): Promise<RevocationPage> {
    const kept = this.#log.entries().map(({ value }) => value);
    const after = kept.filter(({ at }) => at > position).sort((one, other) => one.at - other.at);
    const entries = after.slice(0, PAGE);
    return {
      now: this.clock.now(),
      entries,
      next: after.length > PAGE ? entries.at(-1)?.at : undefined,
      count: kept.filter(({ at }) => at > countedFrom).length,
      longest: this.#longest,
    };
  }

  onRevocation(listener: () => void): () => Promise<void> {
    this.#listeners.add(listener);
    return async () => {
      this.#listeners.delete(listener);
    };
  }

  async announceKeys(keys: string, ttl: number): Promise<string[]> {
    this.#announced.set(keys, true, ttl);
    return this.#announced.entries().map(({ name }) => name);
  }

  async listedSessions(sub: string, after = ''): Promise<ListingPage> {
    const listed = (this.#listed.get(sub)?.entries() ?? [])
      // Padded, so that text sorts like time. The `sid` gives sessions that end at the same moment places of their own.
      .map(({ name: sid, value: details, expiresAt }) => ({
        sid,
        details,
        place: `${String(expiresAt).padStart(16, '0')}:${sid}`,
      }))
      .sort((one, other) => (one.place < other.place ? -1 : 1));
    const rest = after === '' ? listed.slice(-MOST_LISTED) : listed.filter(({ place }) => place > after);
    const page = rest.slice(0, LISTING_PAGE);
    return {
      sessions: page.flatMap(({ sid, details }) => {
        const latest = this.#records.get(sid);
        return latest ? { details, latest: latest.gen, sealed: latest.sealed } : [];
      }),
      next: rest.length > LISTING_PAGE ? page.at(-1)?.place : undefined,
      cutoff: this.#cutoffs.get(sub),
    };
  }

  async replaceDetails(
    { sid, sub }: Pick<SessionOfToken, 'sid' | 'sub'>,
    before: Uint8Array,
    details: Uint8Array,
  ): Promise<void> {
    const listed = this.#listed.get(sub);
    const found = listed?.get(sid);
    if (found && sameBytes(found, before)) listed?.set(sid, details);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
  }

  /** Rule 6 of `rotate`. */
  #keepSuccessor(request: RotationRequest, { sealed, ttl }: SealedToken, latest: LatestToken | undefined): void {
    const { sid, generation, tracked } = request;
    if (!latest && this.#records.size >= this.maxSessions) {
      throw new StoreError(`The in-memory store is full: it holds ${this.maxSessions} sessions. Use Redis.`);
    }
    this.#records.set(sid, { gen: generation + 1, sealed, uses: latest?.uses ?? [] }, ttl);
    if (tracked) this.#list(request, ttl);
  }

  #list({ sub, sid, details }: RotationRequest, ttl: number): void {
    const listed = this.#listed.get(sub) ?? this.#newMap<Uint8Array>();
    const shown = details ?? listed.get(sid);
    if (!shown) return;
    this.#listed.set(sub, listed);
    listed.set(sid, shown, ttl);
  }

  #sealedOtherwise({ sub, sid, currentSeal }: RotationRequest): Uint8Array | undefined {
    const details = this.#listed.get(sub)?.get(sid);
    const isCurrent = !details || !currentSeal || sameBytes(details.subarray(0, currentSeal.length), currentSeal);
    return isCurrent ? undefined : details;
  }

  /** Rule 3 of `rotate`. */
  #judge(sid: string, { gen, uses }: LatestToken, generation: number, reuse: ReuseRule): RotationAnswer | undefined {
    const since = uses.filter((use) => use.gen > generation).at(-1)?.since;
    if (since === undefined) return undefined;
    const { waited, revokeAfter, grace } = reuse;
    const age = Math.min(reuse.expiredFor, this.clock.now() - since);
    if (age - waited >= revokeAfter) {
      if (reuse.revokeFor !== undefined) {
        this.#refuseLate(reuse);
        this.#endSession(sid, reuse.revokeFor);
      }
      return { outcome: 'reused', latest: gen };
    }
    return age - Math.min(waited, revokeAfter) >= grace ? { outcome: 'superseded', latest: gen } : undefined;
  }

  #endOf(session: SessionOfToken): Extract<RotationAnswer, { outcome: 'revoked' }> | undefined {
    if (this.#revoked.get(session.sid)) return { outcome: 'revoked' };
    const cutoff = this.#cutoffs.get(session.sub);
    if (cutoff && isEndedBy(cutoff, session)) return { outcome: 'revoked', cutoff: cutoff.time };
    return session.tracked && !this.#records.get(session.sid) ? { outcome: 'revoked' } : undefined;
  }

  #refuseLate({ before = Number.POSITIVE_INFINITY }: Pick<RevocationTtl, 'before'>): void {
    if (this.clock.now() >= before) throw new LateRevocation(this.clock.now());
  }

  #use({ sid, gen }: UsedGeneration, revokeAfter: number): void {
    const record = this.#records.get(sid);
    if (!record || gen <= (record.uses[0]?.gen ?? 0)) return;
    const [latest, previous, checkpoint, oldest] = record.uses;
    const now = this.clock.now();
    const isTooEarly = checkpoint && now - checkpoint.since < revokeAfter;
    const earlier = isTooEarly ? [latest, checkpoint, oldest] : [latest, previous, checkpoint];
    const uses = [{ gen, since: now }, ...earlier.filter((use) => use !== undefined)];
    this.#records.set(sid, { ...record, uses });
  }

  #endSession(sid: string, ttl: number): void {
    this.#revoked.set(sid, true, Math.max(ttl, this.#records.timeLeft(sid)));
    this.#records.delete(sid);
  }

  get #longest(): RevocationTtl {
    return this.#askedUntil > this.clock.now() ? this.#asked : NOT_ASKED;
  }

  #nextPosition(): number {
    const now = this.clock.now();
    const isFuture = this.#position > (now + OVERLAP) * 1000;
    this.#position = Math.max(now * 1000, isFuture ? 0 : this.#position + 1);
    return this.#position;
  }

  #append(revocation: Revocation, ttl: RevocationTtl): void {
    this.#asked = longest(ttl, this.#longest);
    this.#askedUntil = this.clock.now() + Math.max(this.#asked.record, this.#asked.log);
    this.#log.set(nameOf(revocation), revocation, this.#asked.log);
    for (const listener of this.#listeners) listener();
  }

  #newMap<T>(): ExpiringMap<T> {
    const keepSwept = (): void => {
      // One timer for all, since a timer of 30 days would fire at once; unref'd, so that it keeps no process alive.
      this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL).unref();
    };
    return new ExpiringMap<T>(() => this.clock.now(), keepSwept);
  }

  #sweep(): void {
    const kinds = [this.#records, this.#revoked, this.#cutoffs, this.#log, this.#announced];
    for (const kept of [...kinds, ...this.#listed.values()]) kept.sweep();
    for (const [sub, listed] of this.#listed) {
      if (listed.size === 0) this.#listed.delete(sub);
    }
  }
}

function floorFor(session: string, before: Cutoff | undefined): number {
  return (before?.except?.session === session ? before.except.floor : before?.time) ?? 0;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
