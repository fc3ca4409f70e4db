import { AT_ONCE } from './core.js';
import {
  InMemorySessionStore,
  type RotationAnswer,
  type RotationRequest,
  type SessionOfToken,
  type SessionStore,
} from 'nestjs-refresh-auth/store';
import { RefreshAuthCore } from '../../libs/refresh-auth/src/refresh-auth.core.js';
import { resolveOptions } from '../../libs/refresh-auth/src/options/refresh-auth-options.js';
import { TestClock } from './clock.js';

/*
 * Clients, a network that loses responses, and two processes of the real library on one store, in simulated time.
 * Everything random comes from the seed, so that two rules can be compared on the same lives.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const EXPIRES_IN = 60;
const GRACE = 30;
const SETTINGS = [undefined, 0.2].map((refreshAhead) =>
  resolveOptions({
    secret: 'of the simulation: 32 bytes or more of it',
    expiresIn: EXPIRES_IN,
    refreshWindow: '7d',
    reuseDetection: { grace: GRACE },
    refreshAhead,
    // The stores of the simulation do not push.
    revocation: 'every-request',
  }),
);

export interface Conditions {
  readonly seed: number;
  /** The share of responses that never reach the client. */
  readonly lost: number;
  /** How many times the client sends something. */
  readonly bursts: number;
  readonly refreshAhead: boolean;
  /** How many times the store forgets its last minute. */
  readonly failovers: number;
  /** When somebody copies the token, as a part of the session. */
  readonly theft?: number;
}

export interface Outcome {
  /** How often reuse was detected. */
  readonly reuses: number;
  /** True if the client had to sign in again. */
  readonly loggedOut: boolean;
  /** Between the theft and its detection, in lives of a token. */
  readonly foundAfter?: number;
}

/** The rule of the textbooks: only the immediate predecessor is handed over, and only inside the grace. */
export class TextbookStore extends InMemorySessionStore {
  readonly #rotations = new Map<string, { latest: number; at: number }>();

  constructor(private readonly now: TestClock) {
    super(now);
  }

  override async rotate(request: RotationRequest): Promise<RotationAnswer> {
    const { sid, generation } = request;
    const last = this.#rotations.get(sid);
    const answer = await super.rotate(request);
    if (answer.outcome === 'rotated') this.#rotations.set(sid, { latest: generation + 1, at: this.now.now() });
    const isBenign = last && generation === last.latest - 1 && this.now.now() < last.at + GRACE * SECOND;
    if (answer.outcome !== 'handed-over' || !request.reuse || isBenign) return answer;
    await this.revoke(sid, { record: HOUR, log: HOUR });
    return { outcome: 'reused', latest: answer.latest };
  }
}

/** A store whose replica lags a minute behind: at a failover, what it has not heard of yet is gone. */
class ReplicatedStore implements SessionStore {
  #primary: SessionStore;
  #writes: { at: number; apply: (store: SessionStore) => Promise<unknown> }[] = [];

  constructor(
    private readonly makeStore: (clock: TestClock) => SessionStore,
    private readonly clock: TestClock,
  ) {
    this.#primary = makeStore(clock);
  }

  async failOver(): Promise<void> {
    const now = this.clock.now();
    this.#writes = this.#writes.filter(({ at }) => at < now - MINUTE);
    await this.close();
    this.#primary = this.makeStore(this.clock);
    for (const { at, apply } of this.#writes) {
      this.clock.set(at);
      await apply(this.#primary);
    }
    this.clock.set(now);
  }

  async rotate(request: RotationRequest): Promise<RotationAnswer> {
    return this.#write((store) => store.rotate(request));
  }
  async recordUse(...uses: Parameters<SessionStore['recordUse']>): Promise<void> {
    await this.#write((store) => store.recordUse(...uses));
  }
  async revoke(sid: string, ttl: Parameters<SessionStore['revoke']>[1]): Promise<void> {
    await this.#write((store) => store.revoke(sid, ttl));
  }
  async revokeUser(...args: Parameters<SessionStore['revokeUser']>): ReturnType<SessionStore['revokeUser']> {
    return this.#write((store) => store.revokeUser(...args));
  }
  async isRevoked(session: SessionOfToken): Promise<boolean> {
    return this.#primary.isRevoked(session);
  }
  async userCutoff(sub: string): ReturnType<SessionStore['userCutoff']> {
    return this.#primary.userCutoff(sub);
  }
  async close(): Promise<void> {
    await this.#primary.close?.();
  }

  #write<T>(apply: (store: SessionStore) => Promise<T>): Promise<T> {
    this.#writes.push({ at: this.clock.now(), apply });
    return apply(this.#primary);
  }
}

/** Lives the life of one client. */
export async function simulate(
  conditions: Conditions,
  makeStore: (clock: TestClock) => SessionStore = (clock) => new InMemorySessionStore(clock),
): Promise<Outcome> {
  const random = randomFrom(conditions.seed);
  const clock = new TestClock();
  const store = new ReplicatedStore(makeStore, clock);
  const settings = SETTINGS[conditions.refreshAhead ? 1 : 0]!;
  const processes = [1, 2].map(() => new RefreshAuthCore(settings, store, clock));
  const seen = { reuses: 0 };
  for (const { events } of processes) {
    events.observable.subscribe(({ type }) => {
      if (type === 'reuse-detected') seen.reuses += 1;
    });
  }

  const { token } = await processes[0]!.signIns.start({ sub: '1' }, {});
  const victim: Client = { token, next: clock.now() };
  let thief: Client | undefined;
  const stolenAt = Math.floor((conditions.theft ?? 2) * conditions.bursts);
  const failoverAt = new Set(
    Array.from({ length: conditions.failovers }, () => Math.floor(random() * conditions.bursts)),
  );
  let theft = 0;

  for (let burst = 0; burst < conditions.bursts && seen.reuses === 0; burst++) {
    if (burst === stolenAt) {
      theft = clock.now();
      thief = { token: victim.token, next: theft };
      victim.next = theft;
    }
    if (failoverAt.has(burst)) await store.failOver();
    const client = thief && thief.next < victim.next ? thief : victim;
    clock.set(Math.max(clock.now(), client.next));
    await sendBurst(client, processes, clock, random, conditions.lost);
    // Nobody waits for the uses: they are written 100 ms later.
    for (const { usedGenerations } of processes) await usedGenerations?.flush();
    client.next = clock.now() + pause(random, thief !== undefined);
  }

  const found = seen.reuses > 0 && thief !== undefined;
  const loggedOut = (await attempt(processes[0]!, victim.token)) === 'refused';
  await Promise.all(processes.map(async (core) => core.stop()));
  await store.close();
  return {
    reuses: seen.reuses,
    loggedOut,
    ...(found ? { foundAfter: (clock.now() - theft) / (EXPIRES_IN * SECOND) } : {}),
  };
}

interface Client {
  token: string;
  /** When it sends something next. */
  next: number;
}

/** Some requests at once, with the same token, that arrive within seconds; the client keeps the token of any response that reaches it. */
async function sendBurst(client: Client, processes: RefreshAuthCore[], clock: TestClock, random: Random, lost: number) {
  const presented = client.token;
  for (let requests = 1 + Math.floor(random() * 3); requests > 0; requests--) {
    clock.advance(random() * 5 * SECOND);
    const core = processes[Math.floor(random() * processes.length)]!;
    const answer = await attempt(core, presented);
    if (answer === 'refused') return;
    if (answer !== undefined && random() >= lost) client.token = answer;
  }
}

/** @returns the new token, if the response carries one */
async function attempt({ authenticator, refreshAhead }: RefreshAuthCore, token: string): Promise<string | undefined> {
  try {
    const { state, claims, refreshed } = await authenticator.authenticate(token, 'refresh', AT_ONCE);
    return (refreshed ?? (state === 'valid' ? await refreshAhead?.refresh(claims) : undefined))?.token;
  } catch {
    return 'refused';
  }
}

/** Mostly seconds; sometimes the tab sleeps for minutes or hours, unless a theft is to be watched while both are active. */
function pause(random: Random, isActive: boolean): number {
  const kind = random();
  if (isActive || kind < 0.75) return random() * 60 * SECOND;
  return kind < 0.95 ? random() * 10 * MINUTE : random() * 12 * HOUR;
}

type Random = () => number;

/** mulberry32: small, and the same on every machine. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
