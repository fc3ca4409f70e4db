import type { Clock } from '../../tokens/clock.js';
import { hashed, sessionName, tagIn } from '../../tokens/session-id.js';
import type { TokenTimes } from '../../tokens/token-times.js';
import { type Argument, isReply, type RedisConnection, type ScriptCall } from './redis-connection.js';
import { placeOf } from './connection-problem.js';
import { redisWarnings } from './redis-warnings.js';
import type { RedisReplicas } from './redis-replicas.js';
import {
  ANNOUNCE_KEYS,
  APPEND,
  IS_REVOKED,
  LISTED_SESSIONS,
  RECORD_USE,
  RAISE_CUTOFF,
  REPLACE_DETAILS,
  REVOCATIONS_AFTER,
  REVOKE,
  REVOKE_USER,
  ROTATE,
  USER_CUTOFF,
} from './redis-scripts.js';
import {
  LateRevocation,
  LISTING_PAGE,
  type ListedSession,
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
  UNSEEN,
  type Cutoff,
  type UsedGeneration,
} from '../session-store.js';

/** The number of log entries on a page, which has 63 KB and takes Redis 0.6 ms. */
const PAGE = 1_000;

/** Keeps sessions in Redis or Valkey, single or cluster, for all processes: one key per session, one command per rotation. */
export class RedisSessionStore implements SessionStore {
  readonly #log: string;
  /** Called with the reason if a notification could not be published. */
  readonly #refused = new Set<(reason: string) => void>();

  constructor(
    private readonly connection: RedisConnection,
    private readonly keyPrefix: string,
    /** Replaces the clock of Redis, for tests. */
    private readonly clock?: Clock,
    /** Replicas that must have a revocation too. */
    private readonly replicas?: RedisReplicas,
  ) {
    this.#log = `${keyPrefix}:revocations`;
  }

  async rotate(request: RotationRequest): Promise<RotationAnswer> {
    const { sid, sub, rev, generation, candidate, rejected, tracked, reuse, details, currentSeal } = request;
    const [session, user] = [sessionName(sid), hashed(sub)];
    const keys = [this.#key('session', session), this.#key('user', user), ...(tracked ? this.#listKeys(user) : [])];
    const reply = await this.#run(ROTATE, keys, [
      session,
      rev,
      generation,
      bytes(candidate?.sealed),
      candidate?.ttl ?? 0,
      bytes(rejected),
      this.#now(),
      bytes(details),
      bytes(tracked ? currentSeal : undefined),
      ...(reuse ? reuseArguments(reuse) : []),
    ]);
    return parseAnswer(reply);
  }

  async recordUse(uses: readonly UsedGeneration[], revokeAfter: number): Promise<void> {
    await Promise.all(
      uses.map(({ sid, gen }) =>
        this.#run(RECORD_USE, [this.#key('session', sessionName(sid))], [gen, revokeAfter, this.#now()]),
      ),
    );
  }

  async revoke(sid: string, ttl: RevocationTtl): Promise<void> {
    const since = performance.now();
    const entry = { session: sessionName(sid), at: UNSEEN };
    await this.#run(REVOKE, [this.#key('session', entry.session)], [ttl.record, ttl.before ?? '', this.#now()]);
    await this.#announce(entry, ttl, since);
  }

  async isRevoked({ sid, sub, rev, tracked }: SessionOfToken): Promise<boolean> {
    const session = sessionName(sid);
    const keys = [this.#key('session', session), this.#key('user', hashed(sub))];
    return parseInteger(await this.#run(IS_REVOKED, keys, [session, rev, tracked ? 1 : ''])) === 1;
  }

  async userCutoff(sub: string): Promise<Cutoff | undefined> {
    return parseOptionalCutoff(await this.#run(USER_CUTOFF, [this.#key('user', hashed(sub))], []));
  }

  async revokeUser(sub: string, ttl: RevocationTtl, except?: string): Promise<Cutoff> {
    const since = performance.now();
    const user = hashed(sub);
    const session = except === undefined ? '' : sessionName(except);
    const args = [ttl.record, session, this.#now(), ttl.before ?? ''];
    const cutoff = parseCutoff(await this.#run(REVOKE_USER, [this.#key('user', user)], args));
    const entry = { user, cutoff, at: UNSEEN };
    await this.#announce(entry, ttl, since);
    return cutoff;
  }

  async revocationsAfter(position: number, countedFrom: number): Promise<RevocationPage> {
    return parsePage(await this.#run(REVOCATIONS_AFTER, [this.#log], [position, countedFrom, PAGE, this.#now()]));
  }

  async restoreRevocations(entries: readonly Revocation[], ttl: RevocationTtl): Promise<void> {
    await Promise.all(entries.map((entry) => this.#run(...this.#restoreCall(entry, ttl.record))));
    await this.#append(entries, ttl);
  }

  onRevocation(listener: () => void, refused: (reason: string) => void = () => undefined): () => Promise<void> {
    let isListening = true;
    // A notification that was under way when the subscriber was closed may still arrive.
    const notify = () => isListening && listener();
    const subscriber = this.connection.subscribe(this.#log, notify, refused);
    this.#refused.add(refused);
    return async () => {
      isListening = false;
      this.#refused.delete(refused);
      subscriber.disconnect();
    };
  }

  async announceKeys(keys: string, ttl: number): Promise<string[]> {
    const reply = await this.#run(ANNOUNCE_KEYS, [`${this.keyPrefix}:keys`], [keys, ttl, this.#now()]);
    return isList(reply) ? reply.map(String) : [];
  }

  async listedSessions(sub: string, after = ':'): Promise<ListingPage> {
    const user = hashed(sub);
    const keys = [this.#key('user', user), ...this.#listKeys(user), this.#key('session', `${tagIn(user)}.`)];
    const [end = '', session = ''] = after.split(':');
    return parseListing(await this.#run(LISTED_SESSIONS, keys, [this.#now(), LISTING_PAGE, MOST_LISTED, end, session]));
  }

  async replaceDetails(
    { sid, sub }: Pick<SessionOfToken, 'sid' | 'sub'>,
    before: Uint8Array,
    details: Uint8Array,
  ): Promise<void> {
    const [, key = ''] = this.#listKeys(hashed(sub));
    await this.#run(REPLACE_DETAILS, [key], [sessionName(sid), bytes(before), bytes(details)]);
  }

  /** The Redis that keeps the sessions, by its address and database. Contains no credentials. */
  get place(): string {
    const { client } = this.connection;
    return client.isCluster ? 'a Redis Cluster' : `Redis${placeOf(client)} (database ${client.options?.db ?? 0})`;
  }

  /** Finds risks in the set-up of this Redis. */
  warnings(times: Pick<TokenTimes, 'now' | 'leeway'>): Promise<string[]> {
    return redisWarnings(this.connection.client, times);
  }

  async close(): Promise<void> {
    this.replicas?.close();
    await this.connection.close();
  }

  /**
   * Returns the key of something that belongs to a session or a user. The braces make a hash tag, so that all keys of one user share a slot
   * of the cluster.
   *
   * @param name the session's name in the log, `<tag>.<hash>`, or the user's, `<hash>`, which begins with the same tag
   */
  #key(kind: string, name: string): string {
    return `${this.keyPrefix}:{${tagIn(name)}}:${kind}:${name.slice(name.indexOf('.') + 1)}`;
  }

  #listKeys(user: string): string[] {
    const listed = this.#key('sessions', user);
    return [listed, `${listed}:details`];
  }

  #now(): number | '' {
    return this.clock?.now() ?? '';
  }

  #restoreCall(entry: Revocation, ttl: number): ScriptCall {
    if ('session' in entry) return [REVOKE, [this.#key('session', entry.session)], [ttl, '', this.#now()]];
    const { time, except } = entry.cutoff;
    return [RAISE_CUTOFF, [this.#key('user', entry.user)], [ttl, time, except?.floor ?? '', except?.session ?? '']];
  }

  #appendCall(entries: readonly Revocation[], { log, record }: RevocationTtl): ScriptCall {
    return [APPEND, [this.#log], [this.#log, log, record, this.#now(), ...entries.map(formatRevocation)]];
  }

  /** Appends a revocation to the log, and waits for replicas to have it. It is in force already, even if this fails. */
  async #announce(entry: Revocation, ttl: RevocationTtl, since: number): Promise<void> {
    await this.#append([entry], ttl);
    await this.replicas?.write([this.#restoreCall(entry, ttl.record), this.#appendCall([entry], ttl)], since);
  }

  /** Appends to the log. Succeeds even if the notification fails, since every process also polls. */
  async #append(entries: readonly Revocation[], ttl: RevocationTtl): Promise<void> {
    const reason = String(await this.#run(...this.#appendCall(entries, ttl)));
    if (reason !== '') for (const refused of this.#refused) refused(reason);
  }

  /** Runs a script. Reads are scripts too, since those run on the primary even if the client prefers replicas. */
  async #run(...call: ScriptCall): Promise<unknown> {
    try {
      return await this.connection.run(...call);
    } catch (error) {
      throw isReply(error) ? this.#refusal(error, call[1]) : error;
    }
  }

  /** Drops the error of ioredis, which holds the arguments of its command. */
  #refusal({ message }: Error, keys: readonly string[]): StoreError {
    const [, now] = /^LATE (\d+)$/.exec(message) ?? [];
    if (now !== undefined) return new LateRevocation(Number(now));
    const isOddValue = /\b(WRONGTYPE|NEWERFORMAT)\b/.test(message);
    return new StoreError(message, isOddValue && !keys.includes(this.#log));
  }
}

function bytes(value: Uint8Array | undefined): Buffer {
  return value ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.alloc(0);
}

function reuseArguments({ grace, revokeAfter, expiredFor, waited, isUse, revokeFor, before }: ReuseRule): Argument[] {
  return [grace, revokeAfter, expiredFor, waited, isUse ? 1 : '', revokeFor ?? '', before ?? ''];
}

function bufferOf(reply: unknown): Buffer | undefined {
  return Buffer.isBuffer(reply) ? reply : undefined;
}

function isList(reply: unknown): reply is unknown[] {
  return Array.isArray(reply);
}

function unexpected(): StoreError {
  return new StoreError('Redis gave an answer that the scripts of the session store do not give');
}

/** Clients with `stringNumbers` give integers as text. */
function parseInteger(reply: unknown): number {
  const number = Number(String(reply));
  if (!Number.isInteger(number)) throw unexpected();
  return number;
}

function parseAnswer(reply: unknown): RotationAnswer {
  const [outcome, number, sealed] = isList(reply) ? reply : [];
  switch (String(outcome)) {
    case 'revoked':
      return { outcome: 'revoked', cutoff: parseInteger(number) || undefined };
    case 'current':
      return { outcome: 'current' };
    case 'rotated':
      return { outcome: 'rotated', lostWrite: parseInteger(number) === 1, details: bufferOf(sealed) };
    case 'superseded':
      return { outcome: 'superseded', latest: parseInteger(number) };
    case 'reused':
      return { outcome: 'reused', latest: parseInteger(number) };
    case 'handed-over':
      if (Buffer.isBuffer(sealed)) return { outcome: 'handed-over', latest: parseInteger(number), sealed };
  }
  throw unexpected();
}

function parseCutoff(reply: unknown): Cutoff {
  const [time, floor, session] = isList(reply) ? reply : [];
  const except = bufferOf(session) && { session: String(session), floor: parseInteger(floor) };
  return { time: parseInteger(time), except };
}

function parseOptionalCutoff(reply: unknown): Cutoff | undefined {
  return isList(reply) && reply.length === 0 ? undefined : parseCutoff(reply);
}

function parseListing(reply: unknown): ListingPage {
  const [parts, next, found] = isList(reply) ? reply : [];
  if (!isList(parts) || !isList(next)) throw unexpected();
  const sessions: ListedSession[] = [];
  for (let i = 0; i < parts.length; i += 3) {
    const [details, latest, sealed] = parts.slice(i, i + 3);
    if (!Buffer.isBuffer(details) || !Buffer.isBuffer(sealed)) throw unexpected();
    sessions.push({ details, latest: parseInteger(latest), sealed });
  }
  return { sessions, next: next.join(':') || undefined, cutoff: parseOptionalCutoff(found) };
}

function parsePage(reply: unknown): RevocationPage {
  const [now, count, log, record, members, stale] = isList(reply) ? reply : [];
  if (!isList(members)) throw unexpected();
  const entries: Revocation[] = [];
  for (let i = 0; i < members.length; i += 2) {
    const entry = parseRevocation(String(members[i]), Number(String(members[i + 1])));
    if (entry) entries.push(entry);
  }
  return {
    now: parseInteger(now),
    entries,
    next: members.length === 2 * PAGE ? Number(String(members.at(-1))) : undefined,
    count: parseInteger(count),
    longest: { log: parseInteger(log), record: parseInteger(record) },
    stale: String(stale) || undefined,
  };
}

function formatRevocation(revocation: Revocation): string {
  if ('session' in revocation) return `s:${revocation.session}`;
  const { time, except } = revocation.cutoff;
  return `u:${revocation.user}:${time}:${except ? `${except.floor}:${except.session}` : ''}`;
}

/** Returns `undefined` for an entry that a newer version or somebody else wrote. */
function parseRevocation(member: string, at: number): Revocation | undefined {
  // Only the name of a session has a dot. So no entry of a user can stand for a session, or the other way round.
  const [, session] = /^s:([\w-]+\.[\w-]+)$/.exec(member) ?? [];
  if (session !== undefined) return { session, at };
  const [, user, time, floor, excepted] = /^u:([\w-]+):(\d{1,15}):(?:(\d{1,15}):([^:]+))?$/.exec(member) ?? [];
  if (user === undefined) return undefined;
  const except = excepted === undefined ? undefined : { session: excepted, floor: Number(floor) };
  return { user, cutoff: { time: Number(time), except }, at };
}
