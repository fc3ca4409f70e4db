import { type Clock, systemClock } from '../tokens/clock.js';
import { hashed, sessionName } from '../tokens/session-id.js';
import {
  isEndedBy,
  LateRevocation,
  LISTING_PAGE,
  type ListingPage,
  MOST_LISTED,
  type ReuseRule,
  type Revocation,
  type RevocationPage,
  type RevocationTtl,
  type RotationAnswer,
  type RotationRequest,
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

/** Everything that is kept ends at a moment of the store's clock. */
interface Ending {
  readonly expiresAt: number;
}

interface SessionRecord extends Ending {
  readonly latest: LatestToken;
}

interface UserRecord extends Ending {
  readonly cutoff: Cutoff;
}

interface LogEntry extends Ending {
  readonly revocation: Revocation;
}

interface ListedDetails extends Ending {
  readonly details: Uint8Array;
}

/**
 * Keeps sessions in this process: for development, tests, and applications that run as one process. A restart forgets them.
 *
 * Holds at most 100,000 sessions with a latest token; one more is refused (503), and none is dropped to make room.
 * Revoked records and cutoffs are kept beyond that: a revocation is never dropped.
 */
export class InMemorySessionStore implements SessionStore {
  readonly #records = new Map<string, SessionRecord>();
  readonly #revoked = new Map<string, Ending>();
  readonly #users = new Map<string, UserRecord>();
  readonly #log = new Map<string, LogEntry>();
  #position = 0;
  #asked: RevocationTtl & Ending = { record: 0, log: 0, expiresAt: 0 };
  /** Keyed by user, then by `sid`. */
  readonly #listed = new Map<string, Map<string, ListedDetails>>();
  readonly #announced = new Map<string, Ending>();
  readonly #listeners = new Set<() => void>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock = systemClock,
    private readonly maxSessions = MAX_SESSIONS,
  ) {}

  async rotate(request: RotationRequest): Promise<RotationAnswer> {
    const { sid, generation, candidate, rejected, reuse } = request;
    const record = this.#live(this.#records, sid);
    const begins = generation < 0 && candidate !== undefined;
    const end = this.#endOf(begins ? { ...request, tracked: false } : request);
    if (end) return end;
    const latest = record?.latest;
    const isNewer = latest !== undefined && latest.gen > generation;
    const isRepeated = isNewer && candidate !== undefined && sameBytes(latest.sealed, candidate.sealed);
    const late = isNewer && !isRepeated && reuse ? this.#judge(sid, latest, generation, reuse) : undefined;
    if (late) return late;
    const isReplaced = latest?.gen === generation && rejected !== undefined && !sameBytes(latest.sealed, rejected);
    const isSuperseded = latest && (isNewer || isReplaced);
    if (reuse?.isUse && (isSuperseded || !candidate)) this.#use({ sid, gen: generation }, reuse.revokeAfter);
    if (isRepeated) return { outcome: 'rotated', lostWrite: false, ...this.#sealedOtherwise(request) };
    if (isSuperseded) return { outcome: 'handed-over', latest: latest.gen, sealed: latest.sealed };
    if (!candidate) return { outcome: 'current' };
    if (!record && this.#records.size >= this.maxSessions) {
      throw new StoreError(`The in-memory store is full: it holds ${this.maxSessions} sessions. Use Redis.`);
    }
    this.#keep(this.#records, sid, {
      latest: { gen: generation + 1, sealed: candidate.sealed, uses: latest?.uses ?? [] },
      expiresAt: this.#end(candidate.ttl, record),
    });
    if (reuse?.isUse) this.#use({ sid, gen: generation }, reuse.revokeAfter);
    if (request.tracked) this.#list(request, candidate.ttl);
    return { outcome: 'rotated', lostWrite: (latest?.gen ?? 0) < generation, ...this.#sealedOtherwise(request) };
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
    return this.#live(this.#users, sub)?.cutoff;
  }

  async revokeUser(sub: string, ttl: RevocationTtl, except?: string): Promise<Cutoff> {
    this.#refuseLate(ttl);
    const record = this.#live(this.#users, sub);
    const before = record?.cutoff;
    const session = except === undefined ? undefined : sessionName(except);
    const cutoff: Cutoff = {
      time: Math.max(this.clock.now(), (before?.time ?? 0) + 1),
      ...(session === undefined ? {} : { except: { session, floor: floorFor(session, before) } }),
    };
    this.#keep(this.#users, sub, { cutoff, expiresAt: this.#end(ttl.record, record) });
    this.#append({ user: hashed(sub), cutoff, at: this.#nextPosition() }, ttl);
    return cutoff;
  }

  async revocationsAfter(position: number, countedFrom: number): Promise<RevocationPage> {
    const now = this.clock.now();
    const kept = [...this.#log.values()].filter(({ expiresAt }) => expiresAt > now).map(({ revocation }) => revocation);
    const after = kept.filter(({ at }) => at > position).sort((one, other) => one.at - other.at);
    const entries = after.slice(0, PAGE);
    return {
      now,
      entries,
      ...(after.length > PAGE ? { next: entries.at(-1)?.at ?? position } : {}),
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
    this.#keep(this.#announced, keys, { expiresAt: this.#end(ttl, this.#announced.get(keys)) });
    return [...this.#announced.keys()].filter((announced) => this.#live(this.#announced, announced));
  }

  async listedSessions(sub: string, after = ''): Promise<ListingPage> {
    const now = this.clock.now();
    const listed = [...(this.#listed.get(sub) ?? [])]
      .filter(([, { expiresAt }]) => expiresAt > now)
      // Padded, so that text sorts like time. The `sid` gives sessions that end at the same moment places of their own.
      .map(([sid, { details, expiresAt }]) => ({
        sid,
        details,
        place: `${String(expiresAt).padStart(16, '0')}:${sid}`,
      }))
      .sort((one, other) => (one.place < other.place ? -1 : 1));
    const rest = after === '' ? listed.slice(-MOST_LISTED) : listed.filter(({ place }) => place > after);
    const page = rest.slice(0, LISTING_PAGE);
    const cutoff = this.#live(this.#users, sub)?.cutoff;
    return {
      sessions: page.flatMap(({ sid, details }) => {
        const latest = this.#live(this.#records, sid)?.latest;
        return latest ? { details, latest: latest.gen, sealed: latest.sealed } : [];
      }),
      ...(rest.length > LISTING_PAGE ? { next: page.at(-1)?.place ?? '' } : {}),
      ...(cutoff ? { cutoff } : {}),
    };
  }

  async replaceDetails(
    { sid, sub }: Pick<SessionOfToken, 'sid' | 'sub'>,
    before: Uint8Array,
    details: Uint8Array,
  ): Promise<void> {
    const listed = this.#listed.get(sub);
    const session = listed && this.#live(listed, sid);
    if (session && sameBytes(session.details, before)) listed.set(sid, { ...session, details });
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
  }

  #list({ sub, sid, details }: RotationRequest, ttl: number): void {
    const listed = this.#listed.get(sub) ?? new Map<string, ListedDetails>();
    const before = this.#live(listed, sid);
    const shown = details ?? before?.details;
    if (!shown) return;
    this.#listed.set(sub, listed);
    this.#keep(listed, sid, { details: shown, expiresAt: this.#end(ttl, before) });
  }

  #sealedOtherwise({ sub, sid, currentSeal }: RotationRequest): { details?: Uint8Array } {
    const details = this.#live(this.#listed.get(sub) ?? new Map<string, ListedDetails>(), sid)?.details;
    if (!details || !currentSeal || sameBytes(details.subarray(0, currentSeal.length), currentSeal)) return {};
    return { details };
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
    if (this.#live(this.#revoked, session.sid)) return { outcome: 'revoked' };
    const cutoff = this.#live(this.#users, session.sub)?.cutoff;
    if (cutoff && isEndedBy(cutoff, session)) return { outcome: 'revoked', cutoff: cutoff.time };
    return session.tracked && !this.#live(this.#records, session.sid) ? { outcome: 'revoked' } : undefined;
  }

  #refuseLate({ before = Number.POSITIVE_INFINITY }: Pick<RevocationTtl, 'before'>): void {
    if (this.clock.now() >= before) throw new LateRevocation(this.clock.now());
  }

  #use({ sid, gen }: UsedGeneration, revokeAfter: number): void {
    const record = this.#live(this.#records, sid);
    if (!record || gen <= (record.latest.uses[0]?.gen ?? 0)) return;
    const [latest, previous, checkpoint, oldest] = record.latest.uses;
    const now = this.clock.now();
    const isTooEarly = checkpoint && now - checkpoint.since < revokeAfter;
    const earlier = isTooEarly ? [latest, checkpoint, oldest] : [latest, previous, checkpoint];
    const uses = [{ gen, since: now }, ...earlier.filter((use) => use !== undefined)];
    this.#keep(this.#records, sid, { ...record, latest: { ...record.latest, uses } });
  }

  #endSession(sid: string, ttl: number): void {
    const before = this.#live(this.#revoked, sid) ?? this.#live(this.#records, sid);
    this.#records.delete(sid);
    this.#keep(this.#revoked, sid, { expiresAt: this.#end(ttl, before) });
  }

  /** The longest times that were asked for, until these have passed. */
  get #longest(): RevocationTtl {
    const { record, log, expiresAt } = this.#asked;
    return expiresAt > this.clock.now() ? { record, log } : { record: 0, log: 0 };
  }

  #nextPosition(): number {
    const now = this.clock.now();
    const isFuture = this.#position > (now + OVERLAP) * 1000;
    this.#position = Math.max(now * 1000, isFuture ? 0 : this.#position + 1);
    return this.#position;
  }

  #append(revocation: Revocation, { record, log }: RevocationTtl): void {
    const longest = { record: Math.max(record, this.#longest.record), log: Math.max(log, this.#longest.log) };
    this.#asked = { ...longest, expiresAt: this.#end(Math.max(longest.record, longest.log)) };
    const name = 'session' in revocation ? `s:${revocation.session}` : `u:${revocation.user}`;
    this.#keep(this.#log, name, { revocation, expiresAt: this.#end(longest.log) });
    for (const listener of this.#listeners) listener();
  }

  #end(ttl: number, previous?: Ending): number {
    return Math.max(previous?.expiresAt ?? 0, this.clock.now() + ttl);
  }

  #live<T extends Ending>(kept: ReadonlyMap<string, T>, name: string): T | undefined {
    const found = kept.get(name);
    return found && found.expiresAt > this.clock.now() ? found : undefined;
  }

  #keep<T extends Ending>(kept: Map<string, T>, name: string, value: T): void {
    kept.set(name, value);
    // One timer for all, since a timer of 30 days would fire at once; unref'd, so that it keeps no process alive.
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL).unref();
  }

  #sweep(): void {
    const now = this.clock.now();
    const kinds = [this.#records, this.#revoked, this.#users, this.#log, this.#announced];
    for (const kept of [...kinds, ...this.#listed.values()]) {
      for (const [name, { expiresAt }] of kept) {
        if (expiresAt <= now) kept.delete(name);
      }
    }
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
