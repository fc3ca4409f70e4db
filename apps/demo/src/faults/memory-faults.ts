import type { RefreshAuthOptions } from 'nestjs-refresh-auth';
import { InMemorySessionStore } from 'nestjs-refresh-auth/store';
import type { StoreFaults } from './store-faults.js';

/** A switch for stores in memory. */
export class MemoryFaults implements StoreFaults {
  isRunning = true;

  through(options: RefreshAuthOptions): RefreshAuthOptions {
    return { ...options, store: new StoppableStore(this) };
  }

  stop(): void {
    this.isRunning = false;
  }

  start(): void {
    this.isRunning = true;
  }

  async close(): Promise<void> {}
}

type Method = Exclude<keyof InMemorySessionStore, 'onRevocation' | 'close'>;
type Call<M extends Method> = Parameters<InMemorySessionStore[M]>;
type Answer<M extends Method> = ReturnType<InMemorySessionStore[M]>;

/** Wraps a store. While it is stopped, every call rejects, as with a store that cannot be reached. */
class StoppableStore extends InMemorySessionStore {
  constructor(private readonly faults: MemoryFaults) {
    super();
  }

  override async rotate(...call: Call<'rotate'>): Answer<'rotate'> {
    this.#answerIfRunning();
    return super.rotate(...call);
  }

  override async recordUse(...call: Call<'recordUse'>): Answer<'recordUse'> {
    this.#answerIfRunning();
    return super.recordUse(...call);
  }

  override async revoke(...call: Call<'revoke'>): Answer<'revoke'> {
    this.#answerIfRunning();
    return super.revoke(...call);
  }

  override async isRevoked(...call: Call<'isRevoked'>): Answer<'isRevoked'> {
    this.#answerIfRunning();
    return super.isRevoked(...call);
  }

  override async userCutoff(...call: Call<'userCutoff'>): Answer<'userCutoff'> {
    this.#answerIfRunning();
    return super.userCutoff(...call);
  }

  override async revokeUser(...call: Call<'revokeUser'>): Answer<'revokeUser'> {
    this.#answerIfRunning();
    return super.revokeUser(...call);
  }

  override async revocationsAfter(...call: Call<'revocationsAfter'>): Answer<'revocationsAfter'> {
    this.#answerIfRunning();
    return super.revocationsAfter(...call);
  }

  override async listedSessions(...call: Call<'listedSessions'>): Answer<'listedSessions'> {
    this.#answerIfRunning();
    return super.listedSessions(...call);
  }

  override async replaceDetails(...call: Call<'replaceDetails'>): Answer<'replaceDetails'> {
    this.#answerIfRunning();
    return super.replaceDetails(...call);
  }

  #answerIfRunning(): void {
    if (!this.faults.isRunning) throw new Error('stopped from the page of the demo');
  }
}
