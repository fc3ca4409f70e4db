import {
  type RotationAnswer,
  type RotationRequest,
  type SessionOfToken,
  type SessionStore,
  type UsedGeneration,
} from 'nestjs-refresh-auth/store';
import { TestClock } from '../clock.js';
import type { Random, Timeline } from './timeline.js';

const MINUTE = 60_000;

/** The fate of reports of use on their way to the store. */
export interface Reports {
  /** The share of reports that are lost, of 1. */
  readonly lost: number;
  /** The share of reports that come up to two minutes late, of 1. */
  readonly late: number;
}

interface Write {
  readonly at: number;
  readonly apply: (store: SessionStore) => Promise<unknown>;
}

/**
 * A store whose replica lags a minute behind, so that a failover loses the last minute, and that not every report of use reaches. It keeps the
 * truth of when which generation came into use.
 */
export class SimulatedStore implements SessionStore {
  readonly #clock: TestClock;
  readonly #uses: { readonly gen: number; readonly at: number }[] = [];
  #primary: SessionStore;
  #writes: Write[] = [];

  constructor(
    private readonly makeStore: (clock: TestClock) => SessionStore,
    private readonly timeline: Timeline,
    private readonly random: Random,
    private readonly reports: Reports,
  ) {
    this.#clock = new TestClock(timeline.clock.now());
    this.#primary = makeStore(this.#clock);
  }

  /** Since when something newer than a generation has been in use, in milliseconds since 1970. */
  newerInUseSince(generation: number): number | undefined {
    return this.#uses.find(({ gen }) => gen > generation)?.at;
  }

  async failOver(): Promise<void> {
    const now = this.timeline.clock.now();
    this.#writes = this.#writes.filter(({ at }) => at < now - MINUTE);
    await this.#primary.close?.();
    this.#primary = this.makeStore(this.#clock);
    for (const { at, apply } of this.#writes) {
      this.#clock.set(at);
      // The same requests get the same answers, a late revocation among them.
      await apply(this.#primary).catch(() => undefined);
    }
  }

  async rotate(request: RotationRequest): Promise<RotationAnswer> {
    const answer = await this.#write((store) => store.rotate(request));
    const isServed = answer.outcome === 'rotated' || answer.outcome === 'handed-over';
    if (request.reuse?.isUse && isServed) this.#note(request.generation);
    return answer;
  }

  async recordUse(uses: readonly UsedGeneration[], revokeAfter: number): Promise<void> {
    for (const { gen } of uses) this.#note(gen);
    if (this.random.isLucky(this.reports.lost)) return;
    const record = () => this.#write((store) => store.recordUse(uses, revokeAfter));
    if (this.random.isLucky(this.reports.late)) this.timeline.in(this.random.upTo(2 * MINUTE), record);
    else await record();
  }

  async revoke(sid: string, ttl: Parameters<SessionStore['revoke']>[1]): Promise<void> {
    await this.#write((store) => store.revoke(sid, ttl));
  }

  async revokeUser(...args: Parameters<SessionStore['revokeUser']>): ReturnType<SessionStore['revokeUser']> {
    return this.#write((store) => store.revokeUser(...args));
  }

  async isRevoked(session: SessionOfToken): Promise<boolean> {
    this.#clock.set(this.timeline.clock.now());
    return this.#primary.isRevoked(session);
  }

  async userCutoff(sub: string): ReturnType<SessionStore['userCutoff']> {
    this.#clock.set(this.timeline.clock.now());
    return this.#primary.userCutoff(sub);
  }

  async close(): Promise<void> {
    await this.#primary.close?.();
  }

  #note(gen: number): void {
    if (gen > (this.#uses.at(-1)?.gen ?? 0)) this.#uses.push({ gen, at: this.timeline.clock.now() });
  }

  #write<T>(apply: (store: SessionStore) => Promise<T>): Promise<T> {
    const at = this.timeline.clock.now();
    this.#clock.set(at);
    this.#writes.push({ at, apply });
    return apply(this.#primary);
  }
}
